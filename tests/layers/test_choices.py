"""What `choose` takes, and what calling a layer makes of it."""

import copy
import pickle

import joblib
import numpy as np
import pytest
from imblearn.over_sampling import RandomOverSampler
from numpy.testing import assert_allclose
from scipy import stats
from sklearn.base import clone
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, Matern
from sklearn.linear_model import Lasso, Ridge
from sklearn.metrics import fbeta_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

import skmegatron as sm
from skmegatron.errors import NodeTypeError
from skmegatron.layers import (
    Flatten,
    Frozen,
    Impute,
    Lambda,
    Resample,
    Scatter,
    Sklearn,
    SplitDict,
    Whiten,
)
from skmegatron.layertools import Maybe
from skmegatron.nodes.choices import choice_in


def nodes():
    return sm.Input("X", shape=(None,)), sm.Target("y")


def scaled(x, alpha=1):
    return x * alpha


# What choose takes.


def test_the_default_is_the_first_candidate():
    assert sm.choose([3, 1, 2]).default == 3


def test_the_default_of_a_dict_is_its_first_value():
    assert sm.choose({"low": 0.1, "high": 10}).default == 0.1


def test_the_default_of_a_distribution_is_its_median():
    assert_allclose(sm.choose(stats.loguniform(0.01, 100)).default, 1)


def test_the_default_of_a_distribution_of_whole_numbers_is_one():
    default = sm.choose(stats.randint(1, 10)).default

    assert (default, type(default)) == (5, int)


def test_what_only_draws_is_drawn_from_once_for_the_default():
    class Coin:
        def rvs(self, random_state=None):
            return np.random.RandomState(random_state).randint(2)

    assert sm.choose(Coin()).default in (0, 1)


def test_an_array_is_listed_in_pythons_own_numbers():
    listed = sm.choose(np.array([1, 2])).listed

    assert listed == [1, 2]
    assert {type(value) for value in listed} == {int}


@pytest.mark.parametrize("candidates", [range(1, 3), (1, 2), [1, 2]])
def test_sequences_are_listed_as_they_are(candidates):
    assert sm.choose(candidates).listed == [1, 2]


def test_estimators_in_a_list_are_labelled_by_their_classes():
    choice = sm.choose([PCA(), TruncatedSVD(), "passthrough", None, Sklearn(Ridge())])

    assert choice.listed == ["pca", "truncatedsvd", "passthrough", "none", "ridge"]


def test_estimators_of_one_class_are_numbered():
    assert sm.choose([PCA(2), PCA(5), Ridge()]).listed == ["pca-1", "pca-2", "ridge"]


@pytest.mark.parametrize(
    ("candidates", "words"),
    [
        ("pca", r"got 'pca'\. Write choose\(\['pca'\]\)"),
        (3, r"got 3\. Write choose\(\[3\]\)"),
        (np.float64(3), r"choose\(\["),
        (np.zeros((2, 2)), "It has 2 axes"),
        ({1, 2}, "set has no first candidate"),
        (iter([1, 2]), r"choose\(list"),
        ({1: "a"}, r"labels of choose are strings, got 1.*\{'1'"),
        ({"": "a"}, "labels of choose are strings"),
        (PCA(), r"choose\(\[PCA\(\)\]\)"),
        (stats.Normal(mu=0, sigma=1), "with rvs"),
        ([1, sm.choose([2])], "a choice itself"),
    ],
)
def test_what_has_no_order_or_stands_alone_is_refused(candidates, words):
    with pytest.raises(TypeError, match=words):
        sm.choose(candidates)


