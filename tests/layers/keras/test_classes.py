import numpy as np
import pytest
from keras_models import SIGN, TOTAL, WORDS, X, dense, same, sigmoid, softmax, weights_of
from numpy.testing import assert_allclose
from sklearn.base import is_classifier, is_regressor
from sklearn.utils.estimator_checks import check_estimator

import skmegatron as sm
from skmegatron.errors import ShapeError
from skmegatron.layers import KerasClassifier, KerasRegressor
from skmegatron.layers.keras.backend import load_keras

QUICK = {"epochs": 15, "optimizer__learning_rate": 0.05, "random_state": 0}


def logits(meta):
    keras = load_keras()
    return keras.Sequential([keras.Input((3,)), keras.layers.Dense(meta["n_classes_"])])


def one_logit():
    keras = load_keras()
    return keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])


def sparse_from_logits():
    return load_keras().losses.SparseCategoricalCrossentropy(from_logits=True)


def binary_from_logits():
    return load_keras().losses.BinaryCrossentropy(from_logits=True)


@pytest.mark.parametrize(
    ("build", "loss"),
    [
        (softmax, lambda: None),
        (softmax, lambda: "sparse_categorical_crossentropy"),
        (softmax, lambda: "categorical_crossentropy"),
        (sigmoid, lambda: None),
        (sigmoid, lambda: "binary_crossentropy"),
        (logits, sparse_from_logits),
        (one_logit, binary_from_logits),
        (one_logit, lambda: "hinge"),
    ],
)
def test_labels_are_shown_to_the_model_as_its_loss_asks(build, loss):
    layer = KerasClassifier(build, loss=loss(), **QUICK).fit(X, y=WORDS)

    assert list(layer.classes_) == ["no", "yes"]
    assert layer.score(X, y=WORDS) > 0.9
    if layer.loss != "hinge":
        chances = layer.predict_proba(X)
        assert_allclose(chances.sum(axis=1), 1)
        assert ((chances >= 0) & (chances <= 1)).all()
        assert (layer.classes_[chances.argmax(axis=1)] == layer.predict(X)).all()


def test_labels_may_be_one_hot():
    layer = KerasClassifier(softmax, **QUICK).fit(X, y=np.eye(2)[SIGN])

    assert list(layer.classes_) == [0, 1]
    assert layer.score(X, y=SIGN) > 0.9


def test_more_classes_than_units_are_refused():
    with pytest.raises(ValueError, match=r"gives 1 numbers.*3 classes.*meta\['n_classes_'\]"):
        KerasClassifier(sigmoid).fit(X, y=np.arange(80) % 3)


def test_one_class_is_refused():
    with pytest.raises(ValueError, match="only one class"):
        KerasClassifier(sigmoid).fit(X, y=np.zeros(80, int))


def test_a_label_of_a_later_batch_must_be_known():
    layer = KerasClassifier(softmax).partial_fit(X, y=WORDS, classes=["no", "yes"])

    with pytest.raises(ValueError, match="the label 'maybe', which is not among"):
        layer.partial_fit(X[:2], y=np.array(["yes", "maybe"]))


def test_the_kind_of_a_pipeline_is_that_of_its_network():
    x, y = sm.Input("x", shape=(3,)), sm.Target("y")

    assert is_classifier(sm.Pipeline([x, y], KerasClassifier(softmax)(x, y=y)))
    assert is_regressor(sm.Pipeline([x, y], KerasRegressor(dense)(x, y=y)))


@pytest.mark.parametrize("target", [TOTAL, np.column_stack([TOTAL, -TOTAL])])
def test_predictions_have_the_shape_of_the_target(target):
    layer = KerasRegressor(dense, units=8, **{**QUICK, "epochs": 60}).fit(X, y=target)

    assert layer.predict(X).shape == target.shape
    assert layer.score(X, y=target) > 0.9


