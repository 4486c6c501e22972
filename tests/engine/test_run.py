"""Running a plan: errors that tell where, fits that are all or nothing, values let go of."""

import weakref
from collections import Counter
from typing import ClassVar

import joblib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, clone
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
)
from sklearn.linear_model import LinearRegression, LogisticRegression, SGDClassifier
from sklearn.preprocessing import StandardScaler

import skmegatron as sm
from skmegatron.errors import GraphError, MissingInputError
from skmegatron.layers import (
    Concatenate,
    Explorer,
    Lambda,
    Metric,
    Sklearn,
    StatefulLayer,
    Whiten,
)

rng = np.random.default_rng(0)
ROWS = rng.normal(size=(30, 3))
LABELS = (ROWS[:, 0] > 0).astype(int)


def table(name="X"):
    return sm.Input(name, shape=(None,))


class OddError(Exception):
    """An error that no library knows."""

    def __init__(self, code, /):
        super().__init__(code)
        self.code = code


class Fussy(StatefulLayer):
    """Raises the error it is given, at the method it is given, where a value is negative."""

    def __init__(self, error=OddError, at="fit"):
        self.error = error
        self.at = at

    def _fuss(self, at, X):
        if at == self.at and (np.asarray(X) < 0).any():
            raise self.error("negative")

    def partial_fit(self, X, y=None):
        self._fuss("fit", X)
        self.sum_ = getattr(self, "sum_", 0) + X.sum()
        return self

    def transform(self, X):
        self._fuss("transform", X)
        return X + self.sum_


class Counted(StatefulLayer):
    """Counts its calls, over all clones of the same label."""

    calls: ClassVar[Counter] = Counter()

    def __init__(self, label="counted"):
        self.label = label

    def fit(self, X, y=None):
        self.calls[self.label, "fit"] += 1

    def transform(self, X):
        self.calls[self.label, "transform"] += 1
        return X


@pytest.fixture
def calls():
    Counted.calls.clear()
    return Counted.calls


# --- errors tell where ----------------------------------------------------------------


def notes(error):
    return "\n".join(error.__notes__)


@pytest.mark.parametrize("error", [OddError, ValueError, KeyError, TypeError, ZeroDivisionError])
def test_error_while_fitting_keeps_its_type_and_tells_where(error):
    x = table()
    pipe = sm.Pipeline(x, Fussy(error)(x * 2, "picky"))

    with pytest.raises(error) as caught:
        pipe.fit(-np.ones((4, 3)))

    assert type(caught.value) is error
    assert caught.value.args == ("negative",)
    assert caught.value.__notes__ == [
        "  at step 'picky' (Fussy), fitting, called on 'scalarmultiply' (4, 3) float64"
    ]


def test_error_while_transforming_tells_where():
    x = table()
    pipe = sm.Pipeline(x, Fussy(at="transform")(x)).fit(np.ones((4, 3)))

    with pytest.raises(OddError) as caught:
        pipe.transform(-np.ones((2, 3), dtype=np.float32))

    assert caught.value.__notes__ == [
        "  at step 'fussy' (Fussy), transforming, called on 'X' (2, 3) float32"
    ]


def test_error_of_a_step_that_learns_nothing_is_about_transforming_even_in_a_fit():
    x = table()
    pipe = sm.Pipeline(x, Whiten()(Lambda(np.linalg.inv)(x)))

    with pytest.raises(np.linalg.LinAlgError) as caught:
        pipe.fit(np.ones((4, 3)))

    assert "at step 'lambda' (Lambda), transforming, called on 'X' (4, 3)" in notes(caught.value)


def test_error_in_a_wrapped_estimator_names_the_estimator():
    x = table()
    pipe = sm.Pipeline(x, Sklearn(PCA(9))(x))

    with pytest.raises(ValueError, match="n_components=9") as caught:
        pipe.fit(ROWS)

    assert "at step 'pca' (PCA), fitting, called on 'X' (30, 3) float64" in notes(caught.value)


