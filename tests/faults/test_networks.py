"""A network in a graph, interrupted after any of its batches, and used by eight threads."""

import threading
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec

import numpy as np
import pytest
from scenes import ROWS, fit_elsewhere, same

import skmegatron as sm
from skmegatron.layers import KerasRegressor, Whiten
from skmegatron.layers.keras.backend import load_keras

pytestmark = pytest.mark.skipif(find_spec("keras") is None, reason="Keras is not installed")

LABELS = ROWS.sum(axis=1)
N_BATCHES = 6


class Stops:
    """Raises after so many batches, once."""

    def __init__(self):
        self.left = self.error = None

    def batch_is_done(self):
        if self.error is not None:
            self.left -= 1
            if self.left < 0:
                error, self.error = self.error, None
                raise error("stopped")


STOPS = Stops()


def network(meta):
    keras = load_keras()
    return keras.Sequential([keras.Input(meta["input_shape"]), keras.layers.Dense(1)])


def drawn():
    stop = load_keras().callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: STOPS.batch_is_done()
    )
    X, y = sm.Input("X", shape=(3,)), sm.Target("y")
    layer = KerasRegressor(
        network, epochs=2, batch_size=4, shuffle=False, random_state=0, callbacks=[stop]
    )
    return sm.Pipeline([X, y], layer(Whiten()(X), "net", y=y))


@pytest.mark.parametrize("error", [ArithmeticError, MemoryError, KeyboardInterrupt])
def test_a_network_stopped_after_any_batch_leaves_the_pipeline_as_it_was(error):
    pipe, twin = drawn(), drawn()
    fit_elsewhere(pipe)
    before = pipe.predict(ROWS)
    expected = twin.fit(ROWS, LABELS).predict(ROWS)

    for place in range(N_BATCHES):
        STOPS.left, STOPS.error = place, error
        with pytest.raises(error, match="stopped"):
            pipe.fit(ROWS, LABELS)
        assert same(pipe.predict(ROWS), before)

    assert same(pipe.fit(ROWS, LABELS).predict(ROWS), expected)


def test_eight_threads_get_from_a_network_what_one_gets():
    pipe = drawn().fit(ROWS, LABELS)
    pieces = [ROWS[: 1 + number] for number in range(8)]
    expected = [pipe.predict(piece) for piece in pieces]
    barrier = threading.Barrier(8)

    def work(me):
        barrier.wait(timeout=60)
        return [pipe.predict(pieces[(me + number) % 8]) for number in range(8)]

    with ThreadPoolExecutor(8) as pool:
        for me, answers in enumerate(pool.map(work, range(8))):
            for number, answer in enumerate(answers):
                np.testing.assert_array_equal(answer, expected[(me + number) % 8])
