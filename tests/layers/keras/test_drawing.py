"""Inputs and outputs told by name, where only the model that is built later knows their order."""

import pickle

import numpy as np
import pytest
from keras_models import SIGN, TOTAL, X, absolute
from numpy.testing import assert_allclose
from sklearn.base import clone

import skmegatron as sm
from skmegatron.errors import NodeTypeError
from skmegatron.layers import Keras
from skmegatron.layers.keras.backend import load_keras

A, B = sm.Input("a", shape=(3,)), sm.Input("b", shape=(3,))
DATA = {"a": X, "b": np.zeros_like(X)}


def difference(structure):
    """What comes in as 'left' less what comes in as 'right'."""

    def build():
        keras = load_keras()
        inputs = {name: keras.Input((3,), name=name) for name in ("left", "right")}
        left, right = inputs.values()
        bent = keras.layers.Subtract()([keras.layers.Rescaling(1.0)(left), right])
        return keras.Model(structure(inputs), bent)

    return build


class Difference:
    """The same as a class of models, which is shown a dictionary."""

    def __call__(self):
        keras = load_keras()

        class Model(keras.Model):
            def call(self, given):
                return given["left"] - given["right"]

        return Model()


@pytest.mark.filterwarnings("ignore:The model does not have any trainable weights")
@pytest.mark.parametrize(
    "build", [difference(dict), difference(lambda named: list(named.values())), Difference()]
)
def test_a_build_function_is_given_inputs_by_name(build):
    net = Keras(build, loss="mse")({"right": B, "left": A}, "net", y=A)
    pipe = clone(sm.Pipeline([A, B], net)).fit(DATA)

    assert_allclose(pipe.transform(DATA), X, rtol=1e-6)
    assert_allclose(pickle.loads(pickle.dumps(pipe.steps_["net"])).predict(DATA["b"], X), X)


def test_names_that_the_model_does_not_have_are_refused():
    net = Keras(difference(dict), loss="mse")({"right": B, "wrong": A}, "net", y=A)

    with pytest.raises(ValueError, match=r"inputs \['left', 'right'\].*\['right', 'wrong'\]"):
        sm.Pipeline([A, B], net).fit(DATA)


def test_a_layer_that_was_called_by_name_is_what_it_was():
    layer = Keras(difference(list), loss="mse")

    layer({"right": B, "left": A}, y=A)

    assert layer.input_names == ()


def test_a_template_whose_keys_are_not_its_tensors_takes_either():
    keras = load_keras()
    tensor = keras.Input((3,), name="a")
    model = keras.Model({"a": tensor}, keras.layers.Dense(1)(tensor))

    with pytest.raises(NodeTypeError, match=r"inputs \['a'\].*\['b'\]"):
        Keras(model)({"b": B})
    assert Keras(model)({"a": A}).inbound_nodes == (A,)


def two_outputs(structure):
    def build():
        keras = load_keras()
        given = keras.Input((3,))
        outputs = {
            "total": keras.layers.Dense(1, name="total")(given),
            "sign": keras.layers.Dense(2, "softmax", name="sign")(given),
        }
        return keras.Model(given, structure(outputs))

    return build


@pytest.mark.parametrize("structure", [dict, lambda named: list(named.values())])
def test_outputs_are_told_by_name_in_the_order_of_the_losses(structure):
    total, sign = sm.Target("t"), sm.Target("s")
    loss = {"sign": "sparse_categorical_crossentropy", "total": absolute}
    layer = Keras(two_outputs(structure), loss=loss, optimizer="adam", epochs=2)
    nodes = layer(A, "net", y={"total": total, "sign": sign})
    pipe = sm.Pipeline([A, total, sign], list(nodes))
    labels = {"t": TOTAL, "s": SIGN}

    given = pipe.fit({"a": X}, labels, validation_data=({"a": X}, labels)).transform({"a": X})

    assert {name: value.shape for name, value in given.items()} == {
        "net_sign": (80, 2),
        "net_total": (80, 1),
    }


def test_losses_of_outputs_that_the_model_does_not_have_are_refused():
    total, sign = sm.Target("t"), sm.Target("s")
    nodes = Keras(two_outputs(dict), loss={"sign": "mse", "sum": "mse"})(A, y=[sign, total])

    with pytest.raises(ValueError, match=r"\['sign', 'sum'\]|sum"):
        sm.Pipeline([A, total, sign], list(nodes)).fit({"a": X}, {"t": TOTAL, "s": SIGN})


def test_columns_are_numbered_without_computing_them():
    t = sm.Target("t")
    pipe = sm.Pipeline([A, t], Keras(lambda: _wide(), loss="mse")(A, "net", y=t))

    pipe.set_output(transform="pandas").fit(X, np.column_stack([TOTAL, TOTAL]))

    assert list(pipe.transform(X).columns) == ["net0", "net1"]


def _wide():
    keras = load_keras()
    return keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
