"""Data in and out; knows nothing of graphs."""

from skmegatron.io.caching import Cache, CacheStats, FolderCache, MemoryCache
from skmegatron.io.dataset import CSVData, Dataset, PandasData, ParquetData, SQLData
from skmegatron.io.generator import (
    CSVGenerator,
    PandasGenerator,
    ParquetGenerator,
    SQLGenerator,
)
from skmegatron.io.storage import (
    AlchemyStore,
    DataStore,
    DuckStore,
    FolderStore,
    MemoryStore,
    PostgresStore,
    SqliteStore,
    Store,
    open_store,
)

__all__ = [
    "AlchemyStore",
    "CSVData",
    "CSVGenerator",
    "Cache",
    "CacheStats",
    "DataStore",
    "Dataset",
    "DuckStore",
    "FolderCache",
    "FolderStore",
    "MemoryCache",
    "MemoryStore",
    "PandasData",
    "PandasGenerator",
    "ParquetData",
    "ParquetGenerator",
    "PostgresStore",
    "SQLData",
    "SQLGenerator",
    "SqliteStore",
    "Store",
    "open_store",
]
