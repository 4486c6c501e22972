"""Which store goes with what the user passed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from skmegatron.io.connections import database_file, is_path, kind_of
from skmegatron.io.storage.alchemy import DRIVERS, AlchemyStore, own_engine, store_around
from skmegatron.io.storage.core import Store
from skmegatron.io.storage.duck import DuckStore
from skmegatron.io.storage.folder import FolderStore
from skmegatron.io.storage.postgres import PostgresStore
from skmegatron.io.storage.sqlite import SqliteStore
from skmegatron.optional import optional

_FILES = {".db": "sqlite", ".sqlite": "sqlite", ".sqlite3": "sqlite", ".duckdb": "duckdb"}
_EXTRAS = {"postgresql": "postgres", "mysql": "mysql", "mariadb": "mysql"}


def open_store(db_conn: Any) -> Store:
    """Find the store for a connection, a URL or a folder.

    Parameters
    ----------
    db_conn : str, Path, connection, SQLAlchemy engine or Store
        A database URL; the path of a folder; a connection of sqlite3, psycopg, psycopg2,
        DuckDB, PyMySQL or mysqlclient; or anything with the methods of `Store`.

    Returns
    -------
    Store

    Raises
    ------
    TypeError
        If it is nothing of the kind.
    ValueError
        If it is the path of a database file, which wants a URL.
    MissingDependencyError
        If the package for it is not installed.

    Examples
    --------
    >>> from skmegatron.io.storage import open_store
    >>> type(open_store("sqlite:///digits.db")).__name__, type(open_store("digits")).__name__
    ('SqliteStore', 'FolderStore')
    """
    if is_path(db_conn):
        return _folder(Path(os.fspath(db_conn)))
    if isinstance(db_conn, str):
        return _from_url(db_conn)
    kind = kind_of(db_conn)
    if kind == "sqlite":
        return SqliteStore(db_conn)
    if kind == "duckdb":
        return DuckStore(db_conn)
    if kind == "psycopg":
        return PostgresStore(db_conn)
    if kind == "sqlalchemy" and hasattr(db_conn, "raw_connection"):
        return _from_engine(db_conn)
    if isinstance(db_conn, Store):
        return db_conn
    package = type(db_conn).__module__.partition(".")[0]
    if kind == "dbapi" and package in DRIVERS:
        return store_around(db_conn, package)
    raise TypeError(
        "Expected a database URL, a folder, a connection of sqlite3, psycopg or DuckDB, a "
        f"SQLAlchemy engine or an object with the methods of Store, got a {type(db_conn)}. "
        "SQLAlchemy reaches other databases: pass its URL, 'mysql+pymysql://user@host/name'."
    )


def _folder(path: Path) -> Store:
    scheme = _FILES.get(path.suffix.lower())
    if path.is_file() or (scheme and not path.is_dir()) or str(path) == ":memory:":
        url = "sqlite://" if str(path) == ":memory:" else f"{scheme or 'sqlite'}:///{path}"
        raise ValueError(
            f"Expected the path of a folder, got {str(path)!r}. For a database, write {url!r}."
        )
    return FolderStore(path)


def _from_url(url: str) -> Store:
    file = database_file(url, "sqlite")
    if file is not None and "?" not in file:
        return SqliteStore(file)
    file = database_file(url, "duckdb")
    if file is not None:
        return DuckStore(file)
    scheme, _, rest = url.partition("://")
    dialect = scheme.partition("+")[0]
    if scheme in ("postgresql", "postgres"):
        dialect, url = "postgresql", f"postgresql+psycopg://{rest}"
    extra = _EXTRAS.get(dialect, "sql")
    alchemy = optional("sqlalchemy", extra=extra, purpose="A database URL")
    try:
        engine = own_engine(alchemy, url)
    except ModuleNotFoundError as error:
        optional(error.name or dialect, extra=extra, purpose=f"A {dialect} database")
        raise
    return _from_engine(engine)


def _from_engine(engine: Any) -> Store:
    if engine.dialect.name == "sqlite" and engine.dialect.driver == "pysqlite":
        return SqliteStore(engine)
    if engine.dialect.name == "postgresql" and engine.dialect.driver == "psycopg":
        return PostgresStore(engine)
    return AlchemyStore(engine)
