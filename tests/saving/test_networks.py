"""Networks in skops files: those made of Keras' own parts load, others name what they need."""

import numpy as np
import pytest
from nets import Twice, built, compiled, keras, with_operators
from numpy.testing import assert_array_equal

import skmegatron as sm
from skmegatron.errors import LoadError
from skmegatron.layers import Keras, KerasClassifier, KerasRegressor

X = np.random.default_rng(0).normal(size=(24, 3))
LABELS = np.where(X[:, 0] > 0, "yes", "no").astype(object)

pytestmark = pytest.mark.filterwarnings("ignore:.*end of file:RuntimeWarning")


def fitted(layer, labels):
    x, y = sm.Input("X", shape=(3,)), sm.Target("y")
    return sm.Pipeline([x, y], layer(x, y=y), name="net").fit(X, labels)


def check_same(pipe, folder, trusted=()):
    loaded = sm.load_pipeline(pipe.save(folder, format="skops"), trusted=trusted)
    again = sm.load_pipeline(loaded.save(folder, format="skops"), trusted=trusted)

    for other in (loaded, again):
        assert_array_equal(other.predict(X), pipe.predict(X))


def test_networks_of_own_parts_come_back(tmp_path):
    norm = keras.layers.BatchNormalization()
    loss = "sparse_categorical_crossentropy"
    check_same(fitted(Keras(compiled(norm)), X[:, 1]), tmp_path)
    check_same(fitted(Keras(with_operators()), X[:, 1]), tmp_path)
    check_same(fitted(KerasRegressor(compiled(loss=keras.losses.Huber())), X[:, 1]), tmp_path)
    labelled = KerasClassifier(compiled(out=2, activation="softmax", loss=loss))
    check_same(fitted(labelled, LABELS), tmp_path)


def test_network_that_was_never_asked_can_be_saved_again(tmp_path):
    path = fitted(Keras(compiled()), X[:, 1]).save(tmp_path, format="skops")

    assert sm.load_pipeline(path).save(tmp_path / "again", format="skops").exists()


@pytest.mark.parametrize(
    ("layer", "name"), [(Keras(built), "nets.built"), (Keras(compiled(Twice())), "nets.Twice")]
)
def test_code_of_the_user_in_a_network_is_asked_for(tmp_path, layer, name):
    pipe = fitted(layer, X[:, 1])

    with pytest.raises(LoadError, match=rf"trusted: \['{name}'\]"):
        sm.load_pipeline(pipe.save(tmp_path, format="skops"))

    check_same(pipe, tmp_path, trusted=[name])


def test_loss_that_keras_would_forget_names_its_parts(tmp_path):
    pipe = fitted(Keras(compiled(loss=keras.losses.Huber(delta=2.0))), X[:, 1])
    path = pipe.save(tmp_path, format="skops")

    with pytest.raises(LoadError, match=r"losses\.Huber'") as caught:
        sm.load_pipeline(path)

    assert "skmegatron" not in str(caught.value).partition("trusted: [")[2].partition("]")[0]


def test_description_tells_the_version_of_keras(tmp_path, capsys):
    told = sm.describe(fitted(Keras(compiled()), X[:, 1]).save(tmp_path, format="skops"))

    assert told["versions"]["keras"] == keras.__version__
