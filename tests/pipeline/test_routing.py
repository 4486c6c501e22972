"""Weights, groups and other keywords of ``fit``, with and without metadata routing."""

import inspect
import pickle

import numpy as np
import pandas as pd
import pytest
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import AdaBoostClassifier, BaggingClassifier, StackingClassifier
from sklearn.exceptions import UnsetMetadataPassedError
from sklearn.linear_model import LogisticRegression, Ridge, SGDClassifier
from sklearn.metrics import accuracy_score, get_scorer
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    cross_val_predict,
    cross_validate,
)
from sklearn.multioutput import MultiOutputClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.estimator_checks import check_estimator
from sklearn.utils.validation import has_fit_parameter

import skmegatron as sm
from skmegatron.errors import MissingInputError, ShapeError
from skmegatron.layers import Metric, Sklearn, Whiten

rng = np.random.default_rng(0)
X = rng.normal(size=(120, 4))
Y = (X[:, 0] + rng.normal(size=120) > 0).astype(int)
WEIGHT = rng.uniform(0.01, 5, size=120)
GROUPS = np.repeat(np.arange(12), 10)
GRID = [0.001, 0.1, 10.0]


@pytest.fixture
def routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


def weighted(head, *before, keyword="sample_weight"):
    """Draw a chain whose last step is weighted."""
    x, y, w = sm.Input("X", shape=(None,)), sm.Target("y"), sm.Input("sample_weight")
    node = x
    for estimator in before:
        node = Sklearn(estimator)(node)
    return sm.Pipeline([x, y, w], Sklearn(head)(node, y=y, **{keyword: w}))


def unweighted(head=None):
    x, y = sm.Input("X", shape=(None,)), sm.Target("y")
    return sm.Pipeline([x, y], Sklearn(head or LogisticRegression())(x, y=y))


def requests(pipeline, method="fit"):
    return getattr(pipeline.get_metadata_routing(), method).requests


# What a pipeline says of itself


def test_every_fit_only_input_is_requested_and_no_other():
    x, y = sm.Input("X", shape=(None,)), sm.Target("y")
    w, groups, idle = sm.Input("sample_weight"), sm.Input("groups"), sm.Input("idle")
    guess = Sklearn(LogisticRegression(), cv=GroupKFold(3))(x, y=y, sample_weight=w, groups=groups)
    pipeline = sm.Pipeline([x, y, w, groups, idle], guess)

    for method in ("fit", "partial_fit"):
        drawn = {name for name, asked in requests(pipeline, method).items() if asked}
        assert drawn == {"sample_weight", "groups"}
    assert requests(pipeline)["validation_data"] is None
    assert requests(pipeline, "score") == {"sample_weight": None}


def test_an_input_that_prediction_reads_too_is_no_metadata():
    x, y, w = sm.Input("X", shape=(None,)), sm.Target("y"), sm.Input("w")
    features = sm.layers.Concatenate()([x, w])
    pipeline = sm.Pipeline([x, y, w], Sklearn(Ridge())(features, y=y, sample_weight=w))

    assert "w" not in requests(pipeline)
    assert "w" not in inspect.signature(pipeline.fit).parameters


@pytest.mark.parametrize("request_", [False, None, "price", True])
def test_what_was_set_is_what_is_said_also_by_a_clone_and_a_copy(routing, request_):
    pipeline = weighted(Ridge()).set_fit_request(sample_weight=request_)

    for one in (pipeline, clone(pipeline), pickle.loads(pickle.dumps(pipeline))):
        assert requests(one)["sample_weight"] is request_ or request_ == "price"
        assert requests(one)["sample_weight"] == request_
        assert requests(one, "partial_fit")["sample_weight"] is True


def test_setting_the_request_of_one_method_leaves_the_others(routing):
    pipeline = weighted(Ridge()).set_score_request(sample_weight=True)
    pipeline.set_partial_fit_request(sample_weight=False)

    assert requests(pipeline)["sample_weight"] is True
    assert requests(pipeline, "score")["sample_weight"] is True
    assert requests(pipeline, "partial_fit")["sample_weight"] is False


def test_keywords_that_fit_has_by_itself_can_be_requested(routing):
    pipeline = weighted(Ridge()).set_fit_request(validation_data=True)

    assert requests(pipeline)["validation_data"] is True


