"""Every store of ours passes the battery, and the battery finds faults."""

import numpy as np
import pytest

from skmegatron.io import MemoryStore, open_store
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


@pytest.mark.parametrize(
    ("faulty", "message"),
    [
        (Forgetful, "column 'int_i1' read|keys"),
        (Sorted, "gives keys"),
        (Casual, "dtype float64 instead of float32"),
        (Mixed, "describe"),
        (Loose, "read"),
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