def deep(meta):
    keras = load_keras()
    classes = meta.get("classes_")
    last = meta["output_shape"][-1] if classes is None else meta["n_classes_"]
    return keras.Sequential(
        [
            keras.Input(meta["input_shape"]),
            keras.layers.Dense(16, "relu"),
            keras.layers.Dense(last, None if classes is None else "softmax"),
        ]
    )


# Skipped by sklearn itself: it wants SCIPY_ARRAY_API=1 set before scipy is imported.
SKIPPED = {"check_array_api_input"}


@pytest.mark.skipif(
    load_keras().config.backend() != "torch",
    reason="takes minutes where models are compiled: KERAS_BACKEND=torch runs it",
)
@pytest.mark.parametrize("kind", [KerasClassifier, KerasRegressor])
def test_a_graph_that_ends_in_a_network_passes_the_battery_of_sklearn(kind):
    x, y = sm.Input("X", shape=(None,)), sm.Target("y")
    settings = {"optimizer": "adam", "optimizer__learning_rate": 0.03, "batch_size": 16}
    layer = kind(deep, epochs=25, random_state=0, **settings)

    results = check_estimator(sm.Pipeline([x, y], layer(x, y=y)), on_skip=None, on_fail=None)

    assert len(results) > 40
    assert [
        f"{result['check_name']}: {result['exception']!r}"
        for result in results
        if result["status"] != "passed" and result["check_name"] not in SKIPPED
    ] == []


@pytest.mark.parametrize(
    "labels", [np.column_stack([SIGN, SIGN]), np.full((80, 2), 0.5), np.zeros((80, 3), int)]
)
def test_several_labels_of_a_row_are_refused(labels):
    with pytest.raises(ValueError, match=r"one class for each row.*binary_crossentropy"):
        KerasClassifier(softmax).fit(X, y=labels)


def weighing(weights, **params):
    return KerasClassifier(softmax, fit__class_weight=weights, **QUICK, **params)


@pytest.mark.parametrize("labels", [WORDS, np.eye(2)[SIGN]])
def test_balanced_classes_are_weighed_by_how_many_there_are(labels):
    rows = np.concatenate([np.flatnonzero(SIGN), np.flatnonzero(SIGN == 0)[:5]])
    few, n_few = labels[rows], len(rows)
    keys = (0, 1) if few.ndim == 2 else ("no", "yes")
    told = {keys[0]: n_few / (2 * 5), keys[1]: n_few / (2 * (n_few - 5))}

    balanced, spelled = (weighing(w).fit(X[rows], y=few) for w in ("balanced", told))

    assert same(weights_of(balanced), weights_of(spelled))


def test_weights_of_classes_and_of_rows_are_multiplied():
    rows = np.where(SIGN == 1, 2.0, 1.0)

    both = weighing({"yes": 3.0}).fit(X, y=WORDS, sample_weight=rows)
    product = weighing(None).fit(X, y=WORDS, sample_weight=np.where(SIGN == 1, 6.0, 1.0))

    assert same(weights_of(both), weights_of(product))
    with pytest.raises(ShapeError, match="inconsistent"):
        weighing({"yes": 3.0}).fit(X, y=WORDS, sample_weight=rows[:3])


def test_weights_of_classes_count_in_batches_where_they_are_told():
    heavy = weighing({"yes": 1e3}).partial_fit(X, y=WORDS).partial_fit(X[:2], y=WORDS[:2])
    even = weighing(None).partial_fit(X, y=WORDS).partial_fit(X[:2], y=WORDS[:2])

    assert not same(weights_of(heavy), weights_of(even))
    with pytest.raises(ValueError, match=r"'balanced' needs the labels of all rows"):
        weighing("balanced").partial_fit(X, y=WORDS)


def test_weights_of_unknown_classes_are_refused():
    with pytest.raises(ValueError, match="are not in class_weight"):
        weighing({"oui": 3.0}).fit(X, y=WORDS)