def test_a_request_for_what_fit_does_not_take_lists_what_it_takes(routing):
    words = r"\['weight'\] in set_fit_request; fit takes .*'sample_weight', .*Input\('weight'\)"
    with pytest.raises(TypeError, match=words):
        weighted(Ridge()).set_fit_request(weight=True)


def test_requests_are_refused_while_routing_is_off():
    with pytest.raises(RuntimeError, match=r"set_config\(enable_metadata_routing=True\)"):
        weighted(Ridge()).set_fit_request(sample_weight=True)


# Through scikit-learn, routing on


def spelled():
    """The sklearn spelling, with the same requests."""
    model = LogisticRegression().set_fit_request(sample_weight=True)
    return make_pipeline(
        StandardScaler().set_fit_request(sample_weight=False),
        model.set_score_request(sample_weight=True),
    )


def ours():
    return weighted(LogisticRegression(), StandardScaler())


def both():
    return ours().set_score_request(sample_weight=True), spelled()


def test_a_search_hands_weights_to_fit_and_to_the_scorer_and_groups_to_the_splitter(routing):
    mine, theirs = (
        GridSearchCV(model, {"logisticregression__C": GRID}, cv=GroupKFold(3)).fit(
            X, Y, sample_weight=WEIGHT, groups=GROUPS
        )
        for model in both()
    )

    assert_allclose(mine.cv_results_["mean_test_score"], theirs.cv_results_["mean_test_score"])
    assert_allclose(mine.predict_proba(X), theirs.predict_proba(X))
    plain = GridSearchCV(ours(), {"logisticregression__C": GRID}, cv=GroupKFold(3))
    with pytest.raises(UnsetMetadataPassedError, match="set_score_request"):
        plain.fit(X, Y, sample_weight=WEIGHT, groups=GROUPS)


def test_a_search_hands_weights_to_a_scorer_that_requests_them(routing):
    scorer = get_scorer("neg_log_loss").set_score_request(sample_weight=True)

    mine, theirs = (
        GridSearchCV(model, {"logisticregression__C": GRID}, cv=3, scoring=scorer).fit(
            X, Y, sample_weight=WEIGHT
        )
        for model in (ours(), spelled())
    )

    assert_allclose(mine.cv_results_["mean_test_score"], theirs.cv_results_["mean_test_score"])


def test_a_search_scores_with_the_metrics_of_a_weighted_graph(routing):
    drawn = weighted(LogisticRegression())
    accuracy = Metric(accuracy_score)(drawn.inputs[1], drawn.outputs, "accuracy")
    pipeline = sm.Pipeline(drawn.inputs, drawn.outputs, metrics=accuracy)

    search = GridSearchCV(
        pipeline,
        {"logisticregression__C": GRID},
        cv=3,
        scoring=sm.Pipeline.evaluate,
        refit="accuracy",
    ).fit(X, Y, sample_weight=WEIGHT)

    scorer = get_scorer("accuracy").set_score_request(sample_weight=False)
    expected = GridSearchCV(pipeline, {"logisticregression__C": GRID}, cv=3, scoring=scorer)
    expected.fit(X, Y, sample_weight=WEIGHT)
    assert_allclose(
        search.cv_results_["mean_test_accuracy"], expected.cv_results_["mean_test_score"]
    )


def test_weights_reach_only_who_requests_them(routing):
    scorer = get_scorer("accuracy").set_score_request(sample_weight=False)
    search = GridSearchCV(ours(), {"logisticregression__C": [1.0]}, cv=3, scoring=scorer)
    search.fit(X, Y, sample_weight=WEIGHT)

    expected = cross_validate(
        spelled(), X, Y, cv=3, scoring=scorer, params={"sample_weight": WEIGHT}
    )
    assert_allclose(search.cv_results_["mean_test_score"], expected["test_score"].mean())


def test_cross_validate_and_cross_val_predict_hand_weights_on(routing):
    params = {"sample_weight": WEIGHT}

    scores = [cross_validate(m, X, Y, cv=3, params=params)["test_score"] for m in both()]
    values = [
        cross_val_predict(m, X, Y, cv=3, params=params, method="predict_proba") for m in both()
    ]

    assert_allclose(*scores)
    assert_allclose(*values)


