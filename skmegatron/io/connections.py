"""Which kind of database connection somebody handed in.

Told by the package that the object's class comes from, so no database package is imported
to find out.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote

from skmegatron.errors import ReadError
from skmegatron.optional import optional

Kind = Literal["sqlite", "duckdb", "psycopg", "sqlalchemy", "dbapi"]

_PURPOSE = "A database URL"


def kind_of(connection: Any) -> Kind | None:
    """Tell what a connection is.

    Parameters
    ----------
    connection : object
        A DB-API connection, a DuckDB connection, or a SQLAlchemy engine or connection.

    Returns
    -------
    {"sqlite", "duckdb", "psycopg", "sqlalchemy", "dbapi"} or None
        "dbapi" is any other object with ``cursor`` and ``commit``; None is no connection.

    Examples
    --------
    >>> import sqlite3
    >>> from contextlib import closing
    >>> from skmegatron.io.connections import kind_of
    >>> with closing(sqlite3.connect(":memory:")) as connection:
    ...     kind_of(connection)
    'sqlite'
    """
    packages = {cls.__module__.partition(".")[0] for cls in type(connection).__mro__}
    if packages & {"sqlite3", "_sqlite3"}:
        return "sqlite"
    if packages & {"duckdb", "_duckdb"}:
        return "duckdb"
    if "psycopg" in packages:
        return "psycopg"
    if "sqlalchemy" in packages:
        return "sqlalchemy"
    if hasattr(connection, "cursor") and hasattr(connection, "commit"):
        return "dbapi"
    return None


def database_file(url: str, scheme: str) -> str | None:
    """Give the file that a ``sqlite:`` or ``duckdb:`` URL names, as SQLAlchemy reads it.

    Parameters
    ----------
    url : str
        ``"sqlite:///relative.db"``, ``"sqlite:////absolute.db"`` or ``"sqlite://"``.
    scheme : str

    Returns
    -------
    str or None
        ":memory:" where the URL names no file; None where the URL is of another scheme.

    Examples
    --------
    >>> from skmegatron.io.connections import database_file
    >>> database_file("sqlite:///digits.db", "sqlite")
    'digits.db'
    """
    head, found, path = url.partition("://")
    if not found or head != scheme:
        return None
    return unquote(path[1:]) or ":memory:"


def connect(url: str) -> Any:
    """Open what a URL names: DuckDB itself for ``duckdb:``, SQLAlchemy for everything else.

    Parameters
    ----------
    url : str

    Returns
    -------
    DuckDB connection or SQLAlchemy engine
        The caller closes or disposes of it.

    Raises
    ------
    ReadError
        If it is no URL.
    MissingDependencyError
        If the package for it is not installed.
    """
    if "://" not in url:
        raise ReadError(
            f"Expected a connection or a database URL, got {url!r}. Write "
            "'sqlite:///file.db', 'postgresql+psycopg://user@host/name', or pass "
            "sqlite3.connect(...)."
        )
    file = database_file(url, "duckdb")
    if file is not None:
        return optional("duckdb", extra="duckdb", purpose=_PURPOSE).connect(file)
    return optional("sqlalchemy", extra="sql", purpose=_PURPOSE).create_engine(url)


def is_path(thing: Any) -> bool:
    """Tell whether something names a file or folder, and is no URL.

    Parameters
    ----------
    thing : object

    Returns
    -------
    bool
    """
    return isinstance(thing, Path | os.PathLike) or (isinstance(thing, str) and "://" not in thing)
