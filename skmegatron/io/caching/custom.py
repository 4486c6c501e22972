"""A user's own object as a cache: Redis, a bucket, a dict.

What it gives is trusted no more than a file would be, and what it raises fails no fit.
"""

from __future__ import annotations

import time
import warnings
import weakref
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from skmegatron.errors import CacheWarning, NotAvailableError
from skmegatron.io.caching.buffers import kept, view_of
from skmegatron.io.caching.core import Cache, CacheStats, check_key
from skmegatron.io.caching.counting import Counters
from skmegatron.io.caching.envelope import header, opened
from skmegatron.io.caching.speed import Pace, Speed


@dataclass
class _State:
    """What all wrappers of one object have in common."""

    counters: Counters = field(default_factory=Counters)
    speed: Speed = field(
        default_factory=lambda: Speed(Pace(200e-6, 0.5 / 6e8), Pace(200e-6, 0.5 / 6e8))
    )
    warned: bool = False


# By id, as objects may be equal to others, or not hashable; an entry goes with its object.
_STATES: dict[int, _State] = {}


class CustomCache:
    """A cache around any object with `get` and `put`.

    Every entry carries a hash, so one that is damaged is a miss. Where the object raises, or
    gives something else than bytes, that is told once by a `CacheWarning` and is a miss too.

    Parameters
    ----------
    cache : Cache
        May also have ``clear()``, and ``stats()`` that gives something with ``entries`` and
        ``bytes``.

    Examples
    --------
    >>> from skmegatron.io.caching import CustomCache
    >>> class Shelf(dict):
    ...     put = dict.__setitem__
    >>> cache = CustomCache(Shelf())
    >>> cache.put("0" * 32, b"result")
    >>> bytes(cache.get("0" * 32))
    b'result'
    """

    def __init__(self, cache: Cache) -> None:
        self.cache = cache
        self._state = _state_of(cache)

    def __reduce__(self) -> tuple[Any, ...]:
        return CustomCache, (self.cache,)

    @property
    def counters(self) -> Counters:
        """Where whoever uses the cache counts; of this process."""
        return self._state.counters

    def get(self, key: str) -> memoryview | None:
        """Give what was put last under a key; see `Cache.get`.

        Parameters
        ----------
        key : str

        Returns
        -------
        memoryview or None

        Warns
        -----
        CacheWarning
            If the object raises, or gives no bytes; once.
        """
        started, key = time.perf_counter(), check_key(key)
        try:
            value = self.cache.get(key)
        except Exception as error:  # noqa: BLE001 - each service has its own; all are a miss
            self._warn(f"get() raised {type(error).__name__}: {error}")
            return None
        if value is None:
            return None
        try:
            # Bytes that may change are copied before they are looked at.
            entry = kept(view_of(value))
        except TypeError:
            self._warn(f"get() gave a {type(value)} instead of bytes or None")
            return None
        content = opened(key, entry)
        if content is not None:
            self._state.speed.get.measured(content.nbytes, time.perf_counter() - started)
        return content

    def put(self, key: str, value: bytes | memoryview) -> None:
        """Hand bytes to the object; see `Cache.put`.

        Parameters
        ----------
        key : str
        value : bytes-like

        Raises
        ------
        ValueError
            If `key` is not 32 hexadecimal digits.

        Warns
        -----
        CacheWarning
            If the object raises; once.
        """
        started, content = time.perf_counter(), view_of(value)
        entry = b"".join((header(check_key(key), content), content))
        try:
            self.cache.put(key, entry)
        except Exception as error:  # noqa: BLE001 - each service has its own; a fit goes on
            self._warn(f"put() raised {type(error).__name__}: {error}")
        else:
            self._state.speed.put.measured(content.nbytes, time.perf_counter() - started)

    def clear(self) -> None:
        """Call the object's `clear`, and count from 0.

        Raises
        ------
        NotAvailableError
            If it has none.
        """
        clear = getattr(self.cache, "clear", None)
        if not callable(clear):
            raise NotAvailableError(
                f"Emptying a cache needs its clear(), which a {type(self.cache).__name__} does "
                "not have. Add the method, or remove the entries where they are kept."
            )
        clear()
        self._state.counters.clear()

    def stats(self) -> CacheStats:
        """Tell what was counted in this process, and what the object says it holds.

        Returns
        -------
        CacheStats
        """
        counts = self._state.counters.read()
        told = getattr(self.cache, "stats", None)
        held = told() if callable(told) else None
        entries, n_bytes = getattr(held, "entries", None), getattr(held, "bytes", None)
        return CacheStats(counts.hits, counts.misses, entries, n_bytes, counts.seconds)

    def cost(self, n_bytes: int) -> float:
        """Tell what keeping an entry takes; see `OpenedCache.cost`.

        Parameters
        ----------
        n_bytes : int

        Returns
        -------
        float
        """
        return self._state.speed.cost(n_bytes)

    def _warn(self, what: str) -> None:
        if self._state.warned:
            return
        self._state.warned = True
        warnings.warn(
            f"The cache {type(self.cache).__name__} does not work: its {what}. Results are "
            "computed again. skmegatron.testing.check_cache tells more.",
            CacheWarning,
            stacklevel=3,
        )

    def __repr__(self) -> str:
        return f"CustomCache({self.cache!r})"


def _state_of(cache: object) -> _State:
    state = _STATES.get(id(cache))
    if state is None:
        state = _State()
        with suppress(TypeError):  # where nothing tells its end, each wrapper counts for itself
            weakref.finalize(cache, _STATES.pop, id(cache), None)
            _STATES[id(cache)] = state
    return state
