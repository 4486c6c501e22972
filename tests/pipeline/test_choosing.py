"""A graph lists what it leaves open, and a search over that is an ordinary search."""

import copy
import itertools
import pickle
import sys
import time
import warnings

import joblib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy import stats
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_diabetes, load_iris
from sklearn.decomposition import PCA, TruncatedSVD

# Halving searches are behind a switch in sklearn.
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import Lasso, LogisticRegression, Ridge
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    HalvingRandomSearchCV,
    ParameterGrid,
    RandomizedSearchCV,
)
from sklearn.pipeline import Pipeline as SklearnPipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

import skmegatron as sm
from skmegatron.errors import MissingDependencyError, NodeTypeError
from skmegatron.layers import Lambda, Sklearn, Whiten

IRIS = load_iris(return_X_y=True)
DIABETES = load_diabetes(return_X_y=True)


def multiplied(x, by=1):
    return x * by


def flat():
    """Draw a step that is open, and a parameter that is."""
    X, y = sm.Input("X", shape=(None,)), sm.Target("y")
    reduced = sm.choose({"pca": PCA(2), "scale": Whiten(), "none": "passthrough"})(X, "reduce")
    model = LogisticRegression(C=sm.choose([0.1, 1, 10]), solver="newton-cholesky")
    return sm.Pipeline([X, y], Sklearn(model)(reduced, y=y))


def conditional():
    """Draw steps whose candidates leave something open themselves."""
    X, y = sm.Input("X", shape=(None,)), sm.Target("y")
    small = PCA(sm.choose({"one": 1, "two": 2}), whiten=sm.choose([False, True]))
    large = PCA(sm.choose({"one": 3, "all": 4}))
    reduced = sm.choose({"small": small, "large": large, "none": "passthrough"})(X, "reduce")
    inner = sm.choose([Ridge(alpha=sm.choose([0.1, 10])), Lasso(0.1)])
    model = TransformedTargetRegressor(inner, transformer=StandardScaler())
    return sm.Pipeline([X, y], Sklearn(model)(reduced, "model", y=y))


# Listing.


def test_a_grid_lists_labels_and_values():
    assert flat().param_grid() == {
        "reduce": ["pca", "scale", "none"],
        "logisticregression__C": [0.1, 1, 10],
    }


def test_candidates_with_choices_make_several_grids():
    assert conditional().param_grid() == [
        dict(reduce, **model)
        for reduce, model in itertools.product(
            [
                {
                    "reduce": ["small"],
                    "reduce__n_components": ["one", "two"],
                    "reduce__whiten": [False, True],
                },
                {"reduce": ["large"], "reduce__n_components": ["one", "all"]},
                {"reduce": ["none"]},
            ],
            [
                {"model__regressor": ["ridge"], "model__regressor__alpha": [0.1, 10]},
                {"model__regressor": ["lasso"]},
            ],
        )
    ]


def test_a_graph_without_choices_gives_an_empty_grid_that_can_be_searched():
    X, y = sm.Input("X", shape=(None,)), sm.Target("y")
    pipe = sm.Pipeline([X, y], Sklearn(Ridge())(X, y=y))

    assert pipe.param_grid() == pipe.param_distributions() == {}
    assert GridSearchCV(pipe, pipe.param_grid()).fit(*DIABETES).best_params_ == {}


def test_choices_of_a_layer_called_twice_are_listed_once_and_set_together():
    a, b = sm.Input("a", shape=(None,)), sm.Input("b", shape=(None,))
    layer = Sklearn(PCA(sm.choose([2, 3])))
    pipe = sm.Pipeline([a, b], [layer(a, "first"), layer(b, "second")])

    assert pipe.param_grid() == {"first__n_components": [2, 3]}
    assert clone(pipe).param_grid() == {"first__n_components": [2, 3]}
    assert pipe.set_params(first__n_components=3).get_params()["second__n_components"] == 3
    assert pipe.param_grid() == {"first__n_components": [2, 3]}


def test_steps_that_share_a_choice_change_together():
    a, b = sm.Input("a", shape=(None,)), sm.Input("b", shape=(None,))
    choice = sm.choose({"pca": PCA(sm.choose([2, 3])), "none": "passthrough"})
    pipe = sm.Pipeline([a, b], [choice(a, "first"), choice(b, "second")])
    assert [list(grid) for grid in pipe.param_grid()] == [
        ["first", "first__n_components"],
        ["first"],
    ]

    pipe.set_params(first="none")
    assert pipe.get_params()["second"] == "passthrough"

    pipe.set_params(second="pca", second__n_components=3)
    assert pipe.get_params()["first__n_components"] == 3


