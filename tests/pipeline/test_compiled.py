"""What a pipeline has compiled is used again, and thrown away when something changes."""

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, StandardScaler

import skmegatron as sm
from skmegatron.layers import Concatenate, Filter, Lambda, Metric, ScalarMultiply, Sklearn, Whiten

rng = np.random.default_rng(0)
ROWS = rng.normal(size=(40, 3))
LABELS = (ROWS[:, 0] > 0).astype(int)


def drawn():
    x, y = sm.Input("X", shape=(None,)), sm.Target("y")
    scaled = Sklearn(StandardScaler())(x, "scaled")
    return sm.Pipeline([x, y], Sklearn(LogisticRegression())(scaled, y=y, name="clf"))


def test_a_run_is_prepared_once_for_each_set_of_outputs():
    pipe = drawn().fit(ROWS, LABELS)
    graph = pipe.graph
    scaled = [graph.find("scaled")]
    method = {graph.by_name["clf"]: "predict_proba"}
    asked = [
        (graph.outputs,),
        (scaled,),
        (graph.outputs, method),
        (graph.outputs, None, False),
    ]

    ready = [pipe._ready(graph, *one) for one in asked]
    pipe.predict_proba(ROWS)

    assert len(set(map(id, ready))) == len(asked)
    assert all(
        pipe._ready(pipe.graph, *one) is each for one, each in zip(asked, ready, strict=True)
    )
    pipe.steps_["scaled"] = Sklearn(MinMaxScaler()).fit(ROWS)
    assert pipe._ready(graph, graph.outputs) is not ready[0]


class Watched(StandardScaler):
    """Does not like to be asked for its parameters while answering."""

    answering = False

    def get_params(self, deep=True):
        assert not Watched.answering
        return super().get_params(deep)


class WatchedPipeline(sm.Pipeline):
    """Does not like to be asked for its parameters or tags while answering."""

    def get_params(self, deep=True):
        assert not Watched.answering
        return super().get_params(deep)

    def __sklearn_tags__(self):
        assert not Watched.answering
        return super().__sklearn_tags__()


def test_no_parameters_and_tags_are_read_in_a_prediction():
    x, y = sm.Input("X", shape=(None,)), sm.Target("y")
    guess = Sklearn(LogisticRegression())(Sklearn(Watched())(x), y=y)
    pipe = WatchedPipeline([x, y], guess).fit(ROWS, LABELS)
    pipe.transform(pd.DataFrame(ROWS))

    Watched.answering = True
    try:
        pipe.predict(ROWS[:1])
        assert pipe.predict_proba(ROWS[:1]).shape == (1, 2)
        assert pipe.transform(pd.DataFrame(ROWS[:1])).shape == (1,)
    finally:
        Watched.answering = False


def both(change):
    """Predict, change, predict; and the same without having predicted before."""
    used, fresh = (drawn().fit(ROWS, LABELS) for _ in range(2))
    for _ in range(2):
        used.predict_proba(ROWS)
    results = []
    for pipe in (used, fresh):
        changed = change(pipe)
        results.append((pipe if changed is None else changed).predict_proba(ROWS))
    return (*results, drawn().fit(ROWS, LABELS).predict_proba(ROWS))


def replace_step(pipe):
    pipe.steps_["clf"] = Sklearn(LogisticRegression(C=0.01)).fit(ROWS, y=LABELS)


def replace_estimator(pipe):
    pipe.steps_.scaled.estimator_ = MinMaxScaler().fit(ROWS)


def replace_coefficients(pipe):
    pipe.steps_.clf.estimator_.coef_ = -pipe.steps_.clf.estimator_.coef_


def write_into_coefficients(pipe):
    pipe.steps_.clf.estimator_.coef_[:] = 0.5


def set_on_fitted(pipe):
    pipe.steps_.scaled.estimator_.set_params(with_mean=False)


def set_and_fit(pipe):
    pipe.set_params(clf__C=0.01).fit(ROWS, LABELS)


def replace_and_fit(pipe):
    pipe.set_params(scaled="passthrough").fit(ROWS, LABELS)


def fit_on_others(pipe):
    pipe.fit(ROWS * [1, 5, 1], 1 - LABELS)


def other_outputs(pipe):
    y = pipe.inputs[1]
    raw = Sklearn(LogisticRegression())(pipe.inputs[0], y=y, name="clf")
    pipe.set_params(outputs=raw).fit(ROWS, LABELS)


@pytest.mark.parametrize(
    "change",
    [
        replace_step,
        replace_estimator,
        replace_coefficients,
        write_into_coefficients,
        set_on_fitted,
        set_and_fit,
        replace_and_fit,
        fit_on_others,
        other_outputs,
    ],
)
def test_what_changes_counts_at_once(change):
    after, fresh, before = both(change)

    assert_array_equal(after, fresh)
    assert np.abs(after - before).max() > 1e-4


def test_a_batch_more_counts_at_once():
    x = sm.Input("x")
    pipe = sm.Pipeline(x, Whiten()(x)).fit([1.0, 3.0])
    assert_allclose(pipe.transform([2.0]), [0])

    pipe.partial_fit({"x": [8.0]})

    assert_allclose(pipe.transform([4.0]), [0])


