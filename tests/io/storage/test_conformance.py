"""Every store of ours passes the battery, and the battery finds faults."""

from dataclasses import replace as changed

import numpy as np
import pytest

from skmegatron.io import MemoryStore, open_store
from skmegatron.io.storage.core import HIDDEN
from skmegatron.testing import check_store


def test_every_store_passes_the_battery(place):
    check_store(lambda: open_store(place))


class Forgetful(MemoryStore):
    def write(self, name, version, fingerprint, keys, columns, *, replace=False):
        super().write(name, version, fingerprint, keys[:3], {n: c[:3] for n, c in columns.items()})


class Sorted(MemoryStore):
    def read(self, *where, keys=None, **how):
        return super().read(*where, keys=keys and sorted(keys), **how)


class Casual(MemoryStore):
    def write(self, name, version, fingerprint, keys, columns, *, replace=False):
        floats = {n: c.astype(float) if c.dtype == "f4" else c for n, c in columns.items()}
        super().write(name, version, fingerprint, keys, floats, replace=replace)


class Mixed(MemoryStore):
    def write(self, name, version, fingerprint, keys, columns, *, replace=False):
        super().write(name, version, "one for all", keys, columns, replace=replace)

    def read(self, name, version, fingerprint, *how, **more):
        return super().read(name, version, "one for all", *how, **more)


class Loose(MemoryStore):
    def write(self, *where, replace=False):
        super().write(*where, replace=True)


class Prefix(MemoryStore):
    def drop(self, name, *which, **more):
        for held in {held.name for held in self.describe()}:
            if held.startswith(name):
                super().drop(held, *which, **more)


class ReplacesNeighbours(MemoryStore):
    def write(self, name, version, *what, replace=False):
        for held in self.describe() if replace else ():
            if held.version == version and held.name != name:
                super().drop(held.name, version)
        super().write(name, version, *what, replace=replace)


class Positional(MemoryStore):
    def write(self, name, version, fingerprint, keys, columns, *, replace=False):
        held = [held for held in self.describe() if (held.name, held.version) == (name, version)]
        if held and not replace and set(held[-1].outputs) == set(columns):
            columns = dict(zip(held[-1].outputs, columns.values(), strict=True))
        super().write(name, version, fingerprint, keys, columns, replace=replace)


class KeepsWritten(MemoryStore):
    def write(self, name, version, fingerprint, keys, columns, *, replace=False):
        super().write(name, version, fingerprint, keys, columns, replace=replace)
        part = self._piles[name, version].layers[fingerprint].parts[-1]
        for output, column in columns.items():
            if isinstance(column, np.ndarray) and column.dtype == part.columns[output].dtype:
                part.columns[output] = column


class GivesTwice(MemoryStore):
    def __init__(self):
        super().__init__()
        self.given = {}

    def write(self, *what, **how):
        self.given = {}
        super().write(*what, **how)

    def drop(self, *what, **how):
        self.given = {}
        super().drop(*what, **how)

    def read(self, *what, **how):
        asked = repr((what, how))
        if asked not in self.given:
            self.given[asked] = super().read(*what, **how)
        return self.given[asked]


class KeysOfNoVersion(MemoryStore):
    def drop(self, name, version=None, fingerprint=None, keys=None):
        if version is not None or keys is None:
            super().drop(name, version, fingerprint, keys)


class FitOfNoVersion(MemoryStore):
    def drop(self, name, version=None, fingerprint=None, keys=None):
        if version is not None or fingerprint is None:
            super().drop(name, version, fingerprint, keys)


class LatestForever(MemoryStore):
    def __init__(self):
        super().__init__()
        self.last = {}

    def write(self, name, version, fingerprint, *what, **how):
        super().write(name, version, fingerprint, *what, **how)
        self.last[name, version] = fingerprint

    def read(self, name, version, fingerprint, *what, **how):
        if fingerprint is None:
            fingerprint = self.last.get((name, version))
        return super().read(name, version, fingerprint, *what, **how)


class NothingReplaces(MemoryStore):
    def write(self, name, version, fingerprint, keys, columns, *, replace=False):
        if keys or not replace:
            super().write(name, version, fingerprint, keys, columns, replace=replace)


class WantsOpen(MemoryStore):
    is_open = False

    def open(self):
        self.is_open = True

    def write(self, *what, **how):
        if not self.is_open:
            raise RuntimeError("not open")
        super().write(*what, **how)


class LosesHidden(MemoryStore):
    def read(self, name, version, fingerprint, cols=None, keys=None):
        if cols and len(cols) > 1:
            cols = [column for column in cols if column != HIDDEN]
        return super().read(name, version, fingerprint, cols, keys)


class Timeless(MemoryStore):
    def describe(self):
        return [changed(held, written=None) for held in super().describe()]


class OwnOrder(MemoryStore):
    def read(self, name, version, fingerprint, cols=None, keys=None):
        cols = cols and sorted(cols)
        return super().read(name, version, fingerprint, cols, keys)


@pytest.mark.parametrize(
    ("faulty", "message"),
    [
        (Forgetful, "column 'int_i1' read|keys"),
        (Sorted, "gives keys"),
        (Casual, "dtype float64 instead of float32"),
        (Mixed, "describe"),
        (Loose, "read"),
        (Prefix, "drop.* drops the rows of 'ab' too"),
        (ReplacesNeighbours, "replace=True drops the rows of another name"),
        (Positional, "column 'b' read"),
        (KeepsWritten, "after the arrays written or read before were changed"),
        (GivesTwice, "after the arrays written or read before were changed"),
        (KeysOfNoVersion, "gives keys"),
        (FitOfNoVersion, "drop\\(name, None, 'g'\\) leaves rows"),
        (LatestForever, "read gives"),
        (NothingReplaces, "replace=True with no rows"),
        (WantsOpen, "before open\\(\\) a write fails"),
        (LosesHidden, "gives columns"),
        (Timeless, "written=None, not a datetime"),
        (OwnOrder, "gives columns"),
    ],
)
def test_the_battery_finds_faults(faulty, message):
    store = faulty()

    with pytest.raises(AssertionError, match=message):
        check_store(lambda: store)


def test_the_battery_finds_a_store_that_is_gone():
    with pytest.raises(AssertionError, match="second store on the same place"):
        check_store(MemoryStore)


def test_the_battery_wants_all_five_methods():
    class Half:
        def write(self):
            return np.zeros(0)

    with pytest.raises(AssertionError, match="Half lacks a method"):
        check_store(Half)