def test_choices_of_a_pipeline_inside_a_pipeline_are_listed_under_its_step():
    X = sm.Input("X", shape=(None,))
    inner = sm.Pipeline(X, sm.choose({"pca": PCA(2), "none": "passthrough"})(X, "reduce"))
    outer_X, y = sm.Input("X", shape=(None,)), sm.Target("y")
    hidden = Sklearn(inner)(outer_X, "inner")
    outer = sm.Pipeline([outer_X, y], Sklearn(Ridge(sm.choose([1, 2])))(hidden, y=y))

    assert outer.param_grid() == {"inner__reduce": ["pca", "none"], "ridge__alpha": [1, 2]}
    outer.set_params(inner__reduce="none").fit(*DIABETES)
    assert outer.get_params()["inner__reduce"] == "passthrough"


def test_a_distribution_is_no_list():
    X, y = sm.Input("X", shape=(None,)), sm.Target("y")
    model = Ridge(sm.choose(stats.loguniform(0.1, 10)))
    pipe = sm.Pipeline([X, y], Sklearn(model)(X, y=y))

    with pytest.raises(ValueError, match=r"'ridge__alpha'.*loguniform\(0.1, 10\).*distributions"):
        pipe.param_grid()


def test_distributions_are_listed_as_they_are():
    X, y = sm.Input("X", shape=(None,)), sm.Target("y")
    alpha = stats.loguniform(0.1, 10)
    model = Ridge(sm.choose(alpha), solver=sm.choose(["svd", "lsqr"]))
    pipe = sm.Pipeline([X, y], Sklearn(model)(X, y=y))

    listed = pipe.param_distributions()

    assert listed == {"ridge__alpha": alpha, "ridge__solver": ["svd", "lsqr"]}


def test_an_unknown_backend_is_refused():
    with pytest.raises(ValueError, match="'sklearn' or 'optuna', got 'hyperopt'"):
        flat().param_distributions("hyperopt")


# Setting.


def test_a_label_puts_a_clone_of_its_candidate_in_place():
    pipe = flat()

    pipe.set_params(reduce="scale")

    assert isinstance(pipe.get_params()["reduce"], Whiten)
    assert "reduce" in pipe.graph.by_name
    assert pipe.param_grid() == flat().param_grid()
    assert flat().set_params(reduce="pca").get_params()["reduce"].n_components == 2


def test_labels_name_the_values_of_parameters_too():
    X, y = sm.Input("X", shape=(None,)), sm.Target("y")
    model = Ridge(alpha=sm.choose({"weak": 0.1, "strong": 10}))
    pipe = sm.Pipeline([X, y], Sklearn(model)(X, y=y))

    assert pipe.param_grid() == {"ridge__alpha": ["weak", "strong"]}
    assert pipe.set_params(ridge__alpha="strong").get_params()["ridge__alpha"] == 10
    assert pipe.set_params(ridge__alpha=7).get_params()["ridge__alpha"] == 7


def test_a_label_wins_over_the_word_itself():
    X = sm.Input("X", shape=(None,))
    chosen = sm.choose({"none": "passthrough", "passthrough": PCA(2)})(X, "reduce")
    pipe = sm.Pipeline(X, chosen)

    assert isinstance(pipe.set_params(reduce="passthrough").get_params()["reduce"], PCA)


def test_passthrough_needs_no_label():
    pipe = sm.Pipeline(*_reduced({"pca": PCA(2), "svd": TruncatedSVD()}))

    assert pipe.set_params(reduce="passthrough").get_params()["reduce"] == "passthrough"
    assert pipe.set_params(reduce="svd").get_params()["reduce"].n_components == 2


def _reduced(candidates):
    X = sm.Input("X", shape=(None,))
    return X, sm.choose(candidates)(X, "reduce")


def test_an_unknown_word_is_refused_with_the_labels():
    pipe = flat()

    with pytest.raises(ValueError, match=r"'svd' is none of.*'pca', 'scale', 'none'"):
        pipe.set_params(reduce="svd")
    assert repr(pipe.get_params()["reduce"]) == "PCA(n_components=2)"


def test_a_step_is_set_before_its_parameters():
    pipe = conditional().set_params(reduce="none")

    pipe.set_params(reduce__n_components="all", reduce="large")

    assert pipe.get_params()["reduce__n_components"] == 4