def test_error_tells_every_inbound_node():
    a, b = table("a"), sm.Input("b")
    pipe = sm.Pipeline([a, b], Lambda(np.subtract)([a, b], "gap"))

    with pytest.raises(ValueError, match="broadcast") as caught:
        pipe.transform({"a": np.ones((4, 3)), "b": np.arange(4)})

    assert "called on 'a' (4, 3) float64, 'b' (4,) int64" in notes(caught.value)


def test_error_while_fitting_a_batch_tells_so():
    x = table()
    pipe = sm.Pipeline(x, Fussy()(x))

    with pytest.raises(OddError) as caught:
        pipe.partial_fit(-np.ones((4, 3)))

    assert "at step 'fussy' (Fussy), fitting a batch, called on 'X'" in notes(caught.value)


@pytest.mark.parametrize(
    ("layer", "method"), [(Metric, "evaluate"), (Explorer, "explore")], ids=["metric", "explorer"]
)
def test_error_while_evaluating_tells_where(layer, method):
    def divide(values):
        raise OddError(7)

    x = table()
    end = layer(divide)(x * 2, "ratio")
    pipe = sm.Pipeline(x, x * 1, **{f"{layer.__name__.lower()}s": end})

    with pytest.raises(OddError) as caught:
        getattr(pipe, method)(ROWS)

    assert caught.value.code == 7
    assert (
        "at step 'ratio' (" + layer.__name__ + "), evaluating, called on 'scalarmultiply"
    ) in notes(caught.value)


def test_error_in_a_step_before_a_metric_is_told_at_that_step():
    x = table()
    white = Lambda(np.linalg.inv)(x)
    pipe = sm.Pipeline(x, x * 1, metrics=Metric(np.sum)(white, "total"))

    with pytest.raises(np.linalg.LinAlgError) as caught:
        pipe.evaluate(ROWS)

    assert "at step 'lambda' (Lambda), transforming" in notes(caught.value)


@pytest.mark.parametrize("method", ["predict", "predict_proba", "score"])
def test_error_while_predicting_tells_where(method):
    x, y = table(), sm.Target("y")
    scaled = Fussy(at="transform")(x)
    pipe = sm.Pipeline([x, y], Sklearn(LogisticRegression())(scaled, y=y))
    pipe.fit(np.abs(ROWS), LABELS)

    with pytest.raises(OddError) as caught:
        getattr(pipe, method)(*[ROWS, LABELS][: 2 if method == "score" else 1])

    assert "at step 'fussy' (Fussy), transforming, called on 'X' (30, 3)" in notes(caught.value)


def test_error_of_a_method_that_only_predicting_calls_tells_where():
    class Silent(BaseEstimator):
        def fit(self, X, y=None):
            return self

        def predict(self, X):
            raise OddError("no")

    x = table()
    pipe = sm.Pipeline(x, Sklearn(Silent())(x, "silent")).fit(ROWS)

    with pytest.raises(OddError) as caught:
        pipe.predict(ROWS)

    assert "at step 'silent' (Silent), transforming, called on 'X' (30, 3)" in notes(caught.value)


def test_eager_error_tells_where():
    x = table()(-np.ones((4, 3)))

    with pytest.raises(OddError) as caught:
        Fussy()(x, "picky")

    assert "at step 'picky' (Fussy), eagerly, called on 'X' (4, 3) float64" in notes(caught.value)


def test_eager_error_on_an_unnamed_node_does_not_call_it_none():
    x = table()(-np.ones((4, 3)))

    with pytest.raises(OddError) as caught:
        Fussy()(x * 2)

    assert "'None'" not in notes(caught.value)
    assert "scalarmultiply" in notes(caught.value).lower()


def test_eager_error_in_a_wrapped_estimator_names_the_estimator_as_the_step():
    with pytest.raises(ValueError, match="n_components=9") as caught:
        Sklearn(PCA(9))(table()(ROWS))

    assert "at step 'pca' (PCA), eagerly" in notes(caught.value)