@pytest.mark.parametrize(
    "other",
    [
        lambda pipe: pickle.loads(pickle.dumps(pipe)),
        copy.copy,
        copy.deepcopy,
        lambda pipe: clone(pipe).fit(-ROWS, LABELS),
    ],
    ids=["pickle", "copy", "deepcopy", "clone"],
)
def test_a_copy_compiles_its_own(other):
    pipe = drawn().fit(ROWS, LABELS)
    expected = pipe.predict_proba(ROWS)
    twin = other(pipe)

    assert "_compiled_graph" not in pipe.__getstate__()
    twin.predict_proba(ROWS)
    twin.steps_.clf.estimator_.intercept_ = np.array([9.0])

    assert (twin.predict(ROWS) == 1).mean() > 0.9
    if other is not copy.copy:  # which shares the layers
        assert_array_equal(pipe.predict_proba(ROWS), expected)


def test_a_layer_is_saved_without_what_it_has_found_out():
    layer = Sklearn(StandardScaler()).fit(ROWS)
    before = pickle.dumps(layer)
    layer.transform(ROWS[:1])

    assert pickle.dumps(layer) == before
    assert_array_equal(pickle.loads(before).transform(ROWS[:1]), layer.transform(ROWS[:1]))


def test_a_metric_attached_later_is_found():
    pipe = drawn().fit(ROWS, LABELS)
    pipe.predict(ROWS)
    assert pipe.evaluate(ROWS, LABELS) == {}

    Metric(lambda y, p: float((y == p).mean()))([pipe.inputs[1], pipe.outputs], "acc")

    assert pipe.evaluate(ROWS, LABELS)["acc"] > 0.9


def test_a_list_of_outputs_that_grows_is_seen():
    x = sm.Input("x")
    outputs = [ScalarMultiply(2)(x, "double")]
    pipe = sm.Pipeline(x, outputs)
    assert pipe.transform([1.0]).tolist() == [2.0]

    outputs.append(ScalarMultiply(3)(x, "triple"))

    assert set(pipe.transform([1.0])) == {"double", "triple"}


def test_a_template_that_starts_to_learn_is_not_run_as_it_was():
    x = sm.Input("X", shape=(None,))
    layer = Sklearn("passthrough")
    pipe = sm.Pipeline(x, layer(x))
    assert_array_equal(pipe.transform(ROWS), ROWS)

    layer.estimator = PCA(2)

    with pytest.raises(Exception, match="not fitted yet"):
        pipe.transform(ROWS)


def test_layers_of_the_fit_before_are_let_go():
    pipe = drawn().fit(ROWS, LABELS)
    pipe.predict(ROWS)

    pipe.fit(ROWS, LABELS)

    assert pipe._compiled().runs is None


def test_one_pipeline_in_eight_threads_answers_as_in_one():
    numbers = sm.Input("numbers", columns=["a", "b"])
    words = sm.Input("words", columns=["w"])
    y = sm.Target("y")
    kept = Filter()(numbers, Lambda(lambda v: v[:, 0] > 0)(numbers))
    both = Concatenate()([Sklearn(SimpleImputer())(numbers), Sklearn(OneHotEncoder())(words)])
    guess = Sklearn(LogisticRegression())([both, Whiten()(numbers)], y=y, name="clf")
    pipe = sm.Pipeline([numbers, words, y], [guess, kept])
    frame = pd.DataFrame({"a": ROWS[:, 0], "b": ROWS[:, 1], "w": np.where(LABELS, "u", "v")})
    pipe.fit(frame, LABELS).set_output(transform="pandas")
    pieces = [frame.iloc[start : start + 1 + start % 5] for start in range(35)] * 6
    pieces = [piece for piece in pieces if (piece["a"] > 0).any()]

    def answer(piece):
        guessed = pipe.transform(piece, outputs=["clf"])
        left = pipe.transform(piece, outputs=["filter"])
        return guessed.index.tolist(), guessed.to_numpy(), left.index.tolist(), left.to_numpy()

    expected = [answer(piece) for piece in pieces]
    pipe = pickle.loads(pickle.dumps(pipe)).set_output(transform="pandas")  # nothing compiled
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(answer, pieces))

    for ours, theirs in zip(found, expected, strict=True):
        for one, other in zip(ours, theirs, strict=True):
            assert_array_equal(one, other)


def test_methods_appear_and_go_with_the_output():
    x, y = sm.Input("X", shape=(None,)), sm.Target("y")
    pipe = sm.Pipeline([x, y], Sklearn(LogisticRegression())(x, y=y, name="model"))
    assert hasattr(pipe, "predict_proba")

    pipe.set_params(model=LinearRegression())

    assert not hasattr(pipe, "predict_proba")
    assert hasattr(pipe, "predict")


@pytest.mark.parametrize("table", [ROWS[:1, :2], pd.DataFrame(ROWS[:1], columns=list("abd"))])
def test_columns_other_than_those_of_the_fit_are_still_refused(table):
    frame = pd.DataFrame(ROWS, columns=list("abc"))
    pipe = drawn().fit(ROWS if isinstance(table, np.ndarray) else frame, LABELS)
    pipe.predict(ROWS[:1] if isinstance(table, np.ndarray) else frame[:1])

    with pytest.raises(ValueError, match=r"features|feature names"):
        pipe.predict(table)