def test_an_alias_is_what_is_handed_on(routing):
    pipeline = ours().set_fit_request(sample_weight="price")

    values = cross_val_predict(pipeline, X, Y, cv=3, params={"price": WEIGHT})

    expected = cross_val_predict(spelled(), X, Y, cv=3, params={"sample_weight": WEIGHT})
    assert_array_equal(values, expected)


def test_weights_that_no_step_reads_are_refused_as_sklearn_refuses_them(routing):
    for model in (unweighted(), LogisticRegression()):
        with pytest.raises(UnsetMetadataPassedError, match="sample_weight"):
            GridSearchCV(model, {}, cv=3).fit(X, Y, sample_weight=WEIGHT)
    with pytest.raises(TypeError, match=r"unexpected argument.*sample_weight"):
        cross_val_predict(unweighted(), X, Y, cv=3, params={"sample_weight": WEIGHT})


def test_keywords_with_defaults_say_nothing_in_a_search(routing):
    search = GridSearchCV(unweighted(), {"logisticregression__C": GRID}, cv=3).fit(X, Y)

    expected = GridSearchCV(LogisticRegression(), {"C": GRID}, cv=3).fit(X, Y)
    assert_array_equal(search.predict(X), expected.predict(X))


def test_groups_that_a_step_reads_and_a_splitter_reads_reach_both(routing):
    x, y, groups = sm.Input("X", shape=(None,)), sm.Target("y"), sm.Input("groups")
    first = Sklearn(Ridge(), cv=GroupKFold(2))(x, y=y, groups=groups)
    pipeline = sm.Pipeline([x, y, groups], Sklearn(Ridge())([x, first], "last", y=y))

    search = GridSearchCV(pipeline, {"last__alpha": [1.0]}, cv=GroupKFold(3))

    assert np.isfinite(search.fit(X, Y, groups=GROUPS).best_score_)


# Around a pipeline, routing on


def test_a_sklearn_pipeline_hands_weights_on(routing):
    mine, theirs = (
        Pipeline([("scale", StandardScaler().set_fit_request(sample_weight=False)), ("m", model)])
        for model in (weighted(LogisticRegression()), LogisticRegression())
    )
    theirs["m"].set_fit_request(sample_weight=True)

    mine, theirs = (model.fit(X, Y, sample_weight=WEIGHT) for model in (mine, theirs))

    assert_allclose(mine.predict_proba(X), theirs.predict_proba(X))


def test_a_column_transformer_hands_weights_on(routing):
    x, w = sm.Input("X", shape=(None,)), sm.Input("sample_weight")
    scaled = sm.Pipeline([x, w], Sklearn(StandardScaler())(x, sample_weight=w))
    bare = StandardScaler().set_fit_request(sample_weight=True)

    mine, theirs = (
        ColumnTransformer([("s", model, [0, 2])]).fit_transform(X, sample_weight=WEIGHT)
        for model in (scaled, bare)
    )

    assert_allclose(mine, theirs)


def test_stacking_hands_weights_on(routing):
    final = LogisticRegression().set_fit_request(sample_weight=True)
    bare = LogisticRegression().set_fit_request(sample_weight=True)

    mine, theirs = (
        StackingClassifier([("one", model)], final, cv=3).fit(X, Y, sample_weight=WEIGHT)
        for model in (weighted(LogisticRegression()), bare)
    )

    assert_allclose(mine.predict_proba(X), theirs.predict_proba(X))


def test_a_classifier_of_several_outputs_hands_weights_on(routing):
    labels = np.column_stack([Y, 1 - Y])
    bare = LogisticRegression().set_fit_request(sample_weight=True)

    mine, theirs = (
        MultiOutputClassifier(model).fit(X, labels, sample_weight=WEIGHT)
        for model in (weighted(LogisticRegression()), bare)
    )

    assert_allclose(mine.predict_proba(X), theirs.predict_proba(X))


# In a pipeline