def test_error_inside_a_pipeline_inside_a_pipeline_is_told_at_both():
    inner_x, x = table("inner"), table()
    inner = sm.Pipeline(inner_x, Fussy()(inner_x))
    pipe = sm.Pipeline(x, Sklearn(inner)(x, "outer"))

    with pytest.raises(OddError) as caught:
        pipe.fit(-np.ones((4, 3)))

    told = caught.value.__notes__
    assert "at step 'fussy' (Fussy)" in told[0]
    assert "at step 'outer' (Pipeline)" in told[1]


def test_layer_with_another_number_of_outputs_than_it_says_is_refused():
    x = table()
    pipe = sm.Pipeline(x, list(Lambda(np.sqrt, n_outputs=2)(x)))

    with pytest.raises(ValueError, match="n_outputs=2 and must return a tuple of 2") as caught:
        pipe.transform(np.ones((4, 3)))

    assert "at step 'lambda' (Lambda)" in notes(caught.value)


# --- all or nothing -------------------------------------------------------------------


def state_of(pipe):
    return {name: joblib.hash(layer) for name, layer in pipe.steps_.items()}


def fussy_pipeline():
    """A pipeline whose last step fails on negative numbers, after others have learned."""
    x, y = table(), sm.Target("y")
    features = Concatenate()([Whiten()(x), Fussy()(x)])
    return sm.Pipeline([x, y], Sklearn(LogisticRegression())(Fussy()(x) + features, y=y))


def grown():
    """Positive rows, so that `fussy_pipeline` can be fitted."""
    x, y = table(), sm.Target("y")
    first = Whiten()(x)
    last = Fussy()(x)
    pred = Sklearn(SGDClassifier(random_state=0))([first, last], y=y)
    return sm.Pipeline([x, y], pred)


GOOD = np.abs(ROWS)
FAILURES = {
    "a step raises": lambda pipe: pipe.fit(ROWS, LABELS),
    "an input is missing": lambda pipe: pipe.fit({"Z": GOOD}, LABELS),
    "the labels are missing": lambda pipe: pipe.fit(GOOD),
    "the rows do not match": lambda pipe: pipe.fit(GOOD, LABELS[:5]),
    "there is a NaN": lambda pipe: pipe.fit(np.where(GOOD > 1, np.nan, GOOD), LABELS),
    "validation data fails": lambda pipe: pipe.fit(GOOD, LABELS, validation_data=(GOOD,)),
    "the names are mixed": lambda pipe: pipe.fit_transform(ROWS, LABELS),
}


@pytest.mark.parametrize("fail", FAILURES.values(), ids=FAILURES)
def test_failing_fit_leaves_a_fitted_pipeline_as_it_was(fail):
    pipe = grown().fit(GOOD, LABELS)
    steps, layers, state = pipe.steps_, dict(pipe.steps_), state_of(pipe)
    predicted = pipe.predict(GOOD)

    with pytest.raises((OddError, ValueError, MissingInputError)):
        fail(pipe)

    assert pipe.steps_ is steps
    assert all(pipe.steps_[name] is layer for name, layer in layers.items())
    assert state_of(pipe) == state
    assert_array_equal(pipe.predict(GOOD), predicted)
    assert pipe.n_features_in_ == 3


@pytest.mark.parametrize("fail", FAILURES.values(), ids=FAILURES)
def test_failing_fit_leaves_an_unfitted_pipeline_unfitted(fail):
    pipe = grown()
    before = set(vars(pipe)) - {"_graph_cache"}

    with pytest.raises((OddError, ValueError, MissingInputError)):
        fail(pipe)

    assert not hasattr(pipe, "steps_")
    assert not hasattr(pipe, "n_features_in_")
    assert {name for name in vars(pipe) if name.endswith("_") or name in before} == before