def test_a_label_means_the_value_that_the_candidate_in_place_gives_it():
    pipe = conditional()

    assert pipe.set_params(reduce__n_components="one").get_params()["reduce__n_components"] == 1
    pipe = clone(pipe.set_params(reduce="large"))
    assert pipe.set_params(reduce__n_components="one").get_params()["reduce__n_components"] == 3


def test_a_candidate_without_choices_leaves_no_labels_of_another_behind():
    pipe = conditional().set_params(reduce="none")

    with pytest.raises(ValueError, match="has no parameters"):
        pipe.set_params(reduce__n_components="one")


def test_another_estimator_in_place_of_a_chosen_step_keeps_the_choice():
    pipe = flat().set_params(reduce=TruncatedSVD(3))

    assert pipe.get_params()["reduce__n_components"] == 3
    assert pipe.param_grid()["reduce"] == ["pca", "scale", "none"]


def test_choices_of_parameters_that_are_gone_are_not_listed():
    pipe = flat()

    assert "logisticregression__C" in pipe.set_params(logisticregression=SVC()).param_grid()
    pipe.set_params(logisticregression=StandardScaler())
    assert list(pipe.param_grid()) == ["reduce"]


def test_candidates_are_wrapped_as_they_were_drawn_whatever_is_in_place():
    X, y = sm.Input("X", shape=(None,)), sm.Target("y")
    models = sm.choose({"lr": LogisticRegression(), "svc": SVC(probability=False)})
    pipe = sm.Pipeline([X, y], Sklearn(models, method="decision_function")(X, "model", y=y))

    pipe.set_params(model=Whiten()).set_params(model="svc")

    assert pipe.graph.by_name["model"].layer.method == "decision_function"


@pytest.mark.parametrize("value", [sm.choose([1, 2]), PCA(sm.choose([1, 2]))])
def test_a_choice_cannot_be_set(value):
    with pytest.raises(TypeError, match="resolved by calling the layer on a node"):
        flat().set_params(reduce=value)
    with pytest.raises(TypeError, match="resolved by calling the layer on a node"):
        flat().set_params(logisticregression__C=value)


def test_a_name_that_ends_in_underscores_is_still_no_parameter():
    with pytest.raises(ValueError, match="Invalid parameter 'reduce__'"):
        flat().set_params(reduce__="pca")


COPIES = {
    "clone": clone,
    "deepcopy": copy.deepcopy,
    "pickle": lambda pipe: pickle.loads(pickle.dumps(pipe)),
    "set_params": lambda pipe: clone(pipe).set_params(name="twin"),
}


@pytest.mark.parametrize("how", COPIES)
def test_copies_leave_the_same_open(how):
    pipe = conditional().set_params(reduce="large")

    copied = COPIES[how](pipe)

    assert copied.param_grid() == pipe.param_grid()
    copied.set_params(reduce__n_components="one")
    assert (
        copied.get_params()["reduce__n_components"],
        pipe.get_params()["reduce__n_components"],
    ) == (3, 3)
    copied.set_params(reduce__n_components="all")
    assert pipe.get_params()["reduce__n_components"] == 3


def test_nodes_on_their_own_are_copied_with_what_they_leave_open():
    node = flat().outputs

    for copied in (copy.deepcopy(node), pickle.loads(pickle.dumps(node))):
        assert copied.step.choices["C"].listed == [0.1, 1, 10]


def test_a_file_keeps_what_is_open_lambdas_included(tmp_path):
    X = sm.Input("X", shape=(None,))
    function = sm.choose({"half": lambda x: x / 2, "same": multiplied})
    pipe = sm.Pipeline(X, Lambda(function)(X, "f"), name="open")

    loaded = sm.load_pipeline(pipe.save(tmp_path))

    assert loaded.param_grid() == {"f__fn": ["half", "same"]}
    assert_allclose(loaded.set_params(f__fn="same").fit([[2.0]]).transform([[2.0]]), [[2]])
    assert_allclose(loaded.set_params(f__fn="half").fit([[2.0]]).transform([[2.0]]), [[1]])


def test_what_is_left_open_changes_the_hash_only_if_it_is_another():
    assert joblib.hash(repr(flat())) == joblib.hash(repr(clone(flat())))
    assert isinstance(joblib.hash(flat()), str)


@pytest.mark.parametrize("pipe", [flat(), conditional()], ids=["flat", "conditional"])
def test_every_combination_can_be_set_and_cloned(pipe):
    for params in ParameterGrid(pipe.param_grid()):
        twin = clone(pipe).set_params(**params)
        assert _said(clone(twin)) == _said(twin)
        assert clone(twin).param_grid() == pipe.param_grid()