@pytest.mark.parametrize("candidates", [[], {}, np.array([]), ()])
def test_no_candidates_are_refused(candidates):
    with pytest.raises(ValueError, match="at least one candidate"):
        sm.choose(candidates)


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        (sm.choose([0.1, 1]), "choose([0.1, 1])"),
        (sm.choose({"pca": PCA(), "none": "x"}), "choose({'pca': PCA(), 'none': 'x'})"),
        (sm.choose(stats.loguniform(0.1, b=10)), "choose(loguniform(0.1, b=10))"),
        (sm.choose(range(9)), "choose([0, 1, 2, 3, 4, 5, 6, 7, ...])"),
        (Sklearn(PCA(sm.choose([2, 3]))), "Sklearn(estimator=PCA(n_components=choose([2, 3])))"),
    ],
)
def test_choices_are_readable(choice, words):
    assert repr(choice) == words


def test_a_copy_of_a_choice_is_itself_and_a_loaded_one_is_alike():
    choice = sm.choose({"low": 0.1, "high": 10})

    assert copy.deepcopy(choice) is choice
    assert clone(choice, safe=False) is choice
    assert repr(pickle.loads(pickle.dumps(choice))) == repr(choice)
    assert joblib.hash(choice) == joblib.hash(sm.choose({"low": 0.1, "high": 10}))


# Calling a layer.


@pytest.mark.parametrize(
    ("layer", "choices"),
    [
        (Sklearn(PCA(sm.choose([2, 3]))), ["n_components"]),
        (Whiten(ddof=sm.choose([0, 1])), ["ddof"]),
        (Lambda(scaled, alpha=sm.choose([1, 2])), ["alpha"]),
        (Impute(sm.choose([{np.nan: 0}, {np.nan: 1}])), ["imputation_dict"]),
        (Maybe(Whiten(ddof=sm.choose([0, 1]))), ["layer__ddof"]),
        (Sklearn(make_pipeline(MinMaxScaler(), PCA(sm.choose([2, 3])))), ["pca__n_components"]),
        (Sklearn(make_pipeline(sm.choose([MinMaxScaler(), PCA()]), Ridge())), ["choice"]),
        (
            Sklearn(ColumnTransformer([("a", PCA(sm.choose([2, 3])), [0, 1, 2])])),
            ["a__n_components"],
        ),
        (Sklearn(CountVectorizer(ngram_range=sm.choose([(1, 1), (1, 2)]))), ["ngram_range"]),
        (
            Sklearn(GaussianProcessRegressor(sm.choose([RBF(), Matern()]))),
            ["kernel"],
        ),
        (
            Sklearn(TransformedTargetRegressor(Ridge(alpha=sm.choose([1, 2])))),
            ["regressor__alpha"],
        ),
        (
            Sklearn(TransformedTargetRegressor(sm.choose([Ridge(sm.choose([1, 2])), Lasso()]))),
            ["regressor", "regressor__alpha"],
        ),
        (Sklearn(sm.choose([PCA(sm.choose([2, 3])), "passthrough"])), ["", "n_components"]),
    ],
)
def test_a_call_puts_first_candidates_in_place_and_remembers_the_choices(layer, choices):
    X, _ = nodes()
    before = repr(layer)

    step = layer(X).step

    assert list(step.choices) == choices
    assert choice_in(step.layer) is None
    assert choice_in(layer) is not None
    assert repr(layer) == before


def test_the_steps_layer_is_as_if_the_first_candidate_had_been_written():
    X, y = nodes()

    node = Sklearn(sm.choose({"lda": LinearDiscriminantAnalysis(), "pca": PCA()}))([X, y])

    assert list(node.step.fit_only) == ["y"]
    assert repr(node.layer) == "Sklearn(estimator=LinearDiscriminantAnalysis())"


def test_a_layer_called_twice_draws_two_steps_that_share_one_layer():
    X, _ = nodes()
    layer = Sklearn(PCA(sm.choose([2, 3])))

    assert layer(X).layer is layer(X).layer


def test_a_layer_that_was_changed_between_two_calls_draws_what_it_is_now():
    X, _ = nodes()
    layer = Sklearn(PCA(sm.choose([2, 3]), whiten=True))
    first = layer(X).layer

    layer.set_params(estimator__whiten=False)

    assert (first.estimator.whiten, layer(X).layer.estimator.whiten) == (True, False)