def test_failing_first_batch_leaves_a_pipeline_unfitted():
    pipe = grown()

    with pytest.raises(OddError):
        pipe.partial_fit(ROWS, LABELS, classes=[0, 1])

    assert not hasattr(pipe, "steps_")


def test_failing_batch_leaves_what_the_batches_before_it_have_taught():
    pipe = grown().partial_fit(GOOD, LABELS, classes=[0, 1])
    steps, state, predicted = pipe.steps_, state_of(pipe), pipe.predict(GOOD)

    with pytest.raises(OddError):
        pipe.partial_fit(ROWS, LABELS)

    assert pipe.steps_ is steps
    assert state_of(pipe) == state
    assert_array_equal(pipe.predict(GOOD), predicted)


def test_batch_after_a_failed_one_goes_on_as_if_it_had_not_been():
    plain = grown().partial_fit(GOOD, LABELS, classes=[0, 1]).partial_fit(GOOD, LABELS)
    pipe = grown().partial_fit(GOOD, LABELS, classes=[0, 1])

    with pytest.raises(OddError):
        pipe.partial_fit(ROWS, LABELS)
    pipe.partial_fit(GOOD, LABELS)

    assert_array_equal(pipe.predict(GOOD), plain.predict(GOOD))
    assert pipe.steps_.whiten.n_rows_ == 2 * len(GOOD)


def test_templates_are_never_fitted():
    pipe = grown()
    layers = [step.layer for step in pipe.graph.steps]
    before = [joblib.hash(layer) for layer in layers]

    pipe.fit(GOOD, LABELS).partial_fit(GOOD, LABELS).predict(GOOD)

    assert [joblib.hash(layer) for layer in layers] == before


def test_fitting_again_forgets_the_first_fit():
    pipe = grown().fit(GOOD * 5 + 1, LABELS).fit(GOOD, LABELS)

    assert_array_equal(pipe.predict(GOOD), grown().fit(GOOD, LABELS).predict(GOOD))


@pytest.mark.parametrize("method", ["transform", "predict", "predict_proba", "evaluate", "score"])
def test_using_a_pipeline_never_changes_it(method):
    x, y = table(), sm.Target("y")
    pred = Sklearn(LogisticRegression())(Whiten()(x), y=y)
    pipe = sm.Pipeline([x, y], pred, metrics=Metric(np.subtract)([y, pred], "gap"))
    pipe.fit(ROWS, LABELS)
    before = joblib.hash(pipe)

    getattr(pipe, method)(*[ROWS, LABELS][: 2 if method in ("evaluate", "score") else 1])

    assert joblib.hash(pipe) == before


# --- once per fit ---------------------------------------------------------------------


def counted_diamond():
    x, y = table(), sm.Target("y")
    top = Counted("top")(x)
    left, right = Counted("left")(top), Counted("right")(top)
    bottom = Counted("bottom")(Concatenate()([left, right]))
    pred = Sklearn(LogisticRegression())(bottom, y=Counted("labels")(y))
    end = Metric(np.subtract)([y, pred], "gap")
    return sm.Pipeline([x, y], [pred, left, bottom], metrics=end)


FEATURES = ["top", "left", "right", "bottom"]


@pytest.mark.parametrize("method", ["fit", "fit_transform"])
def test_each_step_is_fitted_and_run_once_per_fit(calls, method):
    getattr(counted_diamond(), method)(ROWS, LABELS)

    assert {label: calls[label, "fit"] for label in [*FEATURES, "labels"]} == dict.fromkeys(
        [*FEATURES, "labels"], 1
    )
    assert {label: calls[label, "transform"] for label in FEATURES} == dict.fromkeys(FEATURES, 1)


def test_output_that_nobody_reads_is_fitted_and_not_run(calls):
    x = table()
    sm.Pipeline(x, Counted("end")(Counted("start")(x))).fit(ROWS)

    assert calls == {("start", "fit"): 1, ("start", "transform"): 1, ("end", "fit"): 1}


