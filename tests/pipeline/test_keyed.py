"""Outputs of a stream with the keys of their rows."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.cluster import KMeans
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.preprocessing import StandardScaler

import skmegatron as sm
from skmegatron.errors import GraphError, LeakageWarning, ShapeError
from skmegatron.pipeline.keyed import keyed_outputs, stores_predictions

RNG = np.random.default_rng(0)
X = RNG.normal(size=(50, 3))
LABELS = RNG.integers(0, 3, size=50)


def batches(size):
    return [
        {"X": X[start : start + size], "id": np.arange(start, min(start + size, 50)) * 10}
        for start in range(0, 50, size)
    ]


def together(parts):
    keys, answers = zip(*parts, strict=True)
    names = answers[0]
    return np.concatenate(keys), {
        name: np.concatenate([answer[name] for answer in answers]) for name in names
    }


def two_heads():
    x, y = sm.Input("X", shape=(None,)), sm.Target("y")
    first = sm.layers.Sklearn(LogisticRegression(), method="predict_proba", cv=3)(x, "first", y=y)
    last = sm.layers.Sklearn(LogisticRegression())(first, "last", y=y)
    return sm.Pipeline([x, y], [first, last]).fit(X, LABELS)


@pytest.mark.parametrize("size", [1, 7, 50])
@pytest.mark.parametrize("method", ["transform", "predict", "predict_proba"])
def test_batches_together_are_what_the_method_gives_for_all_rows(method, size):
    pipe = two_heads()

    keys, found = together(keyed_outputs(pipe, batches(size), method, index="id"))

    assert_array_equal(keys, np.arange(50) * 10)
    expected = getattr(pipe, method)(X)
    for name in ("first", "last"):
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-12)


def test_predictions_are_in_the_units_of_the_target():
    x, y = sm.Input("X", shape=(None,)), sm.Target("y")
    scaled = sm.layers.Sklearn(StandardScaler())(y)
    back = scaled.inverse(sm.layers.Sklearn(LinearRegression())(x, y=scaled))
    pipe = sm.Pipeline([x, y], back).fit(X, 1000 + X[:, 0])

    _, found = together(keyed_outputs(pipe, batches(8), "predict"))

    assert_array_equal(found["inverse"], pipe.predict(X))
    assert found["inverse"].ndim == 1


def test_rows_are_numbered_through_all_batches_without_an_index():
    pipe = two_heads()

    keys, _ = together(keyed_outputs(pipe, batches(8), "predict"))

    assert_array_equal(keys, np.arange(50))


def negative(X):
    return X[:, 0] < 0


@pytest.mark.parametrize("method", ["transform", "predict"])
def test_keys_follow_a_filter(method):
    x, y = sm.Input("X", shape=(None,)), sm.Target("y")
    mask = sm.layers.Lambda(negative)(x)
    kept, labels = sm.layers.Filter()([x, mask]), sm.layers.Filter()([y, mask])
    guess = sm.layers.Sklearn(LogisticRegression())(kept, "guess", y=labels)
    pipe = sm.Pipeline([x, y], guess)
    with pytest.warns(LeakageWarning, match="takes rows away"):
        pipe.fit(X, LABELS)

    keys, found = together(keyed_outputs(pipe, batches(1), method, index="id"))

    assert_array_equal(keys, np.flatnonzero(negative(X)) * 10)
    assert_array_equal(found["guess"], getattr(pipe, method)(X))


def test_outputs_of_different_rows_do_not_stand_side_by_side():
    x = sm.Input("X", shape=(None,))
    kept = sm.layers.Filter()([x, sm.layers.Lambda(negative)(x)], "kept")
    pipe = sm.Pipeline(x, [kept, sm.layers.Whiten()(x, "all")]).fit(X)

    with pytest.raises(GraphError, match=r"\['kept', 'all'\] hold different rows.*for each"):
        list(keyed_outputs(pipe, batches(50)))


def first_rows(X):
    return X[:2]


def test_a_step_that_loses_rows_is_named():
    x, y = sm.Input("X", shape=(None,)), sm.Target("y")
    guess = sm.layers.Sklearn(LinearRegression())(x, y=y)
    pipe = sm.Pipeline([x, y], sm.layers.Lambda(first_rows)(guess, "few")).fit(X, X[:, 0])

    with pytest.raises(ShapeError, match=r"Step 'few' .* gave 2 rows for 10"):
        list(keyed_outputs(pipe, batches(10), "predict"))


def test_a_method_that_is_not_there_is_told():
    x = sm.Input("X", shape=(None,))
    pipe = sm.Pipeline(x, sm.layers.Sklearn(StandardScaler())(x)).fit(X)

    with pytest.raises(AttributeError, match="predict"):
        list(keyed_outputs(pipe, batches(10), "predict"))


def test_what_is_stored_is_predictions_only_where_all_outputs_predict():
    x, y = sm.Input("X", shape=(None,)), sm.Target("y")
    model = sm.layers.Sklearn(LinearRegression())(x, y=y)
    chances = sm.layers.Sklearn(LogisticRegression(), method="predict_proba")(x, y=y)
    groups = sm.layers.Sklearn(KMeans())(x)
    network = sm.layers.KerasClassifier(lambda meta: None)(x, y=y)

    assert stores_predictions(sm.Pipeline([x, y], model))
    assert stores_predictions(sm.Pipeline([x, y], network))
    assert not stores_predictions(sm.Pipeline([x, y], [model, groups]))
    assert not stores_predictions(sm.Pipeline([x, y], chances))
    assert not stores_predictions(sm.Pipeline(x, x * 2))
