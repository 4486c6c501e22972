"""Reading a source batch by batch."""

import sqlite3
import threading
from contextlib import closing

import numpy as np
import pandas as pd
import pytest

from skmegatron.engine.batches import Batches, check_count, split_batch
from skmegatron.errors import StreamError


class Counting:
    """A source that tells how many batches were read, and in which threads."""

    def __init__(self, n_batches=None):
        self.n_batches = n_batches
        self.read = 0
        self.threads = set()
        self.open = 0

    def __iter__(self):
        self.open += 1
        place = 0
        try:
            while self.n_batches is None or place < self.n_batches:
                self.threads.add(threading.current_thread())
                self.read += 1
                place += 1
                yield place
        finally:
            self.threads.add(threading.current_thread())
            self.open -= 1


def test_each_pass_starts_again():
    batches = Batches(Counting(3), n_passes=2)

    assert [list(batches.read(number)) for number in (1, 2)] == [[1, 2, 3], [1, 2, 3]]


@pytest.mark.parametrize("steps", [1, 2, 5])
def test_no_batch_more_than_the_steps_is_read(steps):
    source = Counting()

    assert list(Batches(source, steps).read()) == list(range(1, steps + 1))
    assert source.read == steps


def test_an_endless_generator_goes_on_where_it_was():
    source = iter(Counting())
    batches = Batches(source, steps=2, n_passes=3)

    assert [list(batches.read(number)) for number in (1, 2, 3)] == [[1, 2], [3, 4], [5, 6]]
    assert next(source) == 7


def test_a_function_gives_a_new_generator_for_each_pass():
    batches = Batches(lambda: iter([1, 2]), n_passes=2)

    assert [list(batches.read(number)) for number in (1, 2)] == [[1, 2], [1, 2]]


def test_at_most_one_batch_is_read_ahead():
    source = Counting()
    reading = Batches(source).read()

    next(reading)
    reading.close()

    assert source.read <= 2


def test_all_of_a_pass_is_read_and_closed_in_one_other_thread():
    source = Counting(4)

    list(Batches(source).read())

    assert len(source.threads) == 1
    assert threading.current_thread() not in source.threads


@pytest.mark.parametrize("stop", ["end", "early", "error"])
def test_what_the_source_opened_is_closed(stop):
    source = Counting(5)
    reading = Batches(source).read()
    next(reading)

    if stop == "end":
        list(reading)
    elif stop == "early":
        reading.close()
    else:
        with pytest.raises(ZeroDivisionError):
            reading.throw(ZeroDivisionError())

    assert source.open == 0


def test_a_generator_may_open_a_connection_that_belongs_to_its_thread():
    def rows():
        with closing(sqlite3.connect(":memory:")) as connection:
            for _ in range(3):
                yield connection.execute("SELECT 1").fetchone()

    assert list(Batches(rows).read()) == [(1,)] * 3


def test_a_source_that_must_not_be_read_ahead_is_read_here():
    source = Counting(2)
    source.prefetch = False

    list(Batches(source).read())

    assert source.threads == {threading.current_thread()}


def test_an_error_of_the_source_comes_through():
    def broken():
        yield 1
        raise OSError("the disk is gone")

    reading = Batches(broken).read()

    assert next(reading) == 1
    with pytest.raises(OSError, match="the disk is gone"):
        next(reading)


def test_a_generator_that_would_be_used_up_is_refused_before_it_is_read():
    source = iter(Counting(3))

    with pytest.raises(StreamError, match=r"pass 2 of 2 would find nothing.*a list of batches"):
        Batches(source, n_passes=2)
    assert next(source) == 1


def test_a_generator_that_runs_dry_is_told_with_its_pass():
    batches = Batches(iter(Counting(3)), steps=2, n_passes=2)
    list(batches.read(1))

    with pytest.raises(StreamError, match=r"dry in pass 2 of 2, after 1 of 2.*CSVGenerator"):
        list(batches.read(2))


def test_an_iterable_that_gives_the_same_generator_again_is_found_out():
    class Worn:
        def __init__(self):
            self.generator = iter([1, 2])

        def __iter__(self):
            return self.generator

    batches = Batches(Worn(), n_passes=2, least=1)
    list(batches.read(1))

    with pytest.raises(StreamError, match="dry in pass 2 of 2, after 0 batches"):
        list(batches.read(2))


def test_fewer_batches_than_asked_for_is_an_error():
    with pytest.raises(StreamError, match="after 3 of 4 batches"):
        list(Batches(Counting(3), steps=4).read())


def test_no_batch_at_all_is_an_error_where_one_is_needed():
    with pytest.raises(StreamError, match="gave no batch"):
        list(Batches([], least=1).read())
    assert list(Batches([]).read()) == []


@pytest.mark.parametrize(
    "whole", [{"x": [1]}, np.zeros(3), pd.DataFrame({"x": [1]}), "data.csv"], ids=str
)
def test_whole_data_in_the_place_of_batches_is_refused(whole):
    with pytest.raises(TypeError, match=r"Expected batches, got one .*PandasGenerator"):
        Batches(whole)


def test_what_cannot_be_iterated_is_refused():
    with pytest.raises(TypeError, match="Expected batches, got int, which cannot be iterated"):
        Batches(3)


@pytest.mark.parametrize("steps", [0, -1, 1.5, True, "3"])
def test_a_number_of_batches_is_a_positive_integer(steps):
    with pytest.raises(ValueError, match=f"at least 1, got {steps!r}"):
        Batches([1], steps)


def test_numpy_integers_count():
    check_count("steps", np.int64(3))


@pytest.mark.parametrize(
    ("batch", "expected"),
    [
        ("X", ("X", None, {})),
        (("X",), ("X", None, {})),
        (("X", "y"), ("X", "y", {})),
        (("X", "y", "w"), ("X", "y", {"sample_weight": "w"})),
        (("X", "y", None), ("X", "y", {})),
    ],
)
def test_a_batch_is_taken_apart(batch, expected):
    assert split_batch(batch) == expected


def test_a_batch_of_four_parts_is_refused():
    with pytest.raises(TypeError, match="got a tuple of 4"):
        split_batch((1, 2, 3, 4))


def test_the_size_of_a_pass_is_known_where_the_source_knows_it():
    assert Batches([1, 2]).size == 2
    assert Batches(Counting(5), steps=3).size == 3
    assert Batches(Counting(5)).size is None