def test_layer_called_twice_is_fitted_once_per_step(calls):
    x, layer = table(), Counted("shared")

    sm.Pipeline(x, layer(layer(x))).fit_transform(ROWS)

    assert calls == {("shared", "fit"): 2, ("shared", "transform"): 2}


def test_fit_only_branch_is_not_run_at_predict(calls):
    pipe = counted_diamond().fit(ROWS, LABELS)
    calls.clear()

    pipe.transform(ROWS)

    assert calls == {(label, "transform"): 1 for label in FEATURES}


def test_weights_that_steps_compute_are_not_computed_at_predict(calls):
    x, y, w = table(), sm.Target("y"), sm.Input("w")
    weights = Counted("weights")(Lambda(np.sqrt)(w))
    pred = Sklearn(LinearRegression())(x, y=y, sample_weight=weights)
    pipe = sm.Pipeline([x, y, w], pred).fit(ROWS, LABELS, w=np.full(30, 4.0))
    assert calls["weights", "fit"] == 1
    calls.clear()

    pipe.predict(ROWS)

    assert not calls


def test_step_that_only_a_metric_needs_is_fitted_and_run_by_evaluate_alone(calls):
    x = table()
    extra = Counted("extra")(x)
    pipe = sm.Pipeline(x, Whiten()(x), metrics=Metric(np.sum)(extra, "total"))

    pipe.fit(ROWS)
    pipe.transform(ROWS)
    assert calls == {("extra", "fit"): 1}
    pipe.evaluate(ROWS)

    assert calls["extra", "transform"] == 1


# --- outputs= -------------------------------------------------------------------------


def chain():
    x = table()
    first = Counted("first")(x * 2)
    second = Counted("second")(first + 1)
    third = Counted("third")(x)
    pipe = sm.Pipeline(x, [Concatenate()([second, third], "both")])
    return pipe.fit(ROWS), first, second


def test_any_value_can_be_asked_for_by_name_or_node(calls):
    pipe, _first, second = chain()

    assert_array_equal(pipe.transform(ROWS, outputs=["counted-1"]), ROWS * 2)
    assert_array_equal(pipe.transform(ROWS, outputs="counted-1"), ROWS * 2)
    assert_array_equal(pipe.transform(ROWS, outputs=[second]), ROWS * 2 + 1)
    assert_array_equal(pipe.transform(ROWS, outputs=second), ROWS * 2 + 1)
    assert_array_equal(pipe.transform(ROWS, outputs="X"), ROWS)


def test_several_values_come_as_a_dataset_in_the_order_asked(calls):
    pipe, first, _second = chain()

    result = pipe.transform(ROWS, outputs=["both", first, "X"])

    assert list(result) == ["both", "counted-1", "X"]
    assert_array_equal(result["counted-1"], ROWS * 2)


def test_only_the_steps_behind_the_values_asked_for_are_run(calls):
    pipe, first, _second = chain()
    calls.clear()

    pipe.transform(ROWS, outputs=[first])

    assert calls == {("first", "transform"): 1}


def test_only_the_inputs_behind_the_values_asked_for_are_needed():
    a, b = table("a"), table("b")
    white = Whiten()(a)
    pipe = sm.Pipeline([a, b], Concatenate()([white, b])).fit({"a": ROWS, "b": ROWS})

    assert_allclose(pipe.transform({"a": ROWS}, outputs=white).mean(0), 0, atol=1e-12)


def test_value_of_a_fit_only_branch_can_be_asked_for():
    x, y = table(), sm.Target("y")
    scaled = Whiten()(y, "scaled")
    pipe = sm.Pipeline([x, y], Sklearn(LinearRegression())(x, y=scaled)).fit(ROWS, LABELS)

    result = pipe.transform({"X": ROWS, "y": LABELS}, outputs="scaled")

    assert_allclose(result, (LABELS - LABELS.mean()) / LABELS.std())


def test_node_of_the_original_drawing_is_found_in_a_clone(calls):
    pipe, first, _second = chain()

    assert_array_equal(clone(pipe).fit(ROWS).transform(ROWS, outputs=first), ROWS * 2)


