"""A cache in memory, one per process however often it is copied or pickled."""

from __future__ import annotations

import os
import threading
import time
import uuid
from collections import OrderedDict
from typing import Any

from skmegatron.io.caching.buffers import kept, view_of
from skmegatron.io.caching.core import CacheStats, check_key, check_max_bytes
from skmegatron.io.caching.counting import Counters
from skmegatron.io.caching.registry import Registry
from skmegatron.io.caching.speed import Pace, Speed

_CACHES: Registry[MemoryCache] = Registry()


class MemoryCache:
    """A cache in memory, bounded; what was used least recently goes first.

    Copies, deep copies and pickles are the same cache: the clones that a search makes share
    it, and in a parallel worker all tasks share one of that worker.

    Parameters
    ----------
    max_bytes : int or None, default=2**30
        The most that is held; None for no bound.

    Raises
    ------
    ValueError
        If `max_bytes` is neither None nor a whole number of 1 or more.

    Examples
    --------
    >>> from skmegatron.io.caching import MemoryCache
    >>> cache = MemoryCache(max_bytes=1000)
    >>> cache.put("0" * 32, b"result")
    >>> bytes(cache.get("0" * 32))
    b'result'
    >>> cache
    MemoryCache(max_bytes=1000)
    """

    def __init__(self, max_bytes: int | None = 2**30) -> None:
        self.max_bytes = check_max_bytes(max_bytes, type(self).__name__)
        self._start(uuid.uuid4().hex, os.getpid())
        _CACHES.add(self._token, self)

    def _start(self, token: str, home: int) -> None:
        self._token, self._home = token, home
        self._entries: OrderedDict[str, memoryview] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()
        self._counters = Counters()
        self._speed = Speed(put=Pace(10e-6, 1 / 3e9), get=Pace(10e-6, 0.0))

    @property
    def counters(self) -> Counters:
        """Where whoever uses the cache counts; of this process."""
        return self._counters

    def get(self, key: str) -> memoryview | None:
        """Give what was put last under a key; see `Cache.get`.

        Parameters
        ----------
        key : str

        Returns
        -------
        memoryview or None
            Read-only, and no copy.
        """
        started = time.perf_counter()
        with self._lock:
            value = self._entries.get(check_key(key))
            if value is None:
                return None
            self._entries.move_to_end(key)
        self._speed.get.measured(value.nbytes, time.perf_counter() - started)
        return value

    def put(self, key: str, value: bytes | memoryview) -> None:
        """Keep bytes, unless they are more than `max_bytes`; see `Cache.put`.

        Parameters
        ----------
        key : str
        value : bytes-like
            What `encode` gave is kept without a copy.

        Raises
        ------
        ValueError
            If `key` is not 32 hexadecimal digits.
        """
        started, given = time.perf_counter(), view_of(value)
        with self._lock:
            self._remove(check_key(key))
            if self.max_bytes is not None and given.nbytes > self.max_bytes:
                return
            self._make_room(given.nbytes)
        # Copied outside of the lock, so that threads can read meanwhile.
        own = kept(given)
        with self._lock:
            self._remove(key)
            self._make_room(own.nbytes)
            self._entries[key] = own
            self._bytes += own.nbytes
        # Where nothing was copied now it was when the value was encoded: the guess stands.
        if own is not given or own.nbytes < 1024:
            self._speed.put.measured(own.nbytes, time.perf_counter() - started)

    def clear(self) -> None:
        """Drop every entry, and count from 0.

        Examples
        --------
        >>> from skmegatron import MemoryCache
        >>> cache = MemoryCache()
        >>> cache.put("0" * 32, b"result")
        >>> cache.clear()
        >>> cache.stats().entries
        0
        """
        with self._lock:
            self._entries.clear()
            self._bytes = 0
        self._counters.clear()

    def stats(self) -> CacheStats:
        """Tell what is held, and what was counted in this process.

        Returns
        -------
        CacheStats

        Examples
        --------
        >>> import skmegatron as sm
        >>> cache = sm.MemoryCache()
        >>> cache.put("0" * 32, b"six by")
        >>> print(cache.stats())
        0 hits, 0 misses, 1 entry, 6 bytes, 0.0 s saved
        """
        counts = self._counters.read()
        with self._lock:
            held, n_bytes = len(self._entries), self._bytes
        return CacheStats(counts.hits, counts.misses, held, n_bytes, counts.seconds)

    def cost(self, n_bytes: int) -> float:
        """Tell what keeping an entry takes; see `OpenedCache.cost`.

        Parameters
        ----------
        n_bytes : int

        Returns
        -------
        float
        """
        return self._speed.cost(n_bytes)

    def _remove(self, key: str) -> None:
        gone = self._entries.pop(key, None)
        if gone is not None:
            self._bytes -= gone.nbytes

    def _make_room(self, n_bytes: int) -> None:
        while self.max_bytes is not None and self._bytes + n_bytes > self.max_bytes:
            self._bytes -= self._entries.popitem(last=False)[1].nbytes

    def __repr__(self) -> str:
        return f"MemoryCache(max_bytes={self.max_bytes})"

    def __copy__(self) -> MemoryCache:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> MemoryCache:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (self._token, self._home, self.max_bytes)


def _restored(token: str, home: int, max_bytes: int | None) -> MemoryCache:
    """Give the cache of a token, here or in another process."""

    def made() -> MemoryCache:
        cache = MemoryCache.__new__(MemoryCache)
        cache.max_bytes = max_bytes
        cache._start(token, home)
        return cache

    return _CACHES.find(token, made, hold=home != os.getpid())
