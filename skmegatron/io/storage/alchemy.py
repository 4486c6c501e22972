"""A store in any other database that SQLAlchemy reaches, MySQL and MariaDB first of all.

MySQL commits at every change of a table. So a table is created before the first row is
touched and dropped after the last one, and everything between is one transaction.
"""

from __future__ import annotations

import math
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from itertools import repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skmegatron.io.storage.books import FITS, Fit, Selected, Slot, Table, chunks, columns_of
from skmegatron.io.storage.codec import to_cells
from skmegatron.io.storage.forms import Packed
from skmegatron.io.storage.ledger import SqlStore
from skmegatron.io.storage.locks import lock_of
from skmegatron.io.storage.postgres import LOCK, READ_COMMITTED
from skmegatron.io.storage.sqlite import SqliteStore
from skmegatron.optional import optional

_MYSQL = {
    "boolean": "BOOLEAN",
    "integer": "BIGINT",
    "real": "DOUBLE",
    "text": "LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
    "blob": "LONGBLOB",
    "label": "VARCHAR(1000) CHARACTER SET ascii COLLATE ascii_bin",
}

#: MySQL has no infinity and no -0.0. The second largest number stands for the one, that next
#: to zero for the other; these two are refused themselves.
_INFINITE = math.nextafter(math.nextafter(math.inf, 0), 0)
_MINUS_ZERO = math.nextafter(0, -1)
_STAND_INS: dict[Any, float] = {_INFINITE: math.inf, -_INFINITE: -math.inf, _MINUS_ZERO: -0.0}

_LOCK_SECONDS = 600

#: MySQL's flag for an open transaction, SERVER_STATUS_IN_TRANS.
_IN_TRANSACTION = 1

#: Packages whose plain connections SQLAlchemy can be put around.
DRIVERS = {
    "pymysql": "mysql+pymysql://",
    "MySQLdb": "mysql+mysqldb://",
    "psycopg2": "postgresql+psycopg2://",
}


