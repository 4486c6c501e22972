import copy
import pickle

import numpy as np
import pytest
from keras_models import TOTAL, X, dense, line, same, weights_of
from numpy.testing import assert_allclose
from sklearn.base import clone

import skmegatron as sm
from skmegatron.layers import Keras
from skmegatron.layers.keras.backend import load_keras


class Perceptron(load_keras().Model):
    """A model that tells its inputs only when it is called."""

    def __init__(self, units=3, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.hidden = load_keras().layers.Dense(units, "relu")
        self.last = load_keras().layers.Dense(1)

    def call(self, given):
        return self.last(self.hidden(given))

    def get_config(self):
        return super().get_config() | {"units": self.units}


def test_parameters_are_those_of_the_layer_and_of_the_build_function_with_its_defaults():
    params = Keras(dense, loss="mse", optimizer__learning_rate=0.1).get_params()

    assert params["units"] == 4
    assert params["activation"] == "relu"
    assert params["optimizer__learning_rate"] == 0.1
    assert params["epochs"] == 1
    assert "meta" not in params


def test_hyperparameters_are_set_through_the_step_of_a_pipeline():
    x, y = sm.Input("x", shape=(3,)), sm.Target("y")
    pipe = sm.Pipeline([x, y], Keras(dense, loss="mse")(x, "net", y=y))

    pipe.set_params(net__units=7, net__optimizer__learning_rate=0.5).fit(X, TOTAL)

    model = pipe.steps_["net"].model_
    assert model.layers[0].units == 7
    assert float(model.optimizer.learning_rate) == 0.5


@pytest.mark.parametrize("name", ["unitz", "meta", "optimizer__", "model__units"])
def test_an_unknown_name_is_refused_with_the_valid_ones(name):
    with pytest.raises(
        ValueError, match=rf"'{name}' for a layer of dense.*'units'.*'fit__\.\.\.'"
    ):
        Keras(dense).set_params(**{name: 1})
    with pytest.raises(ValueError, match=f"'{name}'"):
        Keras(dense, **{name: 1})


def test_a_name_that_is_refused_sets_nothing():
    layer = Keras(dense)

    with pytest.raises(ValueError, match="unitz"):
        layer.set_params(epochs=5, unitz=1)

    assert layer.epochs == 1


def test_a_template_has_no_hyperparameters():
    with pytest.raises(ValueError, match="hand in the function that builds it"):
        Keras(line(), units=3)


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("optimizer__lr", "'optimizer__lr': RMSprop does not take.*optimizer__learning_rate"),
        ("fit__foo", "'fit__foo'.*fit__class_weight"),
        ("compile__foo", "'compile__foo'.*compile__run_eagerly"),
        ("fit__epochs", "the layer's own parameters"),
        ("compile__loss", "the layer's own parameters"),
    ],
)
def test_an_option_that_keras_does_not_take_is_refused_with_those_it_does(option, words):
    with pytest.raises(ValueError, match=words):
        Keras(dense, loss="mse", **{option: 1}).fit(X, y=TOTAL)


def test_an_argument_without_a_value_is_asked_for():
    def build(units):
        raise NotImplementedError

    with pytest.raises(TypeError, match=r"build needs \['units'\].*Keras\(build, units=\.\.\.\)"):
        Keras(build, loss="mse").fit(X, y=TOTAL)


def test_what_is_no_model_is_refused():
    with pytest.raises(TypeError, match=r"must return a keras\.Model, got int"):
        Keras(lambda: 3, loss="mse").fit(X, y=TOTAL)


def test_a_model_without_a_loss_is_refused():
    with pytest.raises(ValueError, match=r"not compiled.*Pass loss="):
        Keras(dense).fit(X, y=TOTAL)


def test_a_clone_shares_the_template_and_knows_nothing():
    template = line()
    layer = Keras(template, random_state=0).fit(X, y=TOTAL)

    twin = clone(layer)

    assert twin.model is template
    assert not hasattr(twin, "network_")


def test_a_template_is_never_trained():
    template = line()
    before = template.get_weights()

    Keras(template, epochs=2).fit(X, y=TOTAL)

    assert same(template.get_weights(), before)


def test_a_template_starts_with_fresh_weights_or_with_its_own():
    template = line()
    template.set_weights([np.ones((3, 1)), np.zeros(1)])
    start = {"epochs": 0, "random_state": 0}

    fresh = Keras(template, **start).fit(X, y=TOTAL)
    own = Keras(template, reset_weights=False, **start).fit(X, y=TOTAL)

    assert not same(weights_of(fresh), template.get_weights())
    assert same(weights_of(own), template.get_weights())


