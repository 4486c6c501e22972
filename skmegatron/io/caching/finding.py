"""Which cache goes with what the user passed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import joblib

from skmegatron.io.caching.core import OpenedCache
from skmegatron.io.caching.custom import CustomCache
from skmegatron.io.caching.folder import FolderCache
from skmegatron.io.caching.memory import MemoryCache
from skmegatron.io.connections import is_path


def open_cache(memory: Any) -> OpenedCache | None:
    """Find the cache for what ``Pipeline(memory=...)`` takes.

    Parameters
    ----------
    memory : None, str, Path, joblib.Memory, MemoryCache, FolderCache or Cache
        A folder; a `joblib.Memory`, in whose folder another one is made; a cache of ours; or
        anything with the methods of `Cache`.

    Returns
    -------
    MemoryCache, FolderCache, CustomCache or None
        None where nothing is to be kept: for None, and for ``joblib.Memory(None)``.

    Raises
    ------
    TypeError
        If it is nothing of the kind.
    ValueError
        If it is an empty path, or a `joblib.Memory` that does not write into a folder.
    NotADirectoryError
        If it is the path of a file.

    Examples
    --------
    >>> from skmegatron.io.caching import MemoryCache, open_cache
    >>> cache = MemoryCache()
    >>> open_cache(cache) is cache, open_cache(None)
    (True, None)
    """
    if memory is None or isinstance(memory, MemoryCache | FolderCache | CustomCache):
        return memory
    if is_path(memory):
        return FolderCache(memory)
    if isinstance(memory, joblib.Memory):
        return _within(memory)
    methods = (getattr(memory, name, None) for name in ("get", "put"))
    if all(map(callable, methods)) and not isinstance(memory, type):
        return CustomCache(memory)
    raise TypeError(
        "memory= takes None, the path of a folder, a joblib.Memory, a MemoryCache, a FolderCache "
        f"or an object with get(key) and put(key, value), got {_named(memory)}. "
        "MemoryCache() keeps results in this process, 'cache' in a folder of that name."
    )


def _within(memory: Any) -> FolderCache | None:
    if memory.location is None:
        return None
    if memory.backend != "local":
        raise ValueError(
            f"memory= takes a joblib.Memory with backend='local', got {memory.backend!r}. "
            "Pass the path of a folder, or an object with get(key) and put(key, value)."
        )
    return FolderCache(Path(os.fspath(memory.location)) / "skmegatron")


def _named(memory: Any) -> str:
    if isinstance(memory, type):
        return f"the class {memory.__name__}, not an object of it"
    return repr(memory)[:80] if isinstance(memory, str) else f"a {type(memory)}"
