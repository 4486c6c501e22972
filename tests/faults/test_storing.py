"""Faults around a store: what is in it is what was given out, and never half of it."""

import gc
import os

import numpy as np
import pytest
from faulty import FUSE, Interrupted
from numpy.testing import assert_array_equal
from scenes import LABELS, PIECES, ROWS, STORES, drawn, fit, same, state

import skmegatron as sm
from skmegatron import load_pipeline
from skmegatron.io import MemoryStore
from skmegatron.pipeline.storing import ROWS_A_WRITE

ERRORS = [ArithmeticError, MemoryError, KeyboardInterrupt]


@pytest.fixture(params=STORES)
def pipe(request, tmp_path):
    return fit_one(STORES[request.param](tmp_path))


def fit_one(place):
    pipe = drawn(name="stored", storage=place)
    fit(pipe)
    assert pipe.storage.fingerprint  # made once for each fit, from what the steps consist of
    return pipe


def n_stored(pipe):
    return sum(held.n_rows for held in pipe.storage.store.describe())


@pytest.mark.parametrize("error", ERRORS)
def test_a_transform_that_fails_at_any_step_stores_nothing(pipe, error):
    with FUSE.watching() as done:
        expected = pipe.transform(ROWS)
    pipe.storage.store.drop("stored")
    before = state(pipe)
    for place in range(len(done)):
        with FUSE.watching(place, error), pytest.raises(error):
            pipe.transform(ROWS)
        assert n_stored(pipe) == 0
        assert state(pipe) == before

    assert_array_equal(pipe.transform(ROWS), expected)
    assert_array_equal(pipe.storage.read(rows=list(range(12)))["slope"], expected)


@pytest.mark.parametrize("error", ERRORS)
def test_a_stream_that_fails_anywhere_has_stored_what_it_gave_out(pipe, error):
    with FUSE.watching() as done:
        expected = np.concatenate(list(pipe.transform_generator(PIECES)))
    for place in range(len(done)):
        pipe.storage.store.drop("stored")
        given = []
        with FUSE.watching(place, error), pytest.raises(error):
            given.extend(pipe.transform_generator(PIECES))
        n_given = 3 * len(given)
        assert n_stored(pipe) == n_given
        if n_given:
            held = pipe.storage.read(rows=list(range(n_given)))["slope"]
            assert_array_equal(held, expected[:n_given])

    assert same(np.concatenate(list(pipe.transform_generator(PIECES))), expected)


@pytest.mark.parametrize("error", ERRORS)
def test_a_source_that_fails_leaves_the_rows_before_it(pipe, error):
    def source():
        yield PIECES[0]
        yield PIECES[1]
        raise error("the source has failed")

    with pytest.raises(error, match="the source has failed"):
        list(pipe.transform_generator(source))

    assert n_stored(pipe) == 6


class InterruptedOnce(MemoryStore):
    """A store of which a write is interrupted, once."""

    left = 1

    def write(self, *where, **how):
        if self.left:
            self.left -= 1
            raise KeyboardInterrupt
        super().write(*where, **how)


def test_a_stream_whose_write_is_interrupted_has_stored_what_it_gave_out():
    x = sm.Input("x")
    store = InterruptedOnce()
    pipe = sm.Pipeline(x, x * 2, name="stored", storage=store)
    pieces = list(np.arange(3.0 * ROWS_A_WRITE).reshape(6, -1))
    given = []

    with pytest.raises(KeyboardInterrupt):
        given.extend(pipe.transform_generator(pieces))

    assert given
    assert sum(held.n_rows for held in store.describe()) >= sum(map(len, given))


def test_a_stream_that_is_given_up_has_stored_what_it_gave_out(pipe):
    stream = pipe.transform_generator(PIECES)
    next(stream)
    stream.close()

    assert n_stored(pipe) == 3


def test_a_write_interrupted_anywhere_is_whole_or_not_there(pipe):
    with Interrupted() as counted:
        expected = pipe.transform(ROWS)
    for at in range(0, counted.n_lines, 397):
        pipe.storage.store.drop("stored")
        try:
            with Interrupted(at):
                pipe.transform(ROWS)
        except KeyboardInterrupt:
            assert n_stored(pipe) in (0, 12)
        assert_array_equal(pipe.transform(ROWS), expected)
        assert n_stored(pipe) == 12


# Nobody can close a file whose opening was interrupted at its end, but the garbage collector.
@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
def test_a_save_interrupted_anywhere_leaves_one_file_and_the_mask_of_new_ones(tmp_path):
    pipe = drawn(name="saved")
    fit(pipe)
    path = pipe.save(tmp_path)
    with Interrupted(within="io/drafts.py") as counted:
        pipe.save(tmp_path)
    mask = os.umask(0o027)
    try:
        for at in range(counted.n_lines):
            with pytest.raises(KeyboardInterrupt), Interrupted(at, within="io/drafts.py"):
                pipe.save(tmp_path)
            assert os.umask(0o027) == 0o027
            assert list(tmp_path.iterdir()) == [path]
            assert same(load_pipeline(path).predict(ROWS), pipe.predict(ROWS))
    finally:
        os.umask(mask)
        gc.collect()
    assert counted.n_lines
    assert os.stat(path).st_mode & 0o777 == 0o640


@pytest.mark.parametrize("error", ERRORS)
def test_a_save_that_fails_leaves_the_file_before_it(error, tmp_path):
    pipe = drawn(name="saved")
    fit(pipe)
    path = pipe.save(tmp_path)
    before = path.read_bytes()
    pipe.fit(ROWS[:6], LABELS[:6])
    pipe.save(tmp_path / "elsewhere")  # which makes the fingerprint, once
    with FUSE.watching() as done:
        pipe.save(tmp_path / "elsewhere")

    for place in range(len(done)):
        try:
            with FUSE.watching(place, error):
                pipe.save(tmp_path)
        except error:
            assert path.read_bytes() == before
            held = [p for p in tmp_path.iterdir() if p.name != "elsewhere"]
            assert held == [path]
        else:  # a step that cannot be looked through beforehand is written all the same
            assert error is not KeyboardInterrupt
            assert same(load_pipeline(path).predict(ROWS), pipe.predict(ROWS))
            path.write_bytes(before)