def test_parameters_take_the_place_of_what_a_template_was_compiled_with():
    keras = load_keras()
    template = line(optimizer=keras.optimizers.Adam(0.3), metrics=["mae"])

    kept = Keras(template).fit(X, y=TOTAL)
    changed = Keras(template, loss="mae", optimizer__learning_rate=0.1).fit(X, y=TOTAL)

    assert kept.model_.optimizer is not template.optimizer
    assert float(kept.model_.optimizer.learning_rate) == pytest.approx(0.3)
    assert set(kept.history_) == {"loss", "mae"}
    assert type(changed.model_.optimizer).__name__ == "Adam"
    assert float(changed.model_.optimizer.learning_rate) == pytest.approx(0.1)
    assert changed.model_.loss == "mae"
    assert set(changed.history_) == {"loss", "mae"}


def test_an_optimizer_that_is_handed_in_does_not_learn():
    optimizer = load_keras().optimizers.Adam()

    Keras(dense, loss="mse", optimizer=optimizer).fit(X, y=TOTAL)

    assert not optimizer.built


def test_a_build_function_is_told_of_the_data():
    told = []

    def build(meta):
        told.append(meta)
        return dense(meta)

    Keras(build, loss="mse").fit(X, y=TOTAL)

    (meta,) = told
    assert meta.n_features_in_ == 3
    assert meta.input_shapes == [(3,)]
    assert meta.output_shape == (1,)
    assert "n_classes_" not in meta


def test_the_text_of_a_layer_tells_what_is_not_the_default():
    assert repr(Keras(dense, units=8, epochs=3)) == "Keras(dense, epochs=3, units=8)"


def test_an_unfitted_layer_is_pickled():
    layer = pickle.loads(pickle.dumps(Keras(dense, loss="mse", units=8)))

    assert layer.get_params() == Keras(dense, loss="mse", units=8).get_params()


def test_an_unfitted_layer_around_a_template_is_pickled():
    layer = pickle.loads(pickle.dumps(Keras(line(), reset_weights=False)))

    assert layer.fit(X, y=TOTAL).predict(X).shape == (80, 1)


def test_arguments_of_a_build_function_may_be_called_like_what_is_routed():
    seen = []

    def build(meta, fit=1, compile=2, name="n", hyperparameters=3):
        seen.append((fit, compile, name, hyperparameters))
        return dense(meta)

    layer = Keras(build, loss="mse").set_params(fit=4, compile=5, name="m", hyperparameters=6)
    clone(layer).fit(X, y=TOTAL)

    assert seen == [(4, 5, "m", 6)]


def test_an_argument_called_model_is_refused():
    with pytest.raises(TypeError, match=r"'model'.*another name"):
        Keras(lambda model: model, loss="mse").fit(X, y=TOTAL)


@pytest.mark.parametrize("model", [None, "dense", 3])
def test_what_is_neither_function_nor_model_is_refused(model):
    with pytest.raises(TypeError, match=r"takes a function that builds a model.*Keras\(build"):
        Keras(model, loss="mse").fit(X, y=TOTAL)


def test_a_class_of_models_is_a_build_function():
    layer = Keras(Perceptron, loss="mse", random_state=0)
    assert layer.get_params()["units"] == 3

    layer.set_params(units=5).fit(X, y=TOTAL)

    assert [w.shape for w in weights_of(layer)] == [(3, 5), (5,), (5, 1), (1,)]
    assert_allclose(copy.deepcopy(layer).predict(X), layer.predict(X))
    assert_allclose(pickle.loads(pickle.dumps(layer)).predict(X), layer.predict(X), rtol=1e-6)


def test_a_template_of_a_class_of_its_own_begins_with_its_weights():
    template = Perceptron()
    template(X[:1])
    template.compile("sgd", "mse")

    layer = Keras(template, epochs=0, reset_weights=False).fit(X, y=TOTAL)

    assert same(weights_of(layer), template.get_weights())


def test_a_template_without_shapes_is_pickled_silently():
    keras = load_keras()
    template = keras.Sequential([keras.layers.Dense(1)])

    layer = pickle.loads(pickle.dumps(Keras(template, loss="mse"))).fit(X, y=TOTAL)

    assert layer.predict(X).shape == (80, 1)
    assert not template.built


def test_the_text_of_a_layer_with_arrays_tells_what_is_not_the_default():
    ones = np.ones(2)

    def build(sizes=ones):
        return sizes

    assert repr(Keras(build, sizes=np.ones(2))) == "Keras(build)"
    assert repr(Keras(build, sizes=np.zeros(2))) == "Keras(build, sizes=array([0., 0.]))"
