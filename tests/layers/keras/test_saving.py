"""What a pickle holds of code of the user's own, and what it refuses to hold."""

import copy
import io
import json
import pickle
import zipfile

import numpy as np
import pytest
from keras_models import TOTAL, X, dense, line, same, weights_of
from numpy.testing import assert_allclose
from test_learning import states

from skmegatron.io.saving import Portable, unwrapped
from skmegatron.layers import Keras
from skmegatron.layers.keras.backend import load_keras


def again(layer):
    return unwrapped(pickle.loads(pickle.dumps(Portable(layer))))


def own_code():
    """Functions and classes that cannot be imported."""
    keras = load_keras()

    def doubled(x):
        return x * 2

    def bias(y_true, y_pred):
        return keras.ops.mean(y_true - y_pred)

    class Slow(keras.optimizers.SGD):
        pass

    class Shifts(keras.Model):
        def __init__(self, by=1.0, **kwargs):
            super().__init__(**kwargs)
            self.by = by
            self.dense = keras.layers.Dense(1, doubled)

        def call(self, x):
            return self.dense(x) + self.by

    return doubled, bias, Slow, Shifts


def test_functions_in_layers_and_metrics_go_along():
    keras = load_keras()
    doubled, bias, slow, _ = own_code()

    def build():
        return keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, doubled)])

    settings = {"metrics": [bias], "optimizer": slow(0.1), "random_state": 0}
    layer = Keras(build, loss="mse", **settings).fit(X, y=TOTAL)

    loaded = again(layer)

    assert_allclose(loaded.predict(X), layer.predict(X), rtol=1e-6)
    assert type(loaded.optimizer).__name__ == "Slow"
    assert "bias" in loaded.fit(X, y=TOTAL).history_


def test_a_template_may_have_metrics_of_its_own():
    _, bias, _, _ = own_code()

    layer = Keras(line(metrics=[bias])).fit(X, y=TOTAL)

    assert "bias" in layer.history_


def test_a_class_of_models_goes_along():
    _, _, _, shifts = own_code()
    layer = Keras(shifts, loss="mse", random_state=0).fit(X, y=TOTAL)

    assert_allclose(again(layer).predict(X), layer.predict(X), rtol=1e-6)


def test_what_would_come_back_as_another_model_is_refused():
    _, _, _, shifts = own_code()
    layer = Keras(lambda: shifts(5.0), loss="mse").fit(X, y=TOTAL)

    with pytest.raises(pickle.PicklingError, match=r"another one: Shifts has by=1.0.* of 5.0"):
        again(layer)
    with pytest.raises(TypeError, match=r"another one: Shifts has by=1.0.*Keras\(build\)"):
        copy.deepcopy(layer)
    with pytest.raises(TypeError, match=r"another one: Shifts has by=1.0.*Keras\(build\)"):
        Keras(shifts(5.0), loss="mse").fit(X, y=TOTAL)


def test_lambdas_are_refused_by_the_name_of_what_holds_them():
    keras = load_keras()

    def build():
        bent = keras.layers.Dense(1, activation=lambda x: x, name="bent")
        return keras.Sequential([keras.Input((3,)), bent])

    bent = Keras(build, loss="mse").fit(X, y=TOTAL)
    measured = Keras(dense, loss="mse", metrics=[lambda a, b: a - b]).fit(X, y=TOTAL)

    with pytest.raises(pickle.PicklingError, match=r"Layer 'bent'.*holds a lambda"):
        again(bent)
    with pytest.raises(pickle.PicklingError, match=r"A loss or metric.*holds a lambda"):
        again(measured)


def test_a_loss_may_be_a_lambda():
    ops = load_keras().ops
    loss = lambda a, b: ops.mean(ops.abs(a - b))  # noqa: E731 - what is tried
    layer = Keras(dense, loss=loss, random_state=0).fit(X, y=TOTAL)

    assert_allclose(again(layer).predict(X), layer.predict(X), rtol=1e-6)


def test_parameters_come_back_as_they_were():
    keras = load_keras()
    layer = Keras(
        dense,
        loss=keras.losses.Huber(delta=0.5),
        optimizer=keras.optimizers.SGD(0.3, momentum=0.5),
        metrics=[keras.metrics.MeanAbsoluteError(name="off")],
        units=2,
    )

    loaded = again(layer)

    assert_allclose(loaded.loss(np.ones((1, 1)), np.zeros((1, 1))), 0.375)
    assert_allclose(loaded.optimizer.learning_rate, 0.3)
    assert loaded.metrics[0].name == "off"
    for one in (layer, loaded):
        one.set_params(random_state=0).fit(X, y=TOTAL)
    assert same(weights_of(layer), weights_of(loaded))


def test_a_compiled_template_that_was_never_fitted_is_read_silently():
    optimizer = again(Keras(line(optimizer="adam"))).model.optimizer

    assert type(optimizer).__name__ == "Adam"


def test_reading_and_copying_draw_nothing():
    layer = Keras(dense, loss="mse", random_state=0).fit(X, y=TOTAL)
    before = states()

    again(layer).predict(X)
    copy.deepcopy(layer)

    assert states() == before


def test_numbers_of_mixed_precision_are_float32():
    keras = load_keras()

    def build():
        last = keras.layers.Dense(1, dtype="mixed_bfloat16")
        return keras.Sequential([keras.Input((3,)), last])

    assert Keras(build, loss="mse").fit(X, y=TOTAL).predict(X).dtype == np.float32


def test_optimizers_are_named_as_every_backend_knows_them():
    optimizer = load_keras().optimizers.Adam(0.01)
    layer = Keras(dense, loss="mse", optimizer=optimizer, random_state=0).fit(X, y=TOTAL)

    with zipfile.ZipFile(io.BytesIO(layer.network_.__getstate__()["state"]["content"])) as file:
        told = json.loads(file.read("config.json"))["compile_config"]["optimizer"]

    assert (told["module"], told["class_name"]) == ("keras.optimizers", "Adam")
    assert b"keras.src.backend" not in pickle.dumps(Keras(dense, optimizer=optimizer))
