import copy
import pickle
import subprocess
import sys
import threading
from pathlib import Path

import joblib
import numpy as np
import pytest
import skops.io
from keras_models import SIGN, TOTAL, WORDS, X, absolute, dense, line, softmax
from numpy.testing import assert_allclose
from sklearn.model_selection import GridSearchCV

import skmegatron as sm
from skmegatron.errors import ShapeError
from skmegatron.io.saving import Portable
from skmegatron.layers import Keras, KerasClassifier
from skmegatron.layers.keras.backend import load_keras
from skmegatron.layers.keras.garbage import collect


@pytest.fixture(scope="module")
def fitted():
    return Keras(dense, loss="mse", optimizer="adam", random_state=0).fit(X, y=TOTAL)


def classifying(**params):
    x, y = sm.Input("x", shape=(3,)), sm.Target("y")
    layer = KerasClassifier(softmax, epochs=2, random_state=0)
    return sm.Pipeline([x, y], layer(sm.layers.Whiten()(x), "net", y=y), **params)


@pytest.mark.parametrize("n_rows", [1, 2, 3, 5, 64, 1025, 3000])
def test_any_number_of_rows_is_predicted_as_the_model_does(fitted, n_rows):
    rows = np.resize(X, (n_rows, 3))

    plain = fitted.model_.predict_on_batch(rows.astype("f4"))

    assert_allclose(fitted.predict(rows), plain, rtol=1e-4, atol=1e-6)


def test_no_rows_give_no_predictions(fitted):
    assert fitted.predict(X[:0]).shape == (0, 1)


def test_what_is_predicted_is_the_value_of_the_step(fitted):
    assert_allclose(fitted.transform(X), fitted.predict(X))


@pytest.mark.parametrize(
    ("rows", "error"),
    [(X[:, :2], ShapeError), (X[0], ShapeError), (np.array([["a"] * 3]), ValueError)],
)
def test_bad_input_is_refused_and_harms_nothing(fitted, rows, error):
    before = fitted.predict(X)

    with pytest.raises(error):
        fitted.predict(rows)

    assert_allclose(fitted.predict(X), before)


def test_threads_may_ask_at_once(fitted):
    expected = fitted.predict(X)
    wrong = []

    def ask():
        for n_rows in (1, 7, 80, 33, 80):
            if not np.allclose(fitted.predict(X[:n_rows]), expected[:n_rows], atol=1e-5):
                wrong.append(n_rows)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert wrong == []


def test_an_unfitted_layer_says_so():
    with pytest.raises(ValueError, match="not fitted yet"):
        Keras(dense).predict(X)


def losses():
    keras = load_keras()
    return ["mse", keras.losses.Huber(delta=0.5), keras.losses.CosineSimilarity(axis=0), absolute]


@pytest.mark.parametrize("place", range(4))
def test_a_pickle_predicts_and_learns_on_as_the_layer_does(place):
    layer = Keras(dense, loss=losses()[place], optimizer="adam", random_state=0).fit(X, y=TOTAL)

    loaded = pickle.loads(pickle.dumps(layer))

    assert_allclose(loaded.predict(X), layer.predict(X), rtol=1e-6)
    for one in (loaded, layer):
        one.partial_fit(X, y=TOTAL)
    assert_allclose(loaded.predict(X), layer.predict(X), rtol=1e-6)


def test_a_copy_learns_by_itself(fitted):
    before = fitted.predict(X)

    copy.deepcopy(fitted).partial_fit(X, y=TOTAL)

    assert_allclose(fitted.predict(X), before)


def test_code_written_inside_a_function_is_saved_with_the_model():
    keras = load_keras()

    class Twice(keras.layers.Layer):
        def call(self, x):
            return x * 2

    def squared(y_true, y_pred):
        return keras.ops.square(y_true - y_pred)

    def build():
        return keras.Sequential([keras.Input((3,)), Twice(), keras.layers.Dense(1)])

    layer = Keras(build, loss=squared, random_state=0).fit(X, y=TOTAL)

    loaded = pickle.loads(pickle.dumps(Portable(layer)))

    assert_allclose(loaded.predict(X), layer.predict(X), rtol=1e-6)