def test_unknown_value_is_refused_with_the_names_there_are(calls):
    pipe, *_ = chain()

    with pytest.raises(GraphError, match=r"'nothing' is not in this pipeline.*'counted-1'"):
        pipe.transform(ROWS, outputs=["nothing"])


def test_stateless_part_of_an_unfitted_pipeline_can_be_asked_for():
    x = table()
    doubled = x * 2
    pipe = sm.Pipeline(x, Whiten()(doubled))

    assert_array_equal(pipe.transform(ROWS, outputs=doubled), ROWS * 2)


# --- letting go -----------------------------------------------------------------------


def owner(array):
    """The array whose memory it is: steps are handed views."""
    return array if array.base is None else owner(array.base)


def watched():
    """Draw a chain that remembers an intermediate value weakly and later looks for it."""
    seen = {}

    def remember(value):
        seen["ref"] = weakref.ref(owner(value))
        return value + 1

    def look(value):
        seen["alive"] = seen["ref"]() is not None
        return value

    x = table()
    node = Lambda(remember)(x + 1)
    for _ in range(3):
        node = Lambda(np.negative)(node)
    return x, Lambda(look)(node), seen


@pytest.mark.parametrize("prune", [True, False])
def test_intermediate_value_lives_on_only_without_pruning(prune):
    x, out, seen = watched()

    sm.Pipeline(x, out).transform(ROWS, prune=prune)

    assert seen["alive"] is not prune


@pytest.mark.parametrize("prune", [True, False])
def test_intermediate_value_of_evaluate_lives_on_only_without_pruning(prune):
    x, out, seen = watched()

    sm.Pipeline(x, out, metrics=Metric(np.sum)(out, "total")).evaluate(ROWS, prune=prune)

    assert seen["alive"] is not prune


class Noting(StatefulLayer):
    """Takes held-out rows, and needs none."""

    takes_validation = True

    def fit(self, X, validation_data=None):
        return self

    def transform(self, X):
        return X


@pytest.mark.parametrize("validate", [False, True])
def test_intermediate_value_of_a_fit_is_let_go_of(validate):
    x, out, seen = watched()
    held_out = {"validation_data": (ROWS, None)} if validate else {}

    sm.Pipeline(x, Noting()(Whiten()(out))).fit(ROWS, **held_out)

    assert not seen["alive"]


def test_value_read_by_a_later_step_is_kept_until_then():
    x = table()
    early = x + 1
    late = early
    for _ in range(5):
        late = -late

    assert_array_equal(sm.Pipeline(x, early + late).transform(ROWS), np.zeros_like(ROWS))


@st.composite
def numeric_graphs(draw):
    """A random stateless graph over one input."""
    x = table()
    nodes = [x]
    for _ in range(draw(st.integers(1, 10))):
        left, right = (nodes[draw(st.integers(0, len(nodes) - 1))] for _ in range(2))
        operation = draw(st.sampled_from(["+", "-", "tanh", "split"]))
        if operation == "+":
            nodes.append(left + right)
        elif operation == "-":
            nodes.append(left - right)
        elif operation == "tanh":
            nodes.append(Lambda(np.tanh)(left))
        else:
            nodes.extend(Lambda(lambda v: (v, -v), n_outputs=2)(left))
    outputs = draw(st.lists(st.sampled_from(nodes), min_size=1, max_size=3, unique=True))
    return sm.Pipeline(x, outputs)


@settings(max_examples=60, deadline=None)
@given(pipe=numeric_graphs())
def test_pruning_changes_no_output(pipe):
    kept = pipe.transform(ROWS, prune=False)
    pruned = pipe.transform(ROWS, prune=True)

    if len(pipe.outputs) == 1:
        assert_array_equal(kept, pruned)
    else:
        assert kept == pruned


# --- validation data ------------------------------------------------------------------