def test_a_choice_is_called_as_a_layer_is():
    X, _ = nodes()
    choice = sm.choose({"pca": PCA(2), "scale": Whiten(), "none": "passthrough"})

    node = choice(X, "reduce")

    assert node.name == "reduce"
    assert repr(node.layer) == "Sklearn(estimator=PCA(n_components=2))"
    assert node.step.choices[""].listed == ["pca", "scale", "none"]
    assert choice(X).layer is node.layer


def test_a_chosen_step_is_named_after_its_first_candidate():
    X, _ = nodes()

    assert list(sm.Pipeline(X, sm.choose([PCA(2), Whiten()])(X)).graph.by_name) == ["pca"]


def test_a_choice_hands_keywords_on():
    X, y = nodes()
    weight = sm.Input("weight")

    node = sm.choose([Ridge(), Lasso()])(X, y=y, sample_weight=weight, name="model")

    assert node.step.fit_only == {"y": y, "sample_weight": weight}


def test_a_candidate_that_cannot_read_a_keyword_is_refused_when_it_is_drawn():
    X, y = nodes()

    with pytest.raises(NodeTypeError, match=r"Whiten\(\) is a candidate.*y=.*StandardScaler"):
        sm.choose([LinearDiscriminantAnalysis(), Whiten()])(X, y=y)


def test_a_candidate_that_learns_nothing_leaves_keywords_unread():
    X, y = nodes()
    pipe = sm.Pipeline(
        [X, y], sm.choose([LinearDiscriminantAnalysis(), Flatten(), "passthrough"])(X, "r", y=y)
    )

    for label in ("flatten", "passthrough"):
        values = pipe.set_params(r=label).fit(np.ones((2, 2)), [0, 1]).transform(np.ones((2, 2)))
        assert_allclose(values, 1)


def test_eager_nodes_are_computed_with_the_first_candidate():
    X = sm.Input("X", shape=(1,))(np.array([[1.0], [2.0]]))

    assert_allclose(Lambda(scaled, alpha=sm.choose([3, 5]))(X).output, [[3], [6]])
    assert_allclose(sm.choose([StandardScaler(), "passthrough"])(X).output, [[-1], [1]])


def test_a_layer_without_choices_is_the_steps_layer():
    X, _ = nodes()
    layer = Whiten()

    assert layer(X).layer is layer
    assert not layer(X).step.choices


def test_a_choice_among_what_was_learned_is_no_parameter():
    estimator = PCA()
    estimator.somebodys_ = sm.choose([1])

    assert choice_in(Sklearn(estimator)) is None


def test_what_holds_itself_can_be_looked_through():
    estimator = PCA()
    estimator.itself = [estimator]

    assert choice_in(estimator) is None


# What no search could set, and choices that nobody resolved.


@pytest.mark.parametrize(
    "layer",
    [
        Sklearn(Ridge(), method=sm.choose(["predict", "auto"])),
        Sklearn(Ridge(), cv=sm.choose([2, 3])),
        Impute({np.nan: sm.choose([0, 1])}),
    ],
)
def test_a_choice_out_of_reach_is_refused(layer):
    with pytest.raises(TypeError, match=r"where set_params of a pipeline cannot reach it.*choose"):
        layer(nodes()[0])


def test_a_choice_of_a_metric_is_refused_before_it_is_drawn():
    X, y = nodes()

    with pytest.raises(TypeError, match=r"is no step.*choose\(\[1, 2\]\)"):
        sm.metrics.Metric(fbeta_score, beta=sm.choose([1, 2]))(y, X)

    assert X.outbound_nodes == ()


def test_a_choice_between_metrics_is_refused():
    with pytest.raises(TypeError, match="metrics or explorers"):
        sm.choose([Scatter(), Scatter(5)])(nodes()[0])


def test_a_choice_between_numbers_of_outputs_is_refused():
    choice = sm.choose([Lambda(scaled), Lambda(scaled, n_outputs=2)])

    with pytest.raises(TypeError, match=r"\[1, 2\] outputs"):
        choice(nodes()[0])