def _said(pipe):
    return {
        key: repr(value)
        for key, value in pipe.get_params().items()
        if key not in ("inputs", "outputs")
    }


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_the_same_parameters_mean_the_same_pipeline_whatever_was_set_before(data):
    every = list(ParameterGrid(conditional().param_grid()))
    before = data.draw(st.lists(st.sampled_from(every), max_size=3))
    last = data.draw(st.sampled_from(every))
    pipe = conditional()

    for params in (*before, last):
        pipe = clone(pipe).set_params(**params)

    fresh = conditional().set_params(**last)
    assert {k: v for k, v in _said(pipe).items() if k in last} == {
        k: v for k, v in _said(fresh).items() if k in last
    }
    assert isinstance(pipe.fit(*DIABETES).score(*DIABETES), float)


# Searching.


def test_a_grid_search_finds_what_one_over_a_grid_by_hand_finds():
    pipe = flat()
    by_hand = SklearnPipeline(
        [("reduce", PCA(2)), ("logisticregression", LogisticRegression(solver="newton-cholesky"))]
    )
    grid = {
        "reduce": [PCA(2), StandardScaler(), "passthrough"],
        "logisticregression__C": [0.1, 1, 10],
    }

    ours = GridSearchCV(pipe, pipe.param_grid(), cv=3).fit(*IRIS)
    theirs = GridSearchCV(by_hand, grid, cv=3).fit(*IRIS)

    labels = ["pca", "scale", "none"]
    found = dict(
        zip(map(str, ours.cv_results_["params"]), ours.cv_results_["mean_test_score"], strict=True)
    )
    for params, score in zip(
        theirs.cv_results_["params"], theirs.cv_results_["mean_test_score"], strict=True
    ):
        place = [type(one) for one in grid["reduce"]].index(type(params["reduce"]))
        key = {"logisticregression__C": params["logisticregression__C"], "reduce": labels[place]}
        assert_allclose(found[str(key)], score)
    assert ours.best_score_ == theirs.best_score_
    assert set(ours.cv_results_["param_reduce"]) == set(labels)


def test_a_search_leaves_what_was_drawn_alone():
    pipe = flat()
    steps = {name: (step.layer, repr(step.layer)) for name, step in pipe.graph.by_name.items()}

    search = GridSearchCV(pipe, pipe.param_grid(), cv=3).fit(*IRIS)

    assert {n: (s.layer, repr(s.layer)) for n, s in pipe.graph.by_name.items()} == steps
    assert not hasattr(pipe, "steps_")
    assert search.best_estimator_.param_grid() == pipe.param_grid()


@pytest.mark.parametrize("search", [GridSearchCV, HalvingGridSearchCV])
def test_searches_take_conditional_grids(search):
    pipe = conditional()
    options = {"random_state": 0} if search is HalvingGridSearchCV else {}

    found = search(pipe, pipe.param_grid(), cv=3, error_score="raise", **options).fit(*DIABETES)

    best = found.best_params_
    assert repr(found.best_estimator_.get_params()["model__regressor"]).startswith(
        {"ridge": "Ridge", "lasso": "Lasso"}[best["model__regressor"]]
    )


@pytest.mark.parametrize("search", [RandomizedSearchCV, HalvingRandomSearchCV])
def test_searches_that_draw_take_distributions(search):
    X, y = sm.Input("X", shape=(None,)), sm.Target("y")
    reduced = sm.choose({"pca": PCA(sm.choose(stats.randint(2, 5))), "none": "passthrough"})(X)
    model = Ridge(alpha=sm.choose(stats.loguniform(0.01, 1)))
    pipe = sm.Pipeline([X, y], Sklearn(model)(reduced, y=y))
    count = {"n_iter": 5} if search is RandomizedSearchCV else {"min_resources": 90}

    found = search(
        pipe, pipe.param_distributions(), cv=3, random_state=0, error_score="raise", **count
    ).fit(*DIABETES)

    assert len(pipe.param_distributions()) == 2
    assert all(0.01 <= alpha <= 1 for alpha in found.cv_results_["param_ridge__alpha"])
    assert set(found.cv_results_["param_pca"]) == {"pca", "none"}


def slowly(x, by=1):
    time.sleep(0.05)
    return x * by