X_TRAIN, X_VAL, Y_TRAIN, Y_VAL = ROWS[:20], ROWS[20:] + 0.5, LABELS[:20], LABELS[20:]


class Stopping(BaseEstimator):
    """Takes `eval_set` as boosting libraries do, and remembers it."""

    def fit(self, X, y, eval_set=None, sample_weight=None):
        self.eval_set_ = eval_set
        return self

    def predict(self, X):
        return np.zeros(len(X))


@pytest.mark.parametrize(
    ("boosting", "y", "y_val"),
    [
        (HistGradientBoostingClassifier, Y_TRAIN, Y_VAL),
        (HistGradientBoostingRegressor, X_TRAIN[:, 1], X_VAL[:, 1]),
    ],
)
def test_validation_data_reaches_hist_gradient_boosting_as_by_hand(boosting, y, y_val):
    model = boosting(early_stopping=True, max_iter=20, n_iter_no_change=2, min_samples_leaf=2)
    x, label = table(), sm.Target("y")
    pred = Sklearn(model)(Sklearn(StandardScaler())(x), y=label)

    pipe = sm.Pipeline([x, label], pred).fit(X_TRAIN, y, validation_data=(X_VAL, y_val))

    scaler = StandardScaler().fit(X_TRAIN)
    by_hand = clone(model).fit(
        scaler.transform(X_TRAIN), y, X_val=scaler.transform(X_VAL), y_val=y_val
    )
    fitted = pipe.steps_[list(pipe.steps_)[-1]].estimator_
    assert fitted.n_iter_ == by_hand.n_iter_
    assert_array_equal(fitted.validation_score_, by_hand.validation_score_)
    assert_array_equal(pipe.predict(X_VAL), by_hand.predict(scaler.transform(X_VAL)))


def test_validation_data_reaches_an_estimator_with_eval_set():
    x, y = table(), sm.Target("y")
    pipe = sm.Pipeline([x, y], Sklearn(Stopping())(Whiten()(x), y=y))

    pipe.fit(X_TRAIN, Y_TRAIN, validation_data=(X_VAL, Y_VAL))

    ((held_out, labels),) = pipe.steps_.stopping.eval_set_
    assert_allclose(held_out, (X_VAL - X_TRAIN.mean(0)) / X_TRAIN.std(0))
    assert_array_equal(labels, Y_VAL)


def test_validation_labels_go_through_the_steps_of_the_labels():
    x, y = table(), sm.Target("y")
    pipe = sm.Pipeline([x, y], Sklearn(Stopping())(x, y=Whiten()(y)))

    pipe.fit(X_TRAIN, X_TRAIN[:, 0], validation_data=(X_VAL, X_VAL[:, 0]))

    ((_, labels),) = pipe.steps_.stopping.eval_set_
    train = X_TRAIN[:, 0]
    assert_allclose(labels, (X_VAL[:, 0] - train.mean()) / train.std())


def test_validation_data_is_fed_like_any_other():
    a, b, y = sm.Input("a"), table("b"), sm.Target("y")
    pipe = sm.Pipeline([a, b, y], Sklearn(Stopping())([a, b], y=y))
    train = {"a": X_TRAIN[:, 0], "b": X_TRAIN, "y": Y_TRAIN}
    held_out = sm.Dataset(a=X_VAL[:, 0], b=X_VAL)

    pipe.fit(train, validation_data=(held_out, Y_VAL))

    ((packed, labels),) = pipe.steps_.stopping.eval_set_
    assert_array_equal(packed, np.column_stack([X_VAL[:, 0], X_VAL]))
    assert_array_equal(labels, Y_VAL)


def test_validation_data_carries_its_labels_by_name_too():
    x, y = table(), sm.Target("y")
    pipe = sm.Pipeline([x, y], Sklearn(Stopping())(x, y=y))

    pipe.fit(X_TRAIN, Y_TRAIN, validation_data=({"X": X_VAL, "y": Y_VAL}, None))

    assert_array_equal(pipe.steps_.stopping.eval_set_[0][1], Y_VAL)