@pytest.mark.parametrize("on", [False, True])
def test_inputs_of_a_pipeline_in_a_pipeline_are_fed_by_keyword_nodes(on):
    x, y, w = sm.Input("X", shape=(None,)), sm.Target("y"), sm.Input("price")
    inner = weighted(LogisticRegression(), StandardScaler())
    outer = sm.Pipeline([x, y, w], Sklearn(inner)(Whiten()(x), y=y, sample_weight=w))
    theirs = make_pipeline(StandardScaler(), StandardScaler(), LogisticRegression())

    with sklearn.config_context(enable_metadata_routing=on):
        outer.fit(X, Y, price=WEIGHT)
    theirs.fit(X, Y, logisticregression__sample_weight=WEIGHT)

    assert_allclose(outer.predict_proba(X), theirs.predict_proba(X))


def test_a_pipeline_in_a_pipeline_is_refused_a_keyword_that_it_has_no_input_for():
    x, y, w = sm.Input("X", shape=(None,)), sm.Target("y"), sm.Input("w")
    outer = sm.Pipeline([x, y, w], Sklearn(unweighted())(x, y=y, sample_weight=w))

    with pytest.raises(TypeError, match=r"'sample_weight'.*Draw sm\.Input") as caught:
        outer.fit(X, Y, w=WEIGHT)
    assert "at step 'pipeline'" in caught.value.__notes__[0]


def searched():
    model = LogisticRegression()
    with sklearn.config_context(enable_metadata_routing=True):
        model.set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
    return GridSearchCV(model, {"C": GRID}, cv=3)


@pytest.mark.parametrize("on", [False, True])
def test_a_search_as_a_step_gets_its_weights_as_it_gets_them_alone(on):
    with sklearn.config_context(enable_metadata_routing=on):
        mine = weighted(searched()).fit(X, Y, sample_weight=WEIGHT)
        theirs = searched().fit(X, Y, sample_weight=WEIGHT)

    found = mine.steps_.gridsearchcv.estimator_.cv_results_
    assert_allclose(found["mean_test_score"], theirs.cv_results_["mean_test_score"])
    assert_allclose(mine.predict_proba(X), theirs.predict_proba(X))


@pytest.mark.parametrize("on", [False, True])
def test_out_of_fold_steps_read_weights_and_groups(on):
    x, y = sm.Input("X", shape=(None,)), sm.Target("y")
    w, groups = sm.Input("sample_weight"), sm.Input("groups")
    layer = Sklearn(LogisticRegression(), method="predict_proba", cv=GroupKFold(4))
    pipeline = sm.Pipeline([x, y, w, groups], layer(x, y=y, sample_weight=w, groups=groups))

    expected = cross_val_predict(
        LogisticRegression(),
        X,
        Y,
        groups=GROUPS,
        cv=GroupKFold(4),
        method="predict_proba",
        params={"sample_weight": WEIGHT},
    )
    with sklearn.config_context(enable_metadata_routing=on):
        given = pipeline.fit_transform(X, Y, sample_weight=WEIGHT, groups=GROUPS)

    assert_allclose(given, expected)


# Keywords that a step does not take


def test_a_keyword_that_fit_does_not_take_is_refused_before_anything_is_fitted():
    x, y, w = sm.Input("X", shape=(None,)), sm.Target("y"), sm.Input("w")
    guess = Sklearn(KNeighborsClassifier())(Whiten()(x), "near", y=y, sample_weight=w)
    pipeline = sm.Pipeline([x, y, w], guess)
    words = r"'near' is called with sample_weight=, which KNeighborsClassifier\.fit does not take"

    with pytest.raises(TypeError, match=words + r": its keywords are \['y'\]\. Call it without"):
        pipeline.fit(X, Y, w=WEIGHT)


def test_a_keyword_is_looked_up_in_the_estimator_that_is_there_now():
    pipeline = weighted(Ridge()).set_params(ridge=KNeighborsClassifier())

    with pytest.raises(TypeError, match=r"'ridge' is called with sample_weight=, which KNeigh"):
        pipeline.fit(X, Y, sample_weight=WEIGHT)
    pipeline.set_params(ridge="passthrough").fit(X, Y, sample_weight=WEIGHT)


def test_groups_without_folds_to_cut_are_refused():
    words = (
        r"called with groups=, which Ridge\.fit .*write Sklearn\(Ridge\(\), cv=GroupKFold\(\)\)"
    )
    pipeline = weighted(Ridge(), keyword="groups")

    with pytest.raises(TypeError, match=words):
        pipeline.fit(X, Y, sample_weight=GROUPS)