def test_a_layer_around_a_lambda_is_refused_by_name_when_it_is_saved():
    keras = load_keras()
    twice = keras.layers.Lambda(lambda x: x * 2, name="twice")
    model = keras.Sequential([keras.Input((3,)), twice, keras.layers.Dense(1)])

    layer = Keras(model, loss="mse").fit(X, y=TOTAL)

    with pytest.raises(pickle.PicklingError, match=r"Layer 'twice'.*holds a lambda"):
        pickle.dumps(layer)
    assert copy.deepcopy(layer).predict(X).shape == (80, 1)


def test_a_layer_that_cannot_be_read_again_is_refused_by_name_when_it_is_saved():
    keras = load_keras()

    class Scaled(keras.layers.Layer):
        def __init__(self, factor, **kwargs):
            super().__init__(**kwargs)
            self.factor = factor

        def call(self, x):
            return x * self.factor

        def get_config(self):
            return super().get_config()

    def build():
        return keras.Sequential([keras.Input((3,)), Scaled(2.0), keras.layers.Dense(1)])

    layer = Keras(build, loss="mse").fit(X, y=TOTAL)

    with pytest.raises(pickle.PicklingError, match=r"Scaled.*get_config\(\)"):
        pickle.dumps(Portable(layer))


def test_another_process_loads_a_pipeline(tmp_path):
    pipe = classifying().fit(X, WORDS)
    joblib.dump(pipe, tmp_path / "pipe.pkl")
    np.save(tmp_path / "X.npy", X)
    code = (
        "import joblib, numpy as np, sys; from pathlib import Path; folder = Path(sys.argv[1]);"
        "pipe = joblib.load(folder / 'pipe.pkl');"
        "np.save(folder / 'given.npy', pipe.predict_proba(np.load(folder / 'X.npy')))"
    )
    paths = [str(Path(sm.__file__).parents[1]), str(Path(__file__).parent)]

    code = f"import sys; sys.path[:0] = {paths!r}; {code}"
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)

    assert_allclose(np.load(tmp_path / "given.npy"), pipe.predict_proba(X), rtol=1e-5)


def test_skops_reads_a_pipeline():
    pipe = classifying().fit(X, WORDS)

    content = skops.io.dumps(pipe)
    loaded = skops.io.loads(content, trusted=skops.io.get_untrusted_types(data=content))

    assert_allclose(loaded.predict_proba(X), pipe.predict_proba(X), rtol=1e-6)


def test_a_search_in_processes_scores_as_one_without():
    grid = {"net__units": [2, 8]}

    alone, with_workers = (
        GridSearchCV(classifying(), grid, cv=2, n_jobs=n_jobs).fit(X, WORDS) for n_jobs in (1, 2)
    )

    expected = alone.cv_results_["mean_test_score"]
    assert_allclose(with_workers.cv_results_["mean_test_score"], expected, rtol=0)


def test_a_cache_knows_a_fit_again_and_tells_another_apart():
    memory = sm.MemoryCache()
    first = classifying(memory=memory).fit(X, WORDS)
    again = classifying(memory=memory).fit(X, WORDS)
    other = classifying(memory=memory).set_params(net__units=3).fit(X, WORDS)

    assert again.memory.stats().hits > 0
    assert_allclose(again.predict_proba(X), first.predict_proba(X))
    assert other.steps_["net"].model_.layers[0].units == 3


def test_a_cache_tells_templates_apart_by_what_they_are_made_of():
    def key(layer):
        return sm.io.digest.digest(layer.told_params())

    template, other = line(), line(optimizer="adam")
    assert key(Keras(template, random_state=0)) == key(Keras(template, random_state=0))
    assert key(Keras(template)) != key(Keras(other))
    before = key(Keras(template, reset_weights=False))
    template.set_weights([w + 1 for w in template.get_weights()])
    assert key(Keras(template, reset_weights=False)) != before


def memory_in_use():
    """In MB, without what no longer belongs to anybody."""
    collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**20


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="Linux tells it")
def test_the_models_of_a_search_give_their_memory_back():
    def tried(units):
        Keras(dense, loss="mse", units=units).fit(X, y=SIGN).predict(X)

    tried(2)
    before = memory_in_use()
    for units in range(3, 33):  # jax compiles anew for each
        tried(units)

    assert (memory_in_use() - before) / 30 < 5
