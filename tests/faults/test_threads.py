"""Eight threads that use one fitted pipeline at once get what one gets."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from faulty import Keen, KeenFolder
from scenes import LABELS, ROWS, STORES, drawn, fit, nested, same, state
from sklearn.linear_model import LogisticRegression

import skmegatron as sm
from skmegatron.errors import MissingRowError
from skmegatron.layers import Filter, Lambda, Sklearn, TimeSeries

N_THREADS = 8
N_ROUNDS = 12


def windows(**params):
    X = sm.Input("X", shape=(None,))
    kept = Filter()(X, Lambda(positive)(X))
    return sm.Pipeline(X, TimeSeries(3)(kept), **params)


def positive(X):
    return X[:, 0] > 0


def classes(**params):
    X, y = sm.Input("X", shape=(None,)), sm.Target("y")
    model = Sklearn(LogisticRegression())(X, y=y, name="model")
    return sm.Pipeline([X, y], model, **params)


PIPES = {
    "plain": lambda folder: drawn(),
    "two at once": lambda folder: drawn(n_jobs=2),
    "out of fold": lambda folder: drawn(cv=2),
    "units": lambda folder: drawn(back=True),
    "nested": lambda folder: nested(),
    "windows": lambda folder: windows(),
    "memory": lambda folder: drawn(memory=Keen()),
    "folder": lambda folder: drawn(memory=KeenFolder(folder / "cache")),
    "sqlite": lambda folder: drawn(name="rows", storage=STORES["sqlite"](folder)),
    "files": lambda folder: drawn(name="rows", storage=STORES["folder"](folder)),
    "frames": lambda folder: drawn().set_output(transform="pandas"),
}


def at_once(ask, pieces):
    """Let all threads begin together, each with its own order of the pieces; give each answer."""
    barrier = threading.Barrier(N_THREADS)

    def work(me):
        answers = {}
        for number in range(N_ROUNDS):
            barrier.wait(timeout=60)
            place = (me + number) % len(pieces)
            answers[place] = ask(pieces[place])
        return answers

    with ThreadPoolExecutor(N_THREADS) as pool:
        return list(pool.map(work, range(N_THREADS)))


def listed(value):
    if isinstance(value, sm.Dataset):
        return [value[name] for name in value]
    return [value.to_numpy() if isinstance(value, pd.DataFrame) else value]


@pytest.mark.parametrize("method", ["transform", "predict", "outputs", "first use"])
@pytest.mark.parametrize("kind", PIPES)
def test_eight_threads_get_what_one_gets(kind, method, tmp_path):
    (tmp_path / "twin").mkdir()
    pipe, twin = PIPES[kind](tmp_path), PIPES[kind](tmp_path / "twin")
    for one in (pipe, twin):
        fit(one)
    # Rows of other keys in each piece, as two writes of one key are two answers.
    pieces = [
        pd.DataFrame(ROWS + number, index=range(12 * number, 12 * number + 12)).to_numpy()
        for number in range(5)
    ]

    def ask(one, piece):
        if method == "predict" and hasattr(one, "predict"):
            return one.predict(piece)
        if method == "outputs":
            return one.transform(piece, outputs=[next(iter(one.graph.by_name)), "X"])
        return one.transform(piece)

    expected = [listed(ask(twin, piece)) for piece in pieces]
    if method != "first use":
        ask(pipe, pieces[0])
    before = state(pipe)

    for answers in at_once(lambda piece: ask(pipe, piece), pieces):
        for place, answer in answers.items():
            assert same(listed(answer), expected[place])
    assert state(pipe) == before


@pytest.mark.parametrize("store", STORES)
def test_rows_that_eight_threads_have_stored_are_those_that_they_were_given(store, tmp_path):
    pipe = drawn(name="rows", storage=STORES[store](tmp_path))
    fit(pipe)
    pieces = [
        {"X": ROWS + number, "row": np.arange(12 * number, 12 * number + 12)}
        for number in range(5)
    ]

    def ask(piece):
        return pipe.transform(piece, index_field="row")

    for answers in at_once(ask, pieces):
        for place, answer in answers.items():
            held = pipe.storage.read(rows=pieces[place]["row"].tolist())["slope"]
            assert same(np.asarray(held), answer)
    assert sum(held.n_rows for held in pipe.storage.store.describe()) == 60


def test_threads_that_use_a_pipeline_while_it_is_fitted_see_one_fit_or_the_other():
    pipe, other = drawn(), drawn()
    fit(pipe)
    first = pipe.predict(ROWS)
    second = other.fit(ROWS * 2, LABELS).predict(ROWS)
    done = threading.Event()

    def use():
        while not done.is_set():
            got = pipe.predict(ROWS)
            assert same(got, first) or same(got, second)

    with ThreadPoolExecutor(4) as pool:
        users = [pool.submit(use) for _ in range(4)]
        for number in range(60):
            pipe.fit(ROWS * (1 + number % 2), LABELS)
        done.set()
        for user in users:
            user.result()


class Meanwhile(dict):
    """Rows during whose reading something else is done, as another thread might."""

    def __init__(self, act, **rows):
        super().__init__(**rows)
        self._act = act

    def __getitem__(self, name):
        self._act()
        return super().__getitem__(name)


@pytest.mark.parametrize("store", STORES)
def test_rows_of_a_fit_that_another_one_overtakes_are_stored_as_the_first_one_s(store, tmp_path):
    pipe = drawn(name="rows", storage=STORES[store](tmp_path))
    fit(pipe)
    first, made_by = pipe.predict(ROWS), pipe.storage.fingerprint
    overtaken = Meanwhile(lambda: pipe.fit(ROWS * 2, LABELS), X=ROWS)

    assert same(pipe.transform(overtaken), first)
    assert same(np.asarray(pipe.storage.read(fingerprint=made_by)["slope"]), first)
    with pytest.raises(MissingRowError):  # nothing of the fit after it
        pipe.storage.read()


def test_a_memory_gives_a_fit_nothing_of_the_one_that_it_overtook():
    pipe = drawn(memory=Keen())
    fit(pipe)
    first = pipe.predict(ROWS)
    second = drawn().fit(ROWS * 2, LABELS).predict(ROWS)
    pipe.memory.clear()
    overtaken = Meanwhile(lambda: pipe.fit(ROWS * 2, LABELS), X=ROWS)

    assert same(pipe.transform(overtaken), first)
    assert same(pipe.predict(ROWS), second)


def test_probabilities_of_eight_threads_are_those_of_one():
    pipe = classes().fit(ROWS, LABELS > 5)
    pieces = [ROWS[:size] for size in range(1, 8)]
    expected = [pipe.predict_proba(piece) for piece in pieces]

    for answers in at_once(pipe.predict_proba, pieces):
        assert all(same(answer, expected[place]) for place, answer in answers.items())
