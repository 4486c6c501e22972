"""What code only writes into is no part of it; code that also reads it is refused."""

import itertools
import threading
from collections import Counter, deque

import numpy as np
import pytest

from skmegatron.io.digest import UndigestibleError, digest
from skmegatron.layers import StatelessLayer

calls: list = []
counts: Counter = Counter()
table = {"factor": 1.0}
lock = threading.Lock()
numbers = itertools.count()
latest: deque = deque()
n_calls = 0
last = None


def appends(x):
    calls.append(("appends", x))
    return x


def counts_under_a_lock(x):
    with lock:
        counts["called"] += 1
        latest.append(x)
    return x


def adds_to_a_global(x):
    global n_calls, last
    n_calls += 1
    last = x
    next(numbers)
    return x


class Counted(StatelessLayer):
    n_calls = 0
    log: list = []  # noqa: RUF012 - what the test is about

    def transform(self, X):
        type(self).n_calls += 1
        self.log.append(len(X))
        return X


@pytest.mark.parametrize("code", [appends, counts_under_a_lock, adds_to_a_global])
def test_accumulators_are_no_part_of_the_code_that_fills_them(code):
    before = digest(code)

    code(np.float64(2.5))

    assert digest(code) == before


def test_accumulators_of_a_class_are_no_part_of_it():
    before = digest(Counted())

    Counted().transform(np.ones(3))

    assert digest(Counted()) == before


def test_what_other_code_reads_of_a_class_is_part_of_that_code():
    def reads(x):
        return Counted().transform(x) * Counted.n_calls

    with pytest.raises(UndigestibleError, match=r"changes a int outside"):
        digest(reads)


def reads_and_sets(x):
    table.setdefault("factor", 2.0)
    return x * table["factor"]


def reads_and_stores(x):
    table["last"] = x
    return x * table["factor"]


def counts_and_uses_it(x):
    calls.append(x)
    return x * len(calls)


def moves_and_reads(x):
    latest.append(latest.pop())
    return x * latest[0]


@pytest.mark.parametrize("code", [reads_and_stores, counts_and_uses_it, moves_and_reads])
def test_code_that_reads_what_it_changes_is_refused(code):
    with pytest.raises(UndigestibleError, match=r"leaves alone what it reads.*Hand it in"):
        digest(code)


def test_a_default_that_code_reads_counts(monkeypatch):
    before = digest(reads_and_sets)

    monkeypatch.setitem(table, "factor", 5.0)

    assert digest(reads_and_sets) != before


def test_a_local_of_the_same_name_hides_nothing(monkeypatch):
    def code(x):
        def inner():
            table = {}
            table["factor"] = 1
            return table

        return inner(), x * table["factor"]

    before = digest(code)
    monkeypatch.setitem(table, "factor", 7.0)
    assert digest(code) != before


def test_a_class_attribute_that_is_read_counts_though_a_method_changes_that_of_an_object(
    monkeypatch,
):
    class Grows(StatelessLayer):
        factor = 2.0

        def transform(self, X):
            return X * self.factor

        def grow(self):
            self.factor *= 2

    before = digest(Grows())
    monkeypatch.setattr(Grows, "factor", 3.0)
    assert digest(Grows()) != before
