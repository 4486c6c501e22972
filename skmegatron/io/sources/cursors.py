"""A query under way on a database of any kind, read a few rows at a time.

Each kind of connection has its own way to keep the rows on the server, or in the database's
own memory, until they are asked for. What was opened here is closed here; a connection that
was handed in stays open.
"""

from __future__ import annotations

import sys
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skmegatron.errors import ReadError
from skmegatron.io.connections import connect, database_file, kind_of
from skmegatron.io.sources.arrow import Rebatched
from skmegatron.io.sources.columns import BLOCK
from skmegatron.io.sources.pinning import Rows
from skmegatron.optional import optional

# Tuples are turned into columns a few at a time, while the processor still has them at hand:
# at 65,536 at once it takes half as long again.
_PIECE = 256
_SERVED = 2048  # where every piece is asked of a server
_IDLE = 0  # psycopg's transaction status outside of any transaction

# What a DuckDB connection has for itself, so that the same query on its cursor could mean
# something else: the schema that it uses among the settings, and what it made for itself.
# Whether it shows progress, which a terminal decides, changes no row.
_DUCKDB_STATE = """
SELECT 'setting', name, value FROM duckdb_settings()
    WHERE name NOT LIKE '%progress%' AND name NOT LIKE '%profil%'
UNION ALL VALUES
    ('setting', 'catalog', current_catalog()),
    ('setting', 'schema', current_schema()),
    ('setting', 'search_path', current_setting('search_path'))
UNION ALL SELECT 'own', table_name, NULL FROM duckdb_tables() WHERE temporary AND NOT internal
UNION ALL SELECT 'own', view_name, NULL FROM duckdb_views() WHERE temporary AND NOT internal
UNION ALL SELECT 'own', sequence_name, NULL FROM duckdb_sequences() WHERE temporary
UNION ALL SELECT 'own', type_name, NULL FROM duckdb_types()
    WHERE database_name = 'temp' AND NOT internal
UNION ALL SELECT 'own', function_name, NULL FROM duckdb_functions()
    WHERE database_name = 'temp' AND NOT internal
UNION ALL SELECT 'own', name, NULL FROM duckdb_variables()
"""


@dataclass(frozen=True)
class Result:
    """A query under way.

    Attributes
    ----------
    names : list of str
        Names of its columns, as the database gives them.
    fetch : callable
        ``fetch(n)`` gives the next `n` rows, ``fetch(None)`` all that are left.
    arrow : bool
        Whether these rows come as an Arrow table, rather than as `Rows`.
    """

    names: list[str]
    fetch: Callable[[int | None], Any]
    arrow: bool = False


@contextmanager
def running(connection: Any, query: Any, params: Any) -> Iterator[Result]:
    """Run a query without fetching its rows.

    Parameters
    ----------
    connection : object
        A connection, an engine or a database URL.
    query : str or SQLAlchemy selectable
    params : sequence, mapping or None

    Yields
    ------
    Result

    Raises
    ------
    FileNotFoundError
        If the URL names a database file that is not there.
    ReadError
        If the query gives no rows, as INSERT does.
    """
    if isinstance(connection, str):
        for scheme in ("sqlite", "duckdb"):
            _require_file(database_file(connection, scheme))
        opened = connect(connection)
        close = opened.close if kind_of(opened) == "duckdb" else opened.dispose
        try:
            with running(opened, query, params) as result:
                yield result
        finally:
            close()
        return
    open_query = _OPENERS[kind_of(connection) or "dbapi"]
    with open_query(connection, query, params) as result:
        yield result


def reads_elsewhere(connection: Any) -> bool:
    """Tell whether another thread than the caller's may run a query on a connection.

    Parameters
    ----------
    connection : object

    Returns
    -------
    bool
        False for sqlite3, whose connections belong to one thread, and where it is unknown.
    """
    if isinstance(connection, str):
        return True
    kind = kind_of(connection)
    if kind == "sqlalchemy":  # an engine gives each thread a connection of its own
        in_thread = (
            "memory" in str(connection.engine.url) or connection.engine.url.database is None
        )
        return not hasattr(connection, "begin_nested") and not (
            connection.engine.dialect.name == "sqlite" and in_thread
        )
    return kind in ("psycopg", "duckdb")


def _require_file(file: str | None) -> None:
    if file in (None, ":memory:") or file.startswith("file:") or "?" in file:
        return
    if not Path(file).exists():
        raise FileNotFoundError(f"There is no database file {file!r} to read from.")


@contextmanager
def _dbapi(connection: Any, query: Any, params: Any) -> Iterator[Result]:
    with closing(connection.cursor()) as cursor:
        if kind_of(connection) == "sqlite":
            cursor.row_factory = None
        cursor.execute(query) if params is None else cursor.execute(query, params)
        names = _names(cursor.description)
        yield Result(names, _fetcher(cursor, len(names)))


def _names(description: Sequence[Any] | None) -> list[str]:
    if description is None:
        raise ReadError("The query gives no rows. Pass a SELECT.")
    return [column[0] for column in description]


