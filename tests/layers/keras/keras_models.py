"""Small models that the tests build: a module, so that other processes find them."""

import numpy as np

from skmegatron.layers.keras.backend import load_keras

RNG = np.random.default_rng(0)
X = RNG.normal(size=(80, 3))
TOTAL = X.sum(axis=1)
SIGN = (TOTAL > 0).astype(int)
WORDS = np.where(SIGN, "yes", "no")


def dense(meta, units=4, activation="relu"):
    keras = load_keras()
    return keras.Sequential(
        [
            keras.Input(meta["input_shape"]),
            keras.layers.Dense(units, activation),
            keras.layers.Dense(meta["output_shape"][-1]),
        ]
    )


def softmax(meta, units=8):
    keras = load_keras()
    return keras.Sequential(
        [
            keras.Input(meta["input_shape"]),
            keras.layers.Dense(units, "relu"),
            keras.layers.Dense(meta["n_classes_"], "softmax"),
        ]
    )


def sigmoid(meta, units=8):
    keras = load_keras()
    return keras.Sequential(
        [
            keras.Input(meta["input_shape"]),
            keras.layers.Dense(units, "relu"),
            keras.layers.Dense(1, "sigmoid"),
        ]
    )


def two_by_two(structure=list):
    """Two inputs, two outputs."""
    keras = load_keras()
    a, b = keras.Input((3,), name="a"), keras.Input((2,), name="b")
    hidden = keras.layers.Dense(4)(keras.layers.Concatenate()([a, b]))
    total = keras.layers.Dense(1, name="total")(hidden)
    sign = keras.layers.Dense(1, "sigmoid", name="sign")(hidden)
    if structure is dict:
        model = keras.Model({"b": b, "a": a}, {"total": total, "sign": sign})
        model.compile("adam", {"total": "mse", "sign": "binary_crossentropy"})
    else:
        model = keras.Model([a, b], [total, sign])
        model.compile("adam", ["mse", "binary_crossentropy"])
    return model


def line(compiled=True, **options):
    """One input of 3 columns, one output."""
    keras = load_keras()
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    if compiled:
        model.compile(**{"optimizer": "sgd", "loss": "mse", **options})
    return model


def absolute(y_true, y_pred):
    keras = load_keras()
    return keras.ops.mean(keras.ops.abs(y_true - y_pred), axis=-1)


def weights_of(layer):
    return layer.model_.get_weights()


def same(one, other):
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))
