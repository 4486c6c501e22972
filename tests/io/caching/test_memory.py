"""One cache per process, never fuller than it may be."""

import copy
import gc
import pickle
import subprocess
import sys
import threading
import weakref

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from joblib import Parallel, delayed
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmegatron.io.caching import MemoryCache, OpenedCache, decode, encode
from skmegatron.testing import check_cache


def key(number):
    return f"{number:032x}"


def used(cache, number):
    """Use a cache in a task of a parallel worker."""
    found = cache.get(key(number))
    cache.put(key(number), b"put by a task before")
    return None if found is None else bytes(found)


def test_it_passes_the_battery():
    cache = MemoryCache()

    check_cache(lambda: cache)
    assert isinstance(cache, OpenedCache)


@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 60), st.booleans()), max_size=40),
    st.integers(1, 100),
)
def test_it_keeps_what_was_used_last_and_never_more_than_its_bound(uses, max_bytes):
    cache, expected = MemoryCache(max_bytes), {}
    for number, size, reads in uses:
        if reads:
            found = cache.get(key(number))
            assert (None if found is None else found.nbytes) == expected.get(number)
            if number in expected:
                expected[number] = expected.pop(number)
        else:
            cache.put(key(number), b"x" * size)
            expected.pop(number, None)
            while size <= max_bytes and sum(expected.values()) + size > max_bytes:
                del expected[next(iter(expected))]
            if size <= max_bytes:
                expected[number] = size
        stats = cache.stats()
        assert (stats.entries, stats.bytes) == (len(expected), sum(expected.values()))


def test_without_a_bound_everything_is_kept():
    cache = MemoryCache(None)
    for number in range(100):
        cache.put(key(number), b"x" * 1000)

    assert cache.stats().bytes == 100_000


@pytest.mark.parametrize("max_bytes", [0, -1, 1.5, "1", True])
def test_a_bound_that_is_none_says_what_to_write(max_bytes):
    with pytest.raises(ValueError, match=r"MemoryCache takes max_bytes .*=2\*\*30"):
        MemoryCache(max_bytes)


def test_a_numpy_integer_is_a_bound_too():
    assert MemoryCache(np.int64(5)).max_bytes == 5


@pytest.mark.parametrize("bad", ["", "0" * 31, "G" * 32, "../" * 10 + "ab", b"0" * 32, None])
def test_a_key_that_is_none_says_what_one_is(bad):
    with pytest.raises(ValueError, match="32 hexadecimal digits"):
        MemoryCache().put(bad, b"")


def test_what_is_not_bytes_says_what_makes_bytes_of_it():
    with pytest.raises(TypeError, match="encode"):
        MemoryCache().put(key(0), "text")


def test_what_encode_gave_is_kept_without_a_copy_and_other_buffers_with_one():
    cache, array = MemoryCache(), np.arange(1000.0)
    encoded = encode(array, {})
    cache.put(key(0), encoded)
    cache.put(key(1), array.data)
    array[:] = 0

    assert np.shares_memory(decode(cache.get(key(0)))[0], np.frombuffer(encoded, np.uint8))
    assert np.frombuffer(cache.get(key(1)))[7] == 7


def test_what_is_got_cannot_be_written_to():
    cache = MemoryCache()
    cache.put(key(0), bytearray(b"abc"))

    assert cache.get(key(0)).readonly


def test_copies_clones_and_pickles_are_the_same_cache():
    cache = MemoryCache(max_bytes=100)
    cloned = clone(make_pipeline(StandardScaler(), memory=cache)).memory

    assert copy.copy(cache) is copy.deepcopy([cache])[0] is cloned is cache
    assert pickle.loads(pickle.dumps(cache)) is cache
    assert repr(cache) == "MemoryCache(max_bytes=100)"


def test_two_caches_are_two():
    one, other = MemoryCache(), MemoryCache()
    one.put(key(0), b"x")

    assert one != other
    assert other.get(key(0)) is None


def test_the_memory_is_free_once_nobody_holds_the_cache():
    cache = MemoryCache()
    pickled, seen = pickle.dumps(cache), weakref.ref(cache)
    del cache
    gc.collect()
    assert seen() is None

    restored = pickle.loads(pickled)
    seen = weakref.ref(restored)
    del restored
    gc.collect()
    assert seen() is None


def test_tasks_of_one_worker_share_a_cache():
    cache = MemoryCache()
    with Parallel(n_jobs=2, backend="loky") as workers:
        found = [workers([delayed(used)(cache, 0)] * 2) for _ in range(6)]

    assert any(value == b"put by a task before" for values in found for value in values)
    assert cache.get(key(0)) is None


def test_another_process_holds_the_last_four_caches_and_no_more():
    caches = [MemoryCache() for _ in range(6)]
    script = (
        "import pickle, sys\n"
        "all = pickle.load(sys.stdin.buffer)\n"
        "for each in all:\n"
        "    pickle.loads(each).put('0' * 32, b'x')\n"
        "print([pickle.loads(each).get('0' * 32) is not None for each in reversed(all)])\n"
    )

    told = subprocess.run(
        [sys.executable, "-c", script],
        input=pickle.dumps([pickle.dumps(cache) for cache in caches]),
        capture_output=True,
        check=True,
    )

    assert told.stdout.split() == b"[True, True, True, True, False, False]".split()


def test_threads_keep_the_bound_and_never_get_what_was_not_put():
    cache, faults = MemoryCache(max_bytes=5000), []

    def hammer(seed):
        rng = np.random.default_rng(seed)
        for number, size in rng.integers(0, [20, 2000], size=(500, 2)).tolist():
            cache.put(key(number), bytes([number]) * size)
            found = cache.get(key(number))
            if cache.stats().bytes > 5000 or (found is not None and set(found) - {number}):
                faults.append((number, size))

    threads = [threading.Thread(target=hammer, args=[seed]) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert faults == []


def test_stats_tell_what_was_counted_and_clear_starts_anew():
    cache = MemoryCache()
    cache.put(key(0), b"abc")
    cache.counters.add(hits=2, seconds=1.5)
    cache.counters.add(misses=1)
    assert str(cache.stats()) == "2 hits, 1 miss, 1 entry, 3 bytes, 1.5 s saved"

    cache.clear()

    assert str(cache.stats()) == "0 hits, 0 misses, 0 entries, 0 bytes, 0.0 s saved"
    assert cache.get(key(0)) is None


def test_more_bytes_cost_more():
    cache = MemoryCache()

    assert 0 < cache.cost(0) < cache.cost(10**6) < cache.cost(10**9)
