"""Data in and out; knows nothing of graphs."""

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
    "DataStore",
    "DuckStore",
    "FolderStore",
    "MemoryStore",
    "PostgresStore",
    "SqliteStore",
    "Store",
    "open_store",
]