def test_a_choice_between_what_changes_rows_and_what_does_not_is_refused():
    choice = sm.choose({"over": Resample(RandomOverSampler()), "scale": Whiten()})

    with pytest.raises(TypeError, match=r"Some candidates of .* change the rows while fitting"):
        choice(nodes()[0])


def test_a_choice_inside_of_what_is_frozen_says_how_to_choose_between_frozen_steps():
    fitted = PCA(1).fit(np.eye(3))

    with pytest.raises(TypeError, match=r"chosen as a whole step.*'a': Frozen"):
        Frozen(sm.choose([fitted, fitted]))(nodes()[0])


def test_a_sampler_is_chosen_as_a_layer_that_changes_rows():
    X, y = nodes()
    drawn = sm.choose({"none": "passthrough", "over": RandomOverSampler()})(X, "rows", y=y)

    assert len(drawn) == 2
    pipe = sm.Pipeline([X, y], Sklearn(Ridge())(drawn[0], y=drawn[1]))
    assert pipe.param_grid() == {"rows": ["none", "over"]}
    data = np.arange(5.0)[:, None], np.array([0, 0, 0, 0, 1])
    sampler = pipe.set_params(rows="over").fit(*data).steps_.rows.sampler_
    assert len(sampler.sample_indices_) == 8


def test_a_step_drawn_from_a_distribution_is_refused():
    for choice in (sm.choose(stats.norm()), Sklearn(sm.choose(stats.norm()))):
        with pytest.raises(TypeError, match="chosen from a list of estimators"):
            choice(nodes()[0])


@pytest.mark.parametrize("candidate", [3, PCA, Whiten])
def test_a_candidate_that_is_no_step_is_refused_when_it_is_drawn(candidate):
    with pytest.raises(TypeError, match="Sklearn takes an estimator"):
        sm.choose({"a": PCA(), "b": candidate})(nodes()[0])


def test_a_choice_between_steps_inside_another_is_refused():
    choice = sm.choose({"a": Sklearn(sm.choose([PCA(), Ridge()])), "b": PCA()})

    with pytest.raises(TypeError, match="candidates of both in one choose"):
        choice(nodes()[0])


@pytest.mark.parametrize(
    "use",
    [
        Sklearn(PCA(sm.choose([2, 3]))).fit_transform,
        Sklearn(PCA(sm.choose([2, 3]))).fit,
        Sklearn(sm.choose([PCA(), Ridge()])).fit_transform,
        Sklearn(sm.choose([PCA(), Ridge()])).fit,
        Sklearn(StandardScaler(with_mean=sm.choose([True]))).partial_fit,
        Whiten(ddof=sm.choose([0, 1])).fit,
        Lambda(scaled, alpha=sm.choose([1, 2])).transform,
        Lambda(lambda X, add: X + add, add=sm.choose([1, 2])).transform,
        Lambda(lambda X, add: X if add else 0, add=sm.choose([True, False])).transform,
    ],
)
def test_a_layer_used_on_its_own_says_where_choices_are_resolved(use):
    with pytest.raises(TypeError, match=r"calling the layer on a node, layer\(node\)"):
        use(np.ones((3, 2)))


def test_a_choice_called_on_an_array_says_what_it_is():
    with pytest.raises(TypeError, match=r"calling the layer on a node"):
        sm.choose([PCA(), Ridge()])(np.ones((3, 2)))


def test_what_is_called_on_something_else_is_refused_as_by_a_layer():
    with pytest.raises(NodeTypeError, match="is called on nodes"):
        sm.choose([PCA(), Ridge()])([np.ones((3, 2))])


def test_layers_with_several_outputs_can_be_chosen():
    X = sm.Input("X")
    split = sm.choose({"ab": SplitDict(["a", "b"]), "cd": SplitDict(["c", "d"])})

    first, second = split(X, "split")

    assert first.step is second.step
    assert list(first.step.choices) == [""]