def test_a_layer_of_ours_is_held_to_its_signature_too():
    x, w = sm.Input("x"), sm.Input("w")
    pipeline = sm.Pipeline([x, w], Whiten()(x, sample_weight=w))

    with pytest.raises(TypeError, match=r"'whiten' is called with sample_weight=, which Whiten"):
        pipeline.fit({"x": X[:, 0]}, w=WEIGHT)


# Other keywords


def test_lightgbm_takes_its_start_from_a_node():
    lightgbm = pytest.importorskip("lightgbm")
    model = lightgbm.LGBMRegressor(n_estimators=5, verbose=-1, n_jobs=1)

    check_start(model, "init_score")


def test_catboost_takes_its_start_from_a_node():
    catboost = pytest.importorskip("catboost")
    model = catboost.CatBoostRegressor(
        iterations=5, silent=True, allow_writing_files=False, thread_count=1
    )

    check_start(model, "baseline")


def check_start(model, keyword):
    x, y, start = sm.Input("X", shape=(None,)), sm.Target("y"), sm.Input("start")
    guess = Sklearn(model)(x, "guess", y=y, **{keyword: start})
    target, begin = X[:, 0].copy(), X[:, 1].copy()

    pipeline = sm.Pipeline([x, y, start], guess).fit(X, target, start=begin)

    expected = clone(model).fit(X, target, **{keyword: begin})
    assert_allclose(pipeline.predict(X), expected.predict(X))
    assert not np.allclose(pipeline.predict(X), clone(model).fit(X, target).predict(X))


# The signature of fit


def test_fit_shows_the_inputs_that_only_it_reads():
    parameters = inspect.signature(ours().fit).parameters

    assert list(parameters)[:2] == ["X", "y"]
    assert parameters["sample_weight"].kind is inspect.Parameter.KEYWORD_ONLY
    assert "sample_weight" not in inspect.signature(sm.Pipeline.fit).parameters
    assert "sample_weight" not in inspect.signature(unweighted().fit).parameters
    assert has_fit_parameter(ours(), "sample_weight")
    assert not has_fit_parameter(unweighted(), "sample_weight")


@pytest.mark.parametrize("method", ["fit", "fit_transform", "partial_fit", "fit_predict"])
def test_all_that_fit_show_them(method):
    x, w = sm.Input("X", shape=(None,)), sm.Input("sample_weight")
    model = sm.layers.Sklearn(sklearn.cluster.MiniBatchKMeans(2))
    pipeline = sm.Pipeline([x, w], model(x, sample_weight=w))

    assert "sample_weight" in inspect.signature(getattr(pipeline, method)).parameters


def test_the_method_is_an_ordinary_bound_method():
    pipeline = ours()

    assert inspect.ismethod(pipeline.fit)
    assert inspect.isfunction(sm.Pipeline.fit)
    assert pipeline.fit.__name__ == "fit"
    assert pipeline.fit.__doc__ == sm.Pipeline.fit.__doc__
    assert pipeline.fit == pipeline.fit
    assert hash(pipeline.fit) == hash(pipeline.fit)
    assert pipeline.fit != ours().fit
    assert "def fit(" in inspect.getsource(pipeline.fit)
    loaded = pickle.loads(pickle.dumps(pipeline.fit))
    assert loaded(X, Y, sample_weight=WEIGHT).score(X, Y) > 0.5


def test_a_graph_that_cannot_be_drawn_still_has_a_signature():
    assert "X" in inspect.signature(sm.Pipeline(3, 4).fit).parameters


def test_a_method_that_is_not_there_is_not_shown():
    assert not hasattr(ours(), "partial_fit")


# Weights through what asks by signature, routing off

AROUND = {
    "AdaBoostClassifier": lambda m: AdaBoostClassifier(m, n_estimators=4, random_state=0),
    "BaggingClassifier": lambda m: BaggingClassifier(m, n_estimators=4, random_state=0),
    "CalibratedClassifierCV": lambda m: CalibratedClassifierCV(m, cv=3),
    "MultiOutputClassifier": MultiOutputClassifier,
}
STUMP = DecisionTreeClassifier(max_depth=1, random_state=0)


def answer(model, labels, **weights):
    return np.asarray(model.fit(X, labels, **weights).predict_proba(X))


