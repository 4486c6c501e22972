"""Results that are kept so that they need not be computed again.

`encode` and `decode` turn what a step gives or learns into bytes and back. A cache keeps bytes
under keys; `open_cache` finds the one for what the user passed.
"""

from skmegatron.io.caching.codec import decode, encode
from skmegatron.io.caching.core import Cache, CacheStats, OpenedCache
from skmegatron.io.caching.custom import CustomCache
from skmegatron.io.caching.finding import open_cache
from skmegatron.io.caching.folder import FolderCache
from skmegatron.io.caching.memory import MemoryCache

__all__ = [
    "Cache",
    "CacheStats",
    "CustomCache",
    "FolderCache",
    "MemoryCache",
    "OpenedCache",
    "decode",
    "encode",
    "open_cache",
]
