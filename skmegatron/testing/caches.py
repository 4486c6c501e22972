"""One battery that any cache can be put through, ours or a user's."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from skmegatron.io.caching.core import Cache


def check_cache(make_cache: Callable[[], Cache]) -> None:
    """Check that a cache behaves as the library expects.

    What is got is what was put last under the key, byte for byte and for good; an unknown key
    gives None; threads do not disturb each other.

    Parameters
    ----------
    make_cache : callable
        Gives a cache. Each one that it gives sees what the others put. Other entries may be
        there; those of the battery have random keys, and take less than 2 MB.

    Raises
    ------
    AssertionError
        If something is wrong; the message says what.

    Examples
    --------
    >>> from skmegatron.io import MemoryCache
    >>> from skmegatron.testing import check_cache
    >>> cache = MemoryCache()
    >>> check_cache(lambda: cache)
    """
    cache = make_cache()
    assert isinstance(cache, Cache), f"{type(cache).__name__} lacks a method of Cache"
    for check in (_check_contents, _check_keys, _check_copies, _check_threads):
        check(cache)
    key = _key()
    cache.put(key, b"put by one")
    _expect(make_cache(), key, b"put by one", "by another cache on the same place")
    make_cache().put(key, b"put by another")
    _expect(cache, key, b"put by another", "after another cache replaced it")


def _check_contents(cache: Cache) -> None:
    for content in (b"a", b"", b"\0" * 100, bytes(range(256)), secrets.token_bytes(1_000_000)):
        key = _key()
        cache.put(key, content)
        _expect(cache, key, content, "after a put of bytes")
        _expect(cache, key, content, "the second time")
        cache.put(key, memoryview(content + b"!"))
        _expect(cache, key, content + b"!", "after a put of a memoryview")


def _check_keys(cache: Cache) -> None:
    start = secrets.token_hex(15)
    keys = [f"{start}{end}" for end in ("00", "01", "10", "11")]
    try:
        found = cache.get(keys[0])
    except Exception as error:
        raise AssertionError(
            f"get of a key that was never put raises {error!r} instead of giving None"
        ) from error
    assert found is None, f"get of a key that was never put gives {found!r:.60} instead of None"
    for key in keys:
        cache.put(key, key.encode())
    for key in keys:
        _expect(cache, key, key.encode(), "after keys like it were put")


def _check_copies(cache: Cache) -> None:
    key, given = _key(), bytearray(b"first")
    cache.put(key, memoryview(given))
    given[:] = b"other"
    _expect(cache, key, b"first", "after the buffer that was put has changed")
    found = cache.get(key)
    cache.put(key, b"later")
    assert found is not None, "get gives None right after a put"
    assert bytes(found) == b"first", f"what get gave changes with the next put: {bytes(found)!r}"


def _check_threads(cache: Cache) -> None:
    shared = _key()
    mixtures = {bytes([number]) * 1000 for number in range(8)}

    def use(number: int) -> None:
        own = _key()
        for turn in range(20):
            content = bytes([number, turn]) * 50
            cache.put(own, content)
            cache.put(shared, bytes([number]) * 1000)
            _expect(cache, own, content, "while other threads put")
            found = cache.get(shared)
            assert found is None or bytes(found) in mixtures, (
                "get gives bytes of two puts at once, made by two threads"
            )

    with ThreadPoolExecutor(8) as threads:
        for result in [threads.submit(use, number) for number in range(8)]:
            result.result()


def _expect(cache: Cache, key: str, expected: bytes, when: str) -> None:
    found = cache.get(key)
    assert found is not None, f"get gives None {when}, instead of {expected!r:.60}"
    kind = type(found)
    assert kind in (bytes, bytearray, memoryview), f"get gives a {kind} instead of bytes"
    assert bytes(found) == expected, f"get gives {bytes(found)!r:.60} {when}, not {expected!r:.60}"


def _key() -> str:
    return secrets.token_hex(16)
