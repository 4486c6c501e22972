"""Any object with get and put works, and none can break a fit."""

import pickle
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skmegatron.errors import CacheWarning, NotAvailableError
from skmegatron.io.caching import CacheStats, CustomCache, OpenedCache, decode, encode
from skmegatron.testing import check_cache

KEY = "0123456789abcdef" * 2


class Shelf(dict):
    """A dict is nearly a cache."""

    put = dict.__setitem__


class Gives:
    """Gives something, whatever was put."""

    def __init__(self, what):
        self.what = what

    def get(self, key):
        if isinstance(self.what, Exception):
            raise self.what
        return self.what

    def put(self, key, value):
        if isinstance(self.what, Exception):
            raise self.what


class Slotted:
    """Takes no weak reference."""

    __slots__ = ("entries",)

    def __init__(self):
        self.entries = {}

    def get(self, key):
        return self.entries.get(key)

    def put(self, key, value):
        self.entries[key] = value


@pytest.mark.parametrize("make", [Shelf, Slotted])
def test_a_cache_around_a_dict_passes_the_battery(make):
    shelf = make()

    check_cache(lambda: CustomCache(shelf))
    assert isinstance(CustomCache(shelf), OpenedCache)


def test_an_array_goes_there_and_back():
    cache = CustomCache(Shelf())
    cache.put(KEY, encode(np.arange(3.0), {"seconds": 1}))

    value, meta = decode(cache.get(KEY))

    assert value.tolist() == [0, 1, 2]
    assert meta == {"seconds": 1}


def test_what_the_object_gets_are_bytes_that_can_be_sent_anywhere():
    shelf = Shelf()
    CustomCache(shelf).put(KEY, memoryview(b"abc"))

    assert type(shelf[KEY]) is bytes


@given(st.data())
def test_a_damaged_value_is_a_miss(data):
    shelf = Shelf()
    cache = CustomCache(shelf)
    cache.put(KEY, b"the content")
    damaged = bytearray(shelf[KEY])
    bit = data.draw(st.integers(0, 8 * len(damaged) - 1))
    damaged[bit // 8] ^= 1 << bit % 8
    shelf[KEY] = bytes(damaged)

    assert cache.get(KEY) is None


@given(st.binary(max_size=200))
def test_anything_else_that_is_bytes_is_a_miss(content):
    assert CustomCache(Gives(content)).get(KEY) is None


def test_an_entry_of_another_key_is_a_miss():
    shelf = Shelf()
    cache = CustomCache(shelf)
    cache.put(KEY, b"the content")
    shelf["f" * 32] = shelf[KEY]

    assert cache.get("f" * 32) is None


def test_a_buffer_that_its_owner_writes_to_later_is_copied():
    shelf = Shelf()
    cache = CustomCache(shelf)
    cache.put(KEY, b"the content")
    shelf[KEY] = bytearray(shelf[KEY])

    found = cache.get(KEY)
    shelf[KEY][-7:] = b"changed"

    assert bytes(found) == b"the content"


@pytest.mark.parametrize("what", ["text", 3, [1], ConnectionError("no route")], ids=str)
def test_what_does_not_work_is_told_once_and_is_a_miss(what):
    broken = Gives(what)

    with pytest.warns(CacheWarning, match="cache Gives does not work: its get.*check_cache"):
        assert CustomCache(broken).get(KEY) is None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert CustomCache(broken).get(KEY) is None
        CustomCache(broken).put(KEY, b"x")


def test_a_put_that_fails_is_told():
    with pytest.warns(CacheWarning, match=r"put\(\) raised ConnectionError: no route"):
        CustomCache(Gives(ConnectionError("no route"))).put(KEY, b"x")


def test_a_wrong_key_is_a_mistake_of_the_caller():
    cache = CustomCache(Shelf())

    with pytest.raises(ValueError, match="32 hexadecimal"):
        cache.get("key")
    with pytest.raises(ValueError, match="32 hexadecimal"):
        cache.put("key", b"")


def test_all_wrappers_of_one_object_count_together():
    shelf = Shelf()
    CustomCache(shelf).counters.add(hits=1, seconds=2.0)

    assert CustomCache(shelf).stats() == CacheStats(1, 0, None, None, 2.0)
    assert CustomCache(Shelf()).stats().hits == 0


def test_an_object_that_tells_what_it_holds_is_asked():
    shelf = Shelf({KEY: b"abc"})
    shelf_with_stats = type(
        "Telling", (Shelf,), {"stats": lambda self: CacheStats(0, 0, len(self), 3, 0.0)}
    )(shelf)

    stats = CustomCache(shelf_with_stats).stats()

    assert (stats.entries, stats.bytes) == (1, 3)


def test_clear_is_the_objects_own():
    shelf = Shelf({KEY: b"abc"})
    cache = CustomCache(shelf)
    cache.counters.add(hits=1)

    cache.clear()

    assert not shelf
    assert cache.stats().hits == 0
    with pytest.raises(NotAvailableError, match=r"clear\(\), which a Slotted does not have"):
        CustomCache(Slotted()).clear()


def test_it_is_pickled_with_its_object():
    cache = CustomCache(Shelf())
    cache.put(KEY, b"abc")

    assert bytes(pickle.loads(pickle.dumps(cache)).get(KEY)) == b"abc"


def test_more_bytes_cost_more():
    cache = CustomCache(Shelf())

    assert 0 < cache.cost(0) < cache.cost(10**6)