class AlchemyStore(SqlStore):
    """A store behind a SQLAlchemy engine.

    Parameters
    ----------
    engine : SQLAlchemy engine
    guest : Guest, optional
        Where the engine uses one connection that the user opened.

    Examples
    --------
    >>> from sqlalchemy import create_engine
    >>> from skmegatron.io import AlchemyStore
    >>> engine = create_engine("mysql+pymysql://me@db.example.org/features")
    >>> AlchemyStore(engine).place  # nothing is opened before the first read or write
    'mysql+pymysql://me@db.example.org/features'
    """

    def __init__(self, engine: Any, guest: Guest | None = None) -> None:
        self.engine = engine
        self.guest = guest
        self.place = str(engine.url)
        self._alchemy = optional("sqlalchemy", extra="sql", purpose="A database URL")
        self.is_mysql = engine.dialect.name in ("mysql", "mariadb")
        self.types = _MYSQL if self.is_mysql else _types(self._alchemy, engine.dialect)

    def q(self, identifier: str) -> str:
        """Quote a name that we made, as the database does."""
        return str(self.engine.dialect.identifier_preparer.quote_identifier(identifier))

    @contextmanager
    def session(self, *, writing: bool) -> Iterator[AlchemySession]:
        """Check a connection out and begin a transaction, or a savepoint in the user's."""
        with ExitStack() as stack:
            if self.guest is not None:
                stack.enter_context(self.guest.used(commits=writing and self.is_mysql))
            connection = stack.enter_context(self.engine.connect())
            session = AlchemySession(connection, self._alchemy)
            if writing and self.is_mysql:
                stack.enter_context(_mysql_lock(session))
            with connection.begin():
                if writing and self.engine.dialect.name == "postgresql":
                    self._wait_in_postgres(session)
                with self._savepoint(connection):
                    yield session
            for sql in session.afterwards:
                session.run(sql)
            connection.commit()

    def _wait_in_postgres(self, session: AlchemySession) -> None:
        if self.guest is None or not self.guest.spares:
            session.run(READ_COMMITTED)
        session.run("SELECT pg_advisory_xact_lock(?)", LOCK)

    def _savepoint(self, connection: Any) -> AbstractContextManager[Any]:
        spares = self.guest is not None and self.guest.spares
        nested: AbstractContextManager[Any] = (
            connection.begin_nested() if spares and not self.is_mysql else nullcontext()
        )
        return nested

    def has_books(self, session: AlchemySession) -> bool:
        """Look for them among the tables."""
        return bool(self._alchemy.inspect(session.connection).has_table(FITS))

    def drop_rows(self, session: AlchemySession, place: str) -> None:
        """Drop a table of rows once the transaction is committed."""
        session.afterwards.append(f"DROP TABLE {self.q(place)}")

    def upsert(
        self,
        session: AlchemySession,
        table: Table,
        fit: int,
        keys: Sequence[str],
        packed: Mapping[str, Packed],
    ) -> None:
        """Insert rows; those of keys that are there in the way that the database has."""
        names = [self.q(slot.column) for slot in table.slots]
        cells = [self._cells(packed[slot.output]) for slot in table.slots]
        seqs: Sequence[int] = range(table.n_written, table.n_written + len(keys))
        name = self.engine.dialect.name
        ending = ""
        if self.is_mysql:
            updates = ", ".join(f"{column} = VALUES({column})" for column in names)
            ending = f" ON DUPLICATE KEY UPDATE {updates or 'ind = ind'}"
        elif name in ("postgresql", "sqlite"):
            updates = ", ".join(f"{column} = excluded.{column}" for column in names)
            ending = " ON CONFLICT (fit, ind) "
            ending += f"DO UPDATE SET {updates}" if updates else "DO NOTHING"
        else:
            seqs = self._cleared(session, table, fit, keys, seqs)
        columns = ["seq", "fit", "ind", *names]
        session.many(
            f"INSERT INTO {self.q(table.place)} ({', '.join(columns)}) "
            f"VALUES ({', '.join('?' * len(columns))}){ending}",
            list(zip(seqs, repeat(fit, len(keys)), keys, *cells, strict=True)),
        )

    def _cleared(
        self,
        session: AlchemySession,
        table: Table,
        fit: int,
        keys: Sequence[str],
        seqs: Sequence[int],
    ) -> list[int]:
        """Delete rows that are to be overwritten, and keep their places."""
        places: dict[str, int] = {}
        for some in chunks(keys):
            where = f"FROM {self.q(table.place)} WHERE fit = ? AND ind IN ({_marks(some)})"
            held = session.run(f"SELECT ind, seq {where}", fit, *some)
            if held:
                session.run(f"DELETE {where}", fit, *some)
            places.update((ind, seq) for ind, seq in held)
        return [places.get(key, seq) for key, seq in zip(keys, seqs, strict=True)]

    def _cells(self, packed: Packed) -> Sequence[Any]:
        if packed.form.kind == "raw":
            return [bytes(cell) for cell in to_cells(packed)]
        if packed.form.kind == "real" and self.is_mysql:
            return _stood_in(packed.values.astype(np.float64))
        if packed.form.kind == "real" and self.engine.dialect.driver == "psycopg2":
            # It writes -0.0 out as an exact number, which has no sign where it is 0.
            cells = to_cells(packed)
            return ["-0.0" if cell == 0 and math.copysign(1, cell) < 0 else cell for cell in cells]
        return to_cells(packed)

    def select(
        self,
        session: AlchemySession,
        table: Table,
        fit: Fit,
        slots: Sequence[Slot],
        keys: Sequence[str] | None,
    ) -> Selected:
        """Read rows, some hundred keys at a time."""
        columns = ", ".join(["seq", "ind", *(self.q(slot.column) for slot in slots)])
        sql = f"SELECT {columns} FROM {self.q(table.place)} WHERE fit = ?"
        if keys is None:
            rows = session.run(sql, fit.id)
        else:
            rows = [
                row
                for some in chunks(list(dict.fromkeys(keys)))
                for row in session.run(f"{sql} AND ind IN ({_marks(some)})", fit.id, *some)
            ]
        if self.is_mysql and any(slot.sql_type == "real" for slot in slots):
            rows = [tuple(_STAND_INS.get(cell, cell) for cell in row) for row in rows]
        return columns_of(rows, fit, slots)


