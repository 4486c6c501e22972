"""What a cache is: bytes under keys, where any of them may be gone at any time.

`Cache` is all that a user's own object needs. `OpenedCache` is what the engine works with;
`open_cache` (finding.py) makes the one out of the other.
"""

from __future__ import annotations

import re
from numbers import Integral
from typing import Any, Protocol, runtime_checkable

from sklearn.utils import Bunch

from skmegatron.io.caching.counting import Counters

_KEY = re.compile("[0-9a-f]{32}")


@runtime_checkable
class Cache(Protocol):
    """The two methods that make a cache; `skmegatron.testing.check_cache` tries them.

    Keys are strings of 32 hexadecimal digits in lower case. A cache may forget any entry at
    any time. Threads may call both methods at once.

    Examples
    --------
    >>> import skmegatron as sm
    >>> from skmegatron.io import Cache
    >>> class Shelf(dict):
    ...     def put(self, key, value):
    ...         self[key] = bytes(value)
    >>> isinstance(Shelf(), Cache)
    True
    >>> x = sm.Input("x")
    >>> sm.Pipeline(x, sm.layers.Whiten()(x), memory=Shelf()).memory
    CustomCache({})
    """

    def get(self, key: str) -> bytes | memoryview | None:
        """Give what was put last under a key.

        Parameters
        ----------
        key : str

        Returns
        -------
        bytes-like or None
            None where nothing is held. The bytes given must not change afterwards.

        Examples
        --------
        >>> from skmegatron.io import MemoryCache
        >>> MemoryCache().get("0" * 32) is None
        True
        """

    def put(self, key: str, value: bytes | memoryview) -> None:
        """Keep bytes, or do not; what was held under the key is replaced.

        Parameters
        ----------
        key : str
        value : bytes-like
            May change after the call: keep a copy of what is not ``bytes``.

        Examples
        --------
        >>> from skmegatron.io import MemoryCache
        >>> cache = MemoryCache(max_bytes=10)
        >>> cache.put("a" * 32, b"sixsix")
        >>> cache.put("b" * 32, b"sixsix")
        >>> cache.get("a" * 32) is None, bytes(cache.get("b" * 32))
        (True, b'sixsix')
        """


@runtime_checkable
class OpenedCache(Cache, Protocol):
    """A cache that counts, measures itself and can be emptied.

    Examples
    --------
    >>> from skmegatron.io.caching import MemoryCache, OpenedCache, open_cache
    >>> isinstance(MemoryCache(), OpenedCache), isinstance(open_cache("folder"), OpenedCache)
    (True, True)
    """

    @property
    def counters(self) -> Counters:
        """Where whoever uses the cache counts hits and misses.

        Examples
        --------
        >>> from skmegatron.io import MemoryCache
        >>> cache = MemoryCache()
        >>> cache.counters.read().hits
        0
        """

    def cost(self, n_bytes: int) -> float:
        """Tell what keeping an entry takes: expected seconds to put it once and get it once.

        Parameters
        ----------
        n_bytes : int

        Returns
        -------
        float

        Examples
        --------
        >>> from skmegatron.io import MemoryCache
        >>> cache = MemoryCache()
        >>> cache.cost(2**30) > cache.cost(0) > 0
        True
        """

    def clear(self) -> None:
        """Drop every entry, and count from 0.

        Examples
        --------
        >>> from skmegatron.io import MemoryCache
        >>> cache = MemoryCache()
        >>> cache.put("0" * 32, b"result")
        >>> cache.clear()
        >>> cache.get("0" * 32) is None
        True
        """

    def stats(self) -> CacheStats:
        """Tell what is held and what it was good for.

        Returns
        -------
        CacheStats

        Examples
        --------
        >>> from skmegatron.io import MemoryCache
        >>> cache = MemoryCache()
        >>> cache.put("0" * 32, b"result")
        >>> cache.stats().entries, cache.stats().bytes
        (1, 6)
        """


class CacheStats(Bunch):  # type: ignore[misc]  # scikit-learn is untyped
    """What a cache holds and what it was good for, as attributes and as keys.

    Parameters
    ----------
    hits, misses : int
        Steps whose result was found, and steps that had to be computed.
    entries, bytes : int or None
        What is held now; None where the cache cannot tell.
    seconds_saved : float
        What the results found had taken to compute.

    Examples
    --------
    >>> from skmegatron.io.caching import CacheStats
    >>> stats = CacheStats(hits=12, misses=3, entries=15, bytes=1_234_567, seconds_saved=4.25)
    >>> print(stats)
    12 hits, 3 misses, 15 entries, 1.2 MB, 4.2 s saved
    >>> stats.hits, stats["hits"]
    (12, 12)
    """

    hits: int
    misses: int
    entries: int | None
    bytes: int | None
    seconds_saved: float

    def __init__(
        self,
        hits: int,
        misses: int,
        entries: int | None,
        bytes: int | None,
        seconds_saved: float,
    ) -> None:
        super().__init__(
            hits=hits, misses=misses, entries=entries, bytes=bytes, seconds_saved=seconds_saved
        )

    def __str__(self) -> str:
        held = [] if self.entries is None else [_counted(self.entries, "entry", "entries")]
        size = [] if self.bytes is None else [_size(self.bytes)]
        hits, misses = _counted(self.hits, "hit", "hits"), _counted(self.misses, "miss", "misses")
        return ", ".join([hits, misses, *held, *size, f"{self.seconds_saved:.1f} s saved"])


def check_key(key: str) -> str:
    """Give a key back, or refuse it.

    Parameters
    ----------
    key : str

    Returns
    -------
    str

    Raises
    ------
    ValueError
        If it is anything but 32 hexadecimal digits in lower case.
    """
    if not isinstance(key, str) or _KEY.fullmatch(key) is None:
        raise ValueError(
            f"A key of a cache is 32 hexadecimal digits in lower case, got {key!r:.60}. "
            "Hash what tells the entry: hashlib.md5(name).hexdigest()."
        )
    return key


def check_max_bytes(max_bytes: Any, owner: str) -> int | None:
    """Give a bound back as an int, or refuse it.

    Parameters
    ----------
    max_bytes : object
    owner : str
        Name of the class, for the message.

    Returns
    -------
    int or None

    Raises
    ------
    ValueError
        If it is neither None nor a whole number of 1 or more.
    """
    if max_bytes is None:
        return None
    whole = isinstance(max_bytes, Integral) and not isinstance(max_bytes, bool)
    if not whole or max_bytes < 1:
        raise ValueError(
            f"{owner} takes max_bytes as a whole number of bytes, 1 or more, got "
            f"{max_bytes!r}. Write max_bytes=2**30 for 1 GiB, or None for no bound."
        )
    return int(max_bytes)


def _counted(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"


def _size(n_bytes: int) -> str:
    size, units = float(n_bytes), ["bytes", "kB", "MB", "GB", "TB"]
    while size >= 999.5 and len(units) > 1:
        size, units = size / 1000, units[1:]
    return f"{size:.0f} bytes" if units[0] == "bytes" else f"{size:.1f} {units[0]}"
