"""A store in PostgreSQL, through psycopg.

Rows come in by binary COPY: straight into their table where the fit is new, else into a
temporary one and from there with ``ON CONFLICT``. Writers wait for one another at an advisory
lock, which also guards creating tables; it goes with the transaction. Inside a transaction
of the user's, which may see the database as it was before, the constraints of the books refuse
what two writers would both enter.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from itertools import repeat
from typing import Any

from skmegatron.io.connections import kind_of
from skmegatron.io.storage.books import Fit, Selected, Slot, Table, columns_of
from skmegatron.io.storage.codec import to_cells
from skmegatron.io.storage.forms import Packed
from skmegatron.io.storage.ledger import Session, SqlStore
from skmegatron.io.storage.locks import lock_of

#: Any number will do, as long as nobody else locks it.
LOCK = 0x736B6D6567

#: Elsewhere a transaction goes on seeing what it saw when it began to wait for the lock.
READ_COMMITTED = "SET TRANSACTION ISOLATION LEVEL READ COMMITTED"

_IDLE = 0  # no transaction is open

_WIRE = {"boolean": "bool", "integer": "int8", "real": "float8", "text": "text", "blob": "bytea"}

_TYPES: Mapping[str, str] = {
    "boolean": "BOOLEAN",
    "integer": "BIGINT",
    "real": "DOUBLE PRECISION",
    "text": "TEXT",
    "blob": "BYTEA",
    "label": 'TEXT COLLATE "C"',
}


class PostgresStore(SqlStore):
    """A store in PostgreSQL.

    Parameters
    ----------
    database : psycopg connection or SQLAlchemy engine
        A connection stays open; its write is a transaction of its own, or a savepoint
        inside one that is open.

    Examples
    --------
    >>> from sqlalchemy import create_engine
    >>> from skmegatron.io import PostgresStore
    >>> engine = create_engine("postgresql+psycopg://me@db.example.org/features")
    >>> PostgresStore(engine).place  # nothing is opened before the first read or write
    'postgresql+psycopg://me@db.example.org/features'
    """

    types = _TYPES

    def __init__(self, database: Any) -> None:
        self.database = database
        self._own = kind_of(database) == "sqlalchemy"
        self.place = str(database.url) if self._own else "a psycopg connection"
        self._connect: Callable[[], AbstractContextManager[Any]] = lambda: (
            _checked_out(database) if self._own else nullcontext(database)
        )

    @contextmanager
    def session(self, *, writing: bool) -> Iterator[Session]:
        """Begin a transaction, or a savepoint in one that the user has open."""
        with self._connect() as connection, lock_of(connection):
            begins = connection.info.transaction_status == _IDLE
            with connection.transaction():
                yield self._begun(PostgresSession(connection), begins, writing)

    def _begun(self, session: PostgresSession, begins: bool, writing: bool) -> PostgresSession:
        if writing:
            if begins:
                session.run(READ_COMMITTED)
            session.run("SELECT pg_advisory_xact_lock(?)", LOCK)
        elif self._own:
            session.run("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        return session

    def has_books(self, session: Session) -> bool:
        """Look for them among the tables."""
        return session.run("SELECT to_regclass('skmegatron_fits') IS NOT NULL") == [(True,)]

    def upsert(
        self,
        session: PostgresSession,
        table: Table,
        fit: int,
        keys: Sequence[str],
        packed: Mapping[str, Packed],
    ) -> None:
        """Copy rows in, past a temporary table if there may be rows to overwrite."""
        place = self.q(table.place)
        columns = [self.q(slot.column) for slot in table.slots]
        names = ", ".join(["seq", "fit", "ind", *columns])
        kinds = ["int8", "int8", "text", *(_WIRE[slot.sql_type] for slot in table.slots)]
        cells = [to_cells(packed[slot.output]) for slot in table.slots]
        seqs = range(table.n_written, table.n_written + len(keys))
        rows = zip(seqs, repeat(fit, len(keys)), keys, *cells, strict=True)
        if not session.run(f"SELECT 1 FROM {place} WHERE fit = ? LIMIT 1", fit):
            session.copy(f"COPY {place} ({names}) FROM STDIN (FORMAT BINARY)", kinds, rows)
            return
        passing = self.q(f"skm_passing_{secrets.token_hex(4)}")
        session.run(f"CREATE TEMP TABLE {passing} (LIKE {place})")
        session.copy(f"COPY {passing} ({names}) FROM STDIN (FORMAT BINARY)", kinds, rows)
        updates = ", ".join(f"{column} = excluded.{column}" for column in columns)
        session.run(
            f"INSERT INTO {place} ({names}) SELECT {names} FROM {passing} "
            "ON CONFLICT (fit, ind) " + (f"DO UPDATE SET {updates}" if updates else "DO NOTHING")
        )
        session.run(f"DROP TABLE {passing}")

    def select(
        self,
        session: PostgresSession,
        table: Table,
        fit: Fit,
        slots: Sequence[Slot],
        keys: Sequence[str] | None,
    ) -> Selected:
        """Read rows, unsorted: sorting whole rows takes the server longer than us."""
        columns = ", ".join(["seq", "ind", *(self.q(slot.column) for slot in slots)])
        where = "fit = ?"
        values: list[Any] = [fit.id]
        if keys is not None:
            where, values = "fit = ? AND ind = ANY(?)", [fit.id, list(keys)]
        sql = f"SELECT {columns} FROM {self.q(table.place)} WHERE {where}"
        return columns_of(session.run(sql, *values), fit, slots)


class PostgresSession:
    """Statements on one connection.

    Parameters
    ----------
    connection : psycopg connection
    """

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def run(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Run one statement and give the rows that it gives."""
        with self._cursor() as cursor:
            cursor.execute(sql.replace("?", "%s"), values or None, binary=bool(values))
            return list(cursor.fetchall()) if cursor.description else []

    def copy(self, sql: str, kinds: Sequence[str], rows: Iterator[tuple[Any, ...]]) -> None:
        """Send rows in PostgreSQL's binary format."""
        with self._cursor() as cursor, cursor.copy(sql) as copy:
            copy.set_types(kinds)
            for row in rows:
                copy.write_row(row)

    def _cursor(self) -> Any:
        return self._connection.cursor(row_factory=_as_tuple)  # whatever the user's gives


def _as_tuple(_: Any) -> Callable[[Sequence[Any]], tuple[Any, ...]]:
    return tuple


@contextmanager
def _checked_out(engine: Any) -> Iterator[Any]:
    with closing(engine.raw_connection()) as held:
        yield held.driver_connection