def _fetcher(cursor: Any, n_columns: int, piece: int = _PIECE) -> Callable[[int | None], Rows]:
    def fetch(n_rows: int | None) -> Rows:
        if n_rows is not None and n_rows <= 4 * piece:
            at_once = _tuples(cursor.fetchmany(n_rows))
            return Rows(list(zip(*at_once, strict=True)) or [()] * n_columns)
        lists: list[list[Any]] = [[] for _ in range(n_columns)]
        left = sys.maxsize if n_rows is None else n_rows
        while left > 0:
            rows = _tuples(cursor.fetchmany(min(piece, left)))
            if not rows:
                break
            for values, more in zip(lists, zip(*rows, strict=True), strict=True):
                values.extend(more)
            left -= len(rows)
        return Rows(lists)

    return fetch


def _tuples(rows: Any) -> Any:
    """Give rows as tuples, where a cursor such as a DictCursor gives mappings."""
    if rows and isinstance(rows[0], Mapping):
        return [tuple(row.values()) for row in rows]
    return rows


@contextmanager
def _psycopg(connection: Any, query: Any, params: Any) -> Iterator[Result]:
    loader, binary = connection.adapters.get_loader, _postgres("psycopg.pq").Format.BINARY
    cursor = _served(connection, query, params, binary=True)
    if not all(loader(column.type_code, binary) for column in cursor.description):
        # of a type that psycopg does not know, such as an enum, only the text is readable
        cursor.close()
        cursor = _served(connection, query, params, binary=False)
    with closing(cursor):
        names = [column.name for column in cursor.description]
        yield Result(names, _fetcher(cursor, len(names), _SERVED))


def _postgres(module: str) -> Any:
    return optional(module, extra="postgres", purpose="Reading from PostgreSQL")


def _served(connection: Any, query: Any, params: Any, binary: bool) -> Any:
    """Open a cursor that keeps the rows on the server."""
    # It lives in a transaction. Where none would be begun, the server must hold it.
    hold = connection.autocommit and connection.info.transaction_status == _IDLE
    name = f"skmegatron_{uuid.uuid4().hex}"
    factory = _postgres("psycopg.rows").tuple_row
    cursor = connection.cursor(name, row_factory=factory, withhold=hold)
    try:
        return cursor.execute(query, params, binary=binary)
    except BaseException:
        cursor.close()
        raise


@contextmanager
def _duckdb(connection: Any, query: Any, params: Any) -> Iterator[Result]:
    with closing(connection.cursor()) as cursor:
        # on a cursor, rows under way do not keep the connection from other work
        runs_on = cursor if _sees_the_same(cursor, connection) else connection
        relation = runs_on.sql(query, params=params)
        if relation is None:
            raise ReadError("The query gives no rows. Pass a SELECT.")
        stream = getattr(relation, "to_arrow_reader", None) or relation.fetch_arrow_reader
        with closing(stream(BLOCK)) as reader:
            yield Result(list(relation.columns), Rebatched(reader, reader.schema).take, arrow=True)


def _sees_the_same(cursor: Any, connection: Any) -> bool:
    """Tell whether a query surely means the same on a cursor of a DuckDB connection.

    A cursor is a connection of its own to the same database.
    """
    asked = "SELECT txid_current()"
    if connection.sql(asked).fetchall() == connection.sql(asked).fetchall():
        return False  # both ran in one transaction, whose changes only the connection sees
    state = set(connection.sql(_DUCKDB_STATE).fetchall())
    own = any(kind == "own" for kind, _, _ in state)
    return not own and state == set(cursor.sql(_DUCKDB_STATE).fetchall())


@contextmanager
def _sqlalchemy(connection: Any, query: Any, params: Any) -> Iterator[Result]:
    if not hasattr(connection, "exec_driver_sql"):
        with connection.connect() as opened, _sqlalchemy(opened, query, params) as result:
            yield result
        return
    options = {"stream_results": True, "max_row_buffer": BLOCK}
    if not isinstance(query, str):
        result = connection.execute(query, params or {}, execution_options=options)
    elif isinstance(params, Mapping):
        text = optional("sqlalchemy", extra="sql", purpose="Reading from a database").text
        result = connection.execute(text(query), dict(params), execution_options=options)
    else:
        # without parameters, % and : in the query mean nothing
        plain = options | {"no_parameters": params is None}
        given = None if params is None else tuple(params)
        result = connection.exec_driver_sql(query, given, execution_options=plain)
    with closing(result):
        if not result.returns_rows:
            raise ReadError("The query gives no rows. Pass a SELECT.")
        names = list(result.keys())
        yield Result(names, _fetcher(result, len(names)))


_OPENERS: Mapping[str, Any] = {
    "sqlite": _dbapi,
    "dbapi": _dbapi,
    "psycopg": _psycopg,
    "duckdb": _duckdb,
    "sqlalchemy": _sqlalchemy,
}