def test_a_search_with_memory_finds_the_same():
    X, y = sm.Input("X", shape=(None,)), sm.Target("y")
    slow = Lambda(slowly, by=sm.choose({"as it is": 1, "doubled": 2}))(X)
    plain = sm.Pipeline([X, y], Sklearn(Ridge(alpha=sm.choose([0.1, 1, 10])))(slow, y=y))
    kept = clone(plain).set_params(memory=sm.MemoryCache())

    scores = [
        GridSearchCV(pipe, pipe.param_grid(), cv=2).fit(*DIABETES).cv_results_["mean_test_score"]
        for pipe in (plain, kept)
    ]

    assert_allclose(*scores)
    assert kept.memory.stats().hits > 0


def test_a_fit_without_a_search_uses_the_first_candidates():
    X, y = IRIS
    model = LogisticRegression(C=0.1, solver="newton-cholesky")
    by_hand = SklearnPipeline([("pca", PCA(2)), ("lr", model)])

    assert_allclose(
        flat().fit(X, y).predict_proba(X), by_hand.fit(X, y).predict_proba(X), atol=1e-9
    )


# Optuna.


def open_for_optuna():
    X, y = sm.Input("X", shape=(None,)), sm.Target("y")
    pca = PCA(sm.choose(stats.randint(2, 5)), whiten=sm.choose([False, True]))
    reduced = Sklearn(pca)(X)
    scaled = Lambda(multiplied, by=sm.choose(stats.uniform(1, 2)))(reduced)
    models = Ridge(alpha=sm.choose(stats.loguniform(0.01, 10)))
    return sm.Pipeline([X, y], Sklearn(models)(scaled, y=y))


def test_distributions_become_those_of_optuna():
    kinds = pytest.importorskip("optuna").distributions

    assert open_for_optuna().param_distributions("optuna") == {
        "pca__n_components": kinds.IntDistribution(2, 4),
        "pca__whiten": kinds.CategoricalDistribution([False, True]),
        "lambda__by": kinds.FloatDistribution(1, 3),
        "ridge__alpha": kinds.FloatDistribution(0.01, 10, log=True),
    }


def test_labels_become_categories_of_optuna():
    kinds = pytest.importorskip("optuna").distributions

    listed = flat().param_distributions("optuna")

    assert listed["reduce"] == kinds.CategoricalDistribution(["pca", "scale", "none"])


@pytest.mark.parametrize(
    "distribution", [stats.norm(0, 1), stats.loguniform(1, 10, loc=1), stats.expon()]
)
def test_what_optuna_has_nothing_like_is_refused(distribution):
    pytest.importorskip("optuna")
    X, y = sm.Input("X", shape=(None,)), sm.Target("y")
    pipe = sm.Pipeline([X, y], Sklearn(Ridge(alpha=sm.choose(distribution)))(X, y=y))

    with pytest.raises(ValueError, match=r"'ridge__alpha' is drawn from.*loguniform, uniform"):
        pipe.param_distributions("optuna")


def test_optuna_is_told_apart_from_searches_that_take_several_grids():
    with pytest.raises(ValueError, match="makes 6 grids, and OptunaSearchCV takes one"):
        conditional().param_distributions("optuna")


def test_a_missing_optuna_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)

    with pytest.raises(MissingDependencyError, match=r"skmegatron\[optuna\]"):
        flat().param_distributions("optuna")


@pytest.mark.parametrize("draw", [flat, open_for_optuna])
def test_optunas_search_works(draw):
    optuna = pytest.importorskip("optuna")
    integration = pytest.importorskip("optuna_integration.sklearn")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    pipe = draw()
    with warnings.catch_warnings():
        # optuna-integration is experimental, and still uses a module that optuna gives up.
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        warnings.filterwarnings("ignore", "`optuna.terminator`", FutureWarning)
        search = integration.OptunaSearchCV(
            pipe, pipe.param_distributions("optuna"), n_trials=6, cv=3, random_state=0
        )
        search.fit(*(IRIS if draw is flat else DIABETES))

    best = search.best_params_
    fitted = search.best_estimator_
    assert set(best) == set(pipe.param_distributions("optuna"))
    plain = [path for path, value in best.items() if not isinstance(value, str)]
    assert all(fitted.get_params()[path] == best[path] for path in plain)
    assert all(trial.value is not None and np.isfinite(trial.value) for trial in search.trials_)


def test_what_is_no_graph_leaves_nothing_open_and_says_why():
    with pytest.raises(NodeTypeError, match="inputs takes nodes"):
        sm.Pipeline("nonsense", "more").param_grid()