@pytest.mark.parametrize("name", AROUND)
def test_around_a_weighted_pipeline_weights_do_what_they_do_around_the_estimator(name):
    around = AROUND[name]
    labels = np.column_stack([Y, 1 - Y]) if name == "MultiOutputClassifier" else Y
    heads = (STUMP, weighted(STUMP))

    expected, given = (answer(around(head), labels, sample_weight=WEIGHT) for head in heads)
    plain = answer(around(STUMP), labels)

    assert_array_equal(given, expected)
    assert not np.allclose(given, plain)


def test_adaboost_of_a_longer_pipeline_is_that_of_the_estimator_on_the_same_steps():
    given = answer(AROUND["AdaBoostClassifier"](weighted(STUMP, StandardScaler())), Y)
    scaled = StandardScaler().fit_transform(X)

    expected = AROUND["AdaBoostClassifier"](STUMP).fit(scaled, Y).predict_proba(scaled)
    assert_allclose(given, expected)


# Shapes of weights


def test_weights_must_be_a_plain_column():
    with pytest.raises(
        ShapeError, match=r"'sample_weight' expects shape \(n_rows,\), got \(120, 1"
    ):
        ours().fit(X, Y, sample_weight=WEIGHT[:, None])
    with pytest.raises(ShapeError, match=r"'X' has 120, .*'sample_weight' has 3"):
        ours().fit(X, Y, sample_weight=WEIGHT[:3])


@pytest.mark.parametrize("kind", [list, pd.Series])
def test_weights_may_come_as_a_list_or_a_series(kind):
    given = ours().fit(X, Y, sample_weight=kind(WEIGHT)).predict_proba(X)

    assert_array_equal(given, ours().fit(X, Y, sample_weight=WEIGHT).predict_proba(X))


@pytest.mark.parametrize("memory", [None, sm.MemoryCache()])
def test_no_weights_are_said_with_none(memory):
    pipeline = ours().set_params(memory=memory)

    given = pipeline.fit(X, Y, sample_weight=None).predict_proba(X)

    plain = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, Y)
    assert_allclose(given, plain.predict_proba(X))
    with pytest.raises(MissingInputError, match=r"Missing input \['sample_weight'\]"):
        ours().fit(X, Y)


def test_weights_that_stream_are_handed_on():
    pipeline = weighted(SGDClassifier(random_state=0))
    bare = SGDClassifier(random_state=0)

    for rows in (slice(60), slice(60, None)):
        pipeline.partial_fit(X[rows], Y[rows], [0, 1], sample_weight=WEIGHT[rows])
        bare.partial_fit(X[rows], Y[rows], [0, 1], sample_weight=WEIGHT[rows])

    assert_allclose(pipeline.decision_function(X), bare.decision_function(X))


# sklearn's battery


class Weighable(sm.Pipeline):
    """A weighted pipeline that can do without weights, as sklearn's estimators can."""

    def fit(self, X, y=None, sample_weight=None):
        return super().fit(X, y, sample_weight=sample_weight)

    def fit_transform(self, X, y=None, sample_weight=None):
        return super().fit_transform(X, y, sample_weight=sample_weight)


# sklearn fits these checks on weights only where fit has a sample_weight.
@pytest.mark.parametrize("on", [False, True])
@pytest.mark.parametrize("head", [LogisticRegression(), Ridge()])
def test_a_weighted_graph_passes_the_battery_of_sklearn(head, on):
    drawn = weighted(head)

    with sklearn.config_context(enable_metadata_routing=on):
        results = check_estimator(
            Weighable(drawn.inputs, drawn.outputs), on_skip=None, on_fail=None
        )

    failed = [r for r in results if r["status"] not in ("passed", "skipped")]
    assert {r["check_name"]: r["exception"] for r in failed} == {}
    assert any("sample_weight" in r["check_name"] for r in results)


class NoKeywords(ClassifierMixin, BaseEstimator):
    """Takes any keyword, and does not tell which."""

    def fit(self, X, y, **anything):
        self.seen_ = sorted(anything)
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return np.zeros(len(X))


def test_a_fit_that_takes_any_keyword_gets_it():
    pipeline = weighted(NoKeywords(), keyword="whatever").fit(X, Y, sample_weight=WEIGHT)

    assert pipeline.steps_.nokeywords.seen_ == ["whatever"]
