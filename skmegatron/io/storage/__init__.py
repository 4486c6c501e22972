"""Rows that are kept: in databases, folders of arrays, or memory.

`DataStore` is what users meet. It is bound to a name and a version, and works over any
`Store`; a database or folder becomes one through `open_store`.
"""

from skmegatron.io.storage.alchemy import AlchemyStore
from skmegatron.io.storage.bound import DataStore
from skmegatron.io.storage.core import Held, Store
from skmegatron.io.storage.duck import DuckStore
from skmegatron.io.storage.finding import open_store
from skmegatron.io.storage.folder import FolderStore
from skmegatron.io.storage.memory import MemoryStore
from skmegatron.io.storage.postgres import PostgresStore
from skmegatron.io.storage.sqlite import SqliteStore

__all__ = [
    "AlchemyStore",
    "DataStore",
    "DuckStore",
    "FolderStore",
    "Held",
    "MemoryStore",
    "PostgresStore",
    "SqliteStore",
    "Store",
    "open_store",
]
