"""A store in one SQLite file, or behind a connection that the user opened.

A file is opened for each operation and closed after it, so nothing leaks, and threads and
forked processes need no care. Whoever finds it locked waits up to a minute. The journal is
left as the file has it: with a write-ahead log every row is written twice, and a large write
takes twice as long. Only `open`, which comes before a stream that may be read from the same file,
turns the log on. The connection of a user is used as it is: a write is one transaction, or one
savepoint inside theirs, and threads that share it wait for one another.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from itertools import repeat
from pathlib import Path
from typing import Any

from skmegatron.io.storage.books import Fit, Selected, Slot, Table, columns_of
from skmegatron.io.storage.codec import to_cells
from skmegatron.io.storage.core import telling
from skmegatron.io.storage.forms import Packed
from skmegatron.io.storage.ledger import Session, SqlStore
from skmegatron.io.storage.locks import lock_of

_WAIT = 60.0
_LOCKED = (
    "  Another connection has been reading from or writing to this file. Hand one connection to "
    "both, or the file's URL to both: storage then lets others read while it writes."
)

# "REAL" alone turns -0.0 into 0.0: SQLite keeps whole numbers of such columns as integers.
_TYPES: Mapping[str, str] = {
    "boolean": "BOOLEAN",
    "integer": "INTEGER",
    "real": "REAL BLOB",
    "text": "TEXT",
    "blob": "BLOB",
    "label": "TEXT",
}


class SqliteStore(SqlStore):
    """A store in SQLite.

    Parameters
    ----------
    database : str, Path, sqlite3.Connection or SQLAlchemy engine
        A file, ``":memory:"``, or a connection, which stays open.

    Examples
    --------
    >>> import numpy as np
    >>> from skmegatron.io.storage import SqliteStore
    >>> store = SqliteStore(":memory:")
    >>> store.write("demo", "1", "", ['"ann"', '"bob"'], {"age": np.array([31, 45])})
    >>> store.read("demo", "1", "", keys=['"bob"'])
    (['"bob"'], {'age': array([45])})
    """

    types = _TYPES

    def __init__(self, database: Any) -> None:
        self.database = database
        self._missing: Callable[[], bool] = lambda: False
        self._connect: Callable[[], AbstractContextManager[sqlite3.Connection]]
        if isinstance(database, sqlite3.Connection):
            self.place = "a sqlite3 connection"
            self._connect = lambda: nullcontext(database)
        elif hasattr(database, "raw_connection"):
            self.place = str(database.url)
            self._connect = lambda: _checked_out(database)
        elif database == ":memory:":
            self.place = "memory"
            kept = sqlite3.connect(":memory:", check_same_thread=False)
            weakref.finalize(self, kept.close)
            self._connect = lambda: nullcontext(kept)
        else:
            self.place = os.path.abspath(database)
            self._missing = lambda: not Path(self.place).exists()
            self._connect = lambda: closing(sqlite3.connect(self.place, timeout=_WAIT))

    def open(self) -> None:
        """Create the books, and let a file of ours be read while rows are written."""
        if isinstance(self.database, str | os.PathLike) and self.place != "memory":
            with telling(f"opening {self.place}"):
                self._turn_on_the_log()
        super().open()

    def _turn_on_the_log(self) -> None:
        """Do what needs the file alone, which SQLite gives up at once where two try."""
        end = time.monotonic() + _WAIT
        while True:
            try:
                with self._connect() as connection:
                    SqliteSession(connection).run("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError as error:
                if "locked" not in str(error):
                    raise
                if time.monotonic() > end:
                    error.add_note(_LOCKED)
                    raise
                time.sleep(0.01)
            else:
                return

    @contextmanager
    def session(self, *, writing: bool) -> Iterator[Session]:
        """Begin a transaction, or a savepoint in one that the user has open."""
        if not writing and self._missing():
            yield _Nothing()
            return
        with self._connect() as connection, lock_of(connection), _plain_text(connection):
            session = SqliteSession(connection)
            try:
                with _transaction(session, connection, writing):
                    yield session
            except sqlite3.OperationalError as error:
                if "locked" in str(error):
                    error.add_note(_LOCKED)
                raise

    def has_books(self, session: Session) -> bool:
        """Look for them among the tables."""
        return bool(session.run("SELECT 1 FROM sqlite_master WHERE name = ?", "skmegatron_fits"))

    def create_rows(self, session: Session, place: str, slots: Sequence[Slot]) -> None:
        """Create a table whose rowid is the order of the rows."""
        columns = "".join(f", {self.q(slot.column)} {self.types[slot.sql_type]}" for slot in slots)
        session.run(
            f"CREATE TABLE {self.q(place)} (fit INTEGER NOT NULL, ind TEXT NOT NULL{columns}, "
            "UNIQUE (fit, ind))"
        )

    def upsert(
        self,
        session: SqliteSession,
        table: Table,
        fit: int,
        keys: Sequence[str],
        packed: Mapping[str, Packed],
    ) -> None:
        """Insert, and on a key that is there overwrite its columns."""
        columns = [self.q(slot.column) for slot in table.slots]
        updates = ", ".join(f"{column} = excluded.{column}" for column in columns)
        cells = [to_cells(packed[slot.output]) for slot in table.slots]
        session.many(
            f"INSERT INTO {self.q(table.place)} ({', '.join(['fit', 'ind', *columns])}) "
            f"VALUES ({', '.join('?' * (2 + len(columns)))}) ON CONFLICT (fit, ind) "
            + (f"DO UPDATE SET {updates}" if updates else "DO NOTHING"),
            zip(repeat(fit, len(keys)), keys, *cells, strict=True),
        )

    def select(
        self,
        session: Session,
        table: Table,
        fit: Fit,
        slots: Sequence[Slot],
        keys: Sequence[str] | None,
    ) -> Selected:
        """Read rows in the order of their rowid, many keys as one JSON array."""
        columns = ", ".join(["rowid", "ind", *(self.q(slot.column) for slot in slots)])
        if keys is None:
            # "+" keeps SQLite from going through the index: row after row is faster.
            where = "+fit = ? ORDER BY rowid"
            values: list[Any] = [fit.id]
        else:
            where = "fit = ? AND ind IN (SELECT value FROM json_each(?))"
            values = [fit.id, json.dumps(list(keys))]
        rows = session.run(f"SELECT {columns} FROM {self.q(table.place)} WHERE {where}", *values)
        return columns_of(rows, fit, slots)


class SqliteSession:
    """Statements on one connection.

    Parameters
    ----------
    connection : sqlite3.Connection
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def run(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Run one statement and give the rows that it gives, as tuples."""
        with closing(self._connection.cursor()) as cursor:
            cursor.row_factory = None
            return cursor.execute(sql, values).fetchall()

    def many(self, sql: str, rows: Iterator[tuple[Any, ...]]) -> None:
        """Run one statement for every row."""
        with closing(self._connection.cursor()) as cursor:
            cursor.executemany(sql, rows)


class _Nothing:
    """A file that is not there holds no tables."""

    def run(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        return []


@contextmanager
def _transaction(
    session: SqliteSession, connection: sqlite3.Connection, writing: bool
) -> Iterator[None]:
    inside, begun = connection.in_transaction, False
    if inside:
        begin, commit = "SAVEPOINT skmegatron", "RELEASE skmegatron"
    else:
        begin, commit = "BEGIN IMMEDIATE" if writing else "BEGIN", "COMMIT"
    try:
        session.run(begin)
        begun = True
        yield
        session.run(commit)
    except BaseException:
        # SQLite has rolled back by itself when the disk was full.
        if connection.in_transaction and not inside:
            session.run("ROLLBACK")
        elif connection.in_transaction and begun:
            session.run("ROLLBACK TO skmegatron")
            session.run(commit)
        raise


@contextmanager
def _plain_text(connection: sqlite3.Connection) -> Iterator[None]:
    theirs = connection.text_factory
    try:
        connection.text_factory = str
        yield
    finally:
        connection.text_factory = theirs


@contextmanager
def _checked_out(engine: Any) -> Iterator[sqlite3.Connection]:
    with closing(engine.raw_connection()) as held:
        yield held.driver_connection