@pytest.mark.parametrize("where", ["model", "scaler", "both"])
def test_validation_data_goes_with_sample_weights(where):
    x, y, w = table(), sm.Target("y"), sm.Input("w")
    also = {"sample_weight": w}
    scaled = Sklearn(StandardScaler())(x, **(also if where != "model" else {}))
    pred = Sklearn(Stopping())(scaled, y=y, **(also if where != "scaler" else {}))
    weights = np.arange(1.0, 21.0)

    pipe = sm.Pipeline([x, y, w], pred).fit(
        X_TRAIN, Y_TRAIN, w=weights, validation_data=(X_VAL, Y_VAL)
    )

    ((held_out, labels),) = pipe.steps_.stopping.eval_set_
    scaler = StandardScaler().fit(X_TRAIN, sample_weight=weights if where != "model" else None)
    assert_allclose(held_out, scaler.transform(X_VAL))
    assert_array_equal(labels, Y_VAL)


def test_validation_data_does_not_change_what_other_steps_learn():
    x, y = table(), sm.Target("y")
    scaled = Whiten()(x)
    outputs = [Sklearn(LogisticRegression())(scaled, y=y), Sklearn(Stopping())(scaled, y=y)]
    pipe = sm.Pipeline([x, y], outputs)

    plain = clone(pipe).fit(X_TRAIN, Y_TRAIN)
    pipe.fit(X_TRAIN, Y_TRAIN, validation_data=(X_VAL, Y_VAL))

    assert_array_equal(pipe.steps_.whiten.mean_, plain.steps_.whiten.mean_)
    assert_array_equal(pipe.steps_.logisticregression.coef_, plain.steps_.logisticregression.coef_)
    assert plain.steps_.stopping.eval_set_ is None


def test_validation_data_that_no_step_can_use_is_refused_with_what_could():
    x, y = table(), sm.Target("y")
    forest = RandomForestClassifier(n_estimators=3, random_state=0)
    pipe = sm.Pipeline([x, y], Sklearn(forest)(x, y=y))

    with pytest.raises(ValueError, match=r"\['randomforestclassifier'\].*HistGrad.*Leave valid"):
        pipe.fit(X_TRAIN, Y_TRAIN, validation_data=(X_VAL, Y_VAL))


@pytest.mark.parametrize("given", [X_VAL, (X_VAL,), {"X": X_VAL}, 0.1])
def test_validation_data_that_is_no_pair_is_refused(given):
    pipe = grown()

    with pytest.raises(ValueError, match=r"takes a pair \(X, y\), or .*, got .*\(X_val, y_val\)"):
        pipe.fit(GOOD, LABELS, validation_data=given)


def test_validation_data_lacking_labels_is_refused_before_anything_is_fitted(calls):
    x, y = table(), sm.Target("y")
    pipe = sm.Pipeline([x, y], Sklearn(Stopping())(Counted()(x), y=y))

    with pytest.raises(MissingInputError, match="'y'"):
        pipe.fit(X_TRAIN, Y_TRAIN, validation_data=(X_VAL, None))

    assert not calls


def test_a_fit_drops_what_it_was_fed_at_its_last_reader():
    seen = []

    class Last(sm.layers.StatelessLayer):
        def transform(self, X):
            seen.append(first() is None)
            return X

    x = sm.Input("x", shape=(2,), columns=["a", "b"])
    pipe = sm.Pipeline(x, Last()(sm.layers.ScalarMultiply(2)(x)))
    values = {}
    first = lambda: values["fed"]()  # noqa: E731
    validate = type(x).validate_input

    def noted(node, array):
        values["fed"] = weakref.ref(array)
        validate(node, array)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(x), "validate_input", noted)
        pipe.fit_transform({"a": np.ones(3), "b": np.ones(3)})
        pipe.transform({"a": np.ones(3), "b": np.ones(3)})

    assert seen == [True, True]