class AlchemySession:
    """Statements on one connection.

    Parameters
    ----------
    connection : SQLAlchemy connection
    alchemy : module
    """

    def __init__(self, connection: Any, alchemy: Any) -> None:
        self.connection = connection
        self.afterwards: list[str] = []
        self._alchemy = alchemy

    def run(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Run one statement and give the rows that it gives."""
        named = {f"v{place}": value for place, value in enumerate(values)}
        for name in named:
            sql = sql.replace("?", f":{name}", 1)
        result = self.connection.execute(self._alchemy.text(sql), named)
        return [tuple(row) for row in result] if result.returns_rows else []

    def many(self, sql: str, rows: list[tuple[Any, ...]]) -> None:
        """Run one statement for every row, with the driver's own executemany."""
        style = self.connection.dialect.paramstyle
        if style in ("format", "pyformat"):
            sql = sql.replace("?", "%s")
        elif style != "qmark":
            names = [f"v{place}" for place in range(len(rows[0]))]
            for name in names:
                sql = sql.replace("?", f":{name}", 1)
            named = [dict(zip(names, row, strict=True)) for row in rows]
            self.connection.execute(self._alchemy.text(sql), named)
            return
        self.connection.exec_driver_sql(sql, rows)


def own_engine(alchemy: Any, url: str) -> Any:
    """Create an engine whose connections are closed when nothing holds it any more.

    Parameters
    ----------
    alchemy : module
    url : str

    Returns
    -------
    SQLAlchemy engine
    """
    engine = alchemy.create_engine(url, pool_pre_ping=True)
    weakref.finalize(engine, engine.pool.dispose)
    return engine


def _stood_in(values: NDArray[Any]) -> list[float | None]:
    taken = (np.abs(values) == _INFINITE) | (values == _MINUS_ZERO)
    if taken.any():
        raise ValueError(
            f"MySQL has no infinity and no -0.0, for which {_INFINITE} and {_MINUS_ZERO} stand; "
            f"got {values[taken][0]}. Give the output a second axis: it is then kept as bytes."
        )
    values = np.where(np.isinf(values), np.copysign(_INFINITE, values), values)
    values = np.where((values == 0) & np.signbit(values), _MINUS_ZERO, values)
    return [None if value != value else value for value in values.tolist()]


@contextmanager
def _mysql_lock(session: AlchemySession) -> Iterator[None]:
    if session.run("SELECT GET_LOCK('skmegatron', ?)", _LOCK_SECONDS) != [(1,)]:
        raise TimeoutError(
            f"Another writer holds MySQL's lock 'skmegatron' since {_LOCK_SECONDS} "
            "seconds. SELECT IS_USED_LOCK('skmegatron') tells which connection it is."
        )
    session.connection.commit()  # what was read while waiting would be out of date
    try:
        yield
    finally:
        session.connection.rollback()
        session.run("SELECT RELEASE_LOCK('skmegatron')")


class Guest:
    """The one DB-API connection that a user opened, and what is left alone on it.

    SQLAlchemy rolls back when it meets a database for the first time, and whenever it gives a
    connection back. Inside a transaction of the user's it does neither, nor does it commit.

    Parameters
    ----------
    connection : DB-API connection
    package : str
        One of `DRIVERS`.

    Attributes
    ----------
    spares : bool
        Whether the transaction that is open is the user's.
    """

    def __init__(self, connection: Any, package: str) -> None:
        self.connection = connection
        self.spares = True
        self._is_psycopg2 = package == "psycopg2"
        self._cursors = "cursor_factory" if self._is_psycopg2 else "cursorclass"
        self._plain: Any = None  # for psycopg2, its own
        if not self._is_psycopg2:
            cursors = optional(f"{package}.cursors", extra="mysql", purpose="MySQL")
            self._plain = cursors.Cursor

    def attach(self, dialect: Any) -> None:
        """Keep a dialect from ending transactions of the user's."""
        commit, rollback = dialect.do_commit, dialect.do_rollback
        dialect.do_commit = lambda held: None if self.spares else commit(held)
        dialect.do_rollback = lambda held: None if self.spares else rollback(held)

    @contextmanager
    def used(self, *, commits: bool) -> Iterator[None]:
        """Use the connection, with cursors that give tuples.

        Parameters
        ----------
        commits : bool
            Whether what the user has open is committed first, not kept open.
        """
        with lock_of(self.connection):
            if commits:
                self.connection.commit()
            self.spares = not commits and self._is_in_transaction()
            theirs = getattr(self.connection, self._cursors)
            setattr(self.connection, self._cursors, self._plain)
            by_itself = not self.spares and self._commits_by_itself()
            try:
                if by_itself:  # statement by statement, a write would be no transaction
                    self._commit_by_itself(False)
                yield
            finally:
                if by_itself:
                    self._commit_by_itself(True)
                setattr(self.connection, self._cursors, theirs)

    def _commits_by_itself(self) -> bool:
        if self._is_psycopg2:
            return bool(self.connection.autocommit)
        return bool(self.connection.get_autocommit())

    def _commit_by_itself(self, wanted: bool) -> None:
        if self._is_psycopg2:
            self.connection.autocommit = wanted
        else:
            self.connection.autocommit(wanted)

    def _is_in_transaction(self) -> bool:
        if self._is_psycopg2:
            return bool(self.connection.info.transaction_status)
        # mysqlclient does not tell: then a read leaves open what it may have begun itself.
        return bool(getattr(self.connection, "server_status", _IN_TRANSACTION) & _IN_TRANSACTION)


def store_around(connection: Any, package: str) -> AlchemyStore:
    """Open a store on the one DB-API connection that a user opened.

    Parameters
    ----------
    connection : DB-API connection
        Not closed. A read leaves the transaction that is open in it alone. So does a write,
        which is a savepoint then; in MySQL, which cannot do that, it commits it first.
    package : str
        One of `DRIVERS`.

    Returns
    -------
    AlchemyStore
    """
    alchemy = optional("sqlalchemy", extra="sql", purpose=f"A connection of {package}")
    engine = alchemy.create_engine(
        DRIVERS[package],
        creator=lambda: connection,
        poolclass=alchemy.StaticPool,
        pool_reset_on_return=None,
    )
    guest = Guest(connection, package)
    guest.attach(engine.dialect)
    return AlchemyStore(engine, guest)


def _marks(values: Sequence[Any]) -> str:
    return ", ".join("?" * len(values))


def _types(alchemy: Any, dialect: Any) -> dict[str, str]:
    kinds = {
        "boolean": alchemy.Boolean(),
        "integer": alchemy.BigInteger(),
        "real": alchemy.Double(),
        "text": alchemy.Text(),
        "blob": alchemy.LargeBinary(),
        "label": alchemy.String(1000),
    }
    types = {name: kind.compile(dialect=dialect) for name, kind in kinds.items()}
    return types | ({"real": SqliteStore.types["real"]} if dialect.name == "sqlite" else {})
