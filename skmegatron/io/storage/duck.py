"""A store in DuckDB.

Rows go in and come out as Arrow columns. A file belongs to one process at a time, so it is
attached for each operation and let go after it; who finds it taken waits up to a minute.
There is no index on the keys: DuckDB scans faster than it keeps one, and writers, who wait for
one another, look for themselves which keys are there.
"""

from __future__ import annotations

import os
import secrets
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from skmegatron.io.connections import kind_of
from skmegatron.io.storage.books import Fit, Selected, Slot, Table
from skmegatron.io.storage.codec import from_cells, to_cells
from skmegatron.io.storage.forms import Form, Packed
from skmegatron.io.storage.ledger import Session, SqlStore
from skmegatron.optional import optional

_WAIT = 60.0
_PURPOSE = "DuckDB"

# One file is attached once per process, and DuckDB turns away a second writer.
_LOCK = threading.RLock()

_TYPES: Mapping[str, str] = {
    "boolean": "BOOLEAN",
    "integer": "BIGINT",
    "real": "DOUBLE",
    "text": "VARCHAR",
    # DuckDB takes four times as long when it looks for a compression; floats have none.
    "blob": "BLOB USING COMPRESSION uncompressed",
    "label": "VARCHAR",
}


class DuckStore(SqlStore):
    """A store in DuckDB.

    Parameters
    ----------
    database : str, Path or DuckDB connection
        A file, ``":memory:"``, or a connection, which stays open.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from skmegatron.io import DataStore, DuckStore
    >>> file = Path(tempfile.mkdtemp()) / "people.duckdb"
    >>> DataStore("people", "1", DuckStore(file)).write({"age": [31, 45]})
    >>> DataStore("people", "1", DuckStore(file)).read(rows=[1])["age"]
    array([45])
    """

    types = _TYPES
    # DuckDB refuses to enter again what the same transaction took out. It has one writer anyway.
    constrains = False

    def __init__(self, database: Any) -> None:
        self.database = database
        self._duckdb = optional("duckdb", extra="duckdb", purpose=_PURPOSE)
        self._arrow = optional("pyarrow", extra="duckdb", purpose=_PURPOSE)
        self._engine: Any = None
        self._inherited: Any = None
        self._process = 0
        self._file: str | None = None
        self._file_with_books: int | None = None  # looking takes longer than reading a row
        if kind_of(database) == "duckdb":
            self.place = "a DuckDB connection"
        else:
            self.place = os.fspath(database)
            self._file = None if self.place == ":memory:" else os.path.abspath(self.place)

    def __reduce__(self) -> tuple[Any, ...]:
        return DuckStore, (self.database,)

    @contextmanager
    def session(self, *, writing: bool) -> Iterator[Session]:
        """Get hold of the database and begin a transaction."""
        if self._file and not Path(self._file).exists():
            self._file_with_books = None
            if not writing:
                yield _Nothing()
                return
        with _LOCK, self._connection() as connection:
            session = DuckSession(connection, self._arrow)
            try:
                session.run("BEGIN TRANSACTION")
                yield session
                session.run("COMMIT")
            except BaseException:
                with suppress(self._duckdb.Error):  # an error may have ended it already
                    session.run("ROLLBACK")
                raise

    @contextmanager
    def _connection(self) -> Iterator[Any]:
        if kind_of(self.database) == "duckdb":
            with self.database.cursor() as cursor:  # a transaction apart from the user's
                yield cursor
            return
        if self._process != os.getpid():
            # Its threads do not survive a fork. Attaching a file to what runs takes a tenth
            # of the time that opening it takes, and one thread finds a row sooner than many.
            # The parent's is kept: to close it, DuckDB would wait for those threads.
            self._inherited = self._engine
            self._engine = self._duckdb.connect(":memory:", config={"threads": 1})
            self._process = os.getpid()
        if self._file is None:
            yield self._engine
            return
        try:
            attached = self._attached(self._file)
            if attached:
                self._engine.execute("USE skmegatron_file")
                yield self._engine
        finally:
            self._engine.execute("USE memory")
            self._engine.execute("DETACH DATABASE IF EXISTS skmegatron_file")
        if not attached:
            with self._duckdb.connect(self._file) as connection:
                yield connection

    def _attached(self, file: str) -> bool:
        """Attach a file, or tell that this process has it open elsewhere."""
        end = time.monotonic() + _WAIT
        quoted = file.replace("'", "''")
        while True:
            try:
                self._engine.execute(f"ATTACH '{quoted}' AS skmegatron_file (TYPE duckdb)")
            except self._duckdb.Error as error:
                if "already attached" in str(error):
                    return False
                if "Could not set lock" not in str(error) or time.monotonic() > end:
                    raise
                time.sleep(0.02)
            else:
                return True

    def has_books(self, session: Session) -> bool:
        """Look for them among the tables."""
        if isinstance(session, _Nothing):
            return False
        file = None if self._file is None else Path(self._file).stat().st_ino
        if file is None or file != self._file_with_books:
            found = session.run(
                "SELECT 1 FROM duckdb_tables() WHERE table_name = 'skmegatron_fits' "
                "AND database_name = current_database() AND schema_name = current_schema()"
            )
            self._file_with_books = file if found else None
            return bool(found)
        return True

    def create_rows(self, session: Session, place: str, slots: Sequence[Slot]) -> None:
        """Create a table without an index."""
        columns = "".join(f", {self.q(slot.column)} {self.types[slot.sql_type]}" for slot in slots)
        session.run(
            f"CREATE TABLE {self.q(place)} (seq BIGINT NOT NULL, fit BIGINT NOT NULL, "
            f"ind VARCHAR NOT NULL{columns})"
        )

    def upsert(
        self,
        session: DuckSession,
        table: Table,
        fit: int,
        keys: Sequence[str],
        packed: Mapping[str, Packed],
    ) -> None:
        """Overwrite the rows that are there and insert the others."""
        place, columns = self.q(table.place), [self.q(slot.column) for slot in table.slots]
        seqs = np.arange(table.n_written, table.n_written + len(keys))
        arrays = {"seq": self._arrow.array(seqs), "ind": self._arrow.array(list(keys))}
        for slot in table.slots:
            arrays[slot.column] = to_arrow(self._arrow, packed[slot.output])
        with session.seen(self._arrow.table(arrays)) as passing:
            fresh = ""
            if session.run(f"SELECT 1 FROM {place} WHERE fit = ? LIMIT 1", fit):
                if columns:
                    updates = ", ".join(f"{column} = new.{column}" for column in columns)
                    session.run(
                        f"UPDATE {place} SET {updates} FROM {passing} AS new "
                        f"WHERE {place}.fit = ? AND {place}.ind = new.ind",
                        fit,
                    )
                fresh = f" WHERE ind NOT IN (SELECT ind FROM {place} WHERE fit = {fit})"
            session.run(
                f"INSERT INTO {place} ({', '.join(['seq', 'fit', 'ind', *columns])}) "
                f"SELECT {', '.join(['seq', str(fit), 'ind', *columns])} FROM {passing}{fresh}"
            )

    def select(
        self,
        session: DuckSession,
        table: Table,
        fit: Fit,
        slots: Sequence[Slot],
        keys: Sequence[str] | None,
    ) -> Selected:
        """Read columns as Arrow arrays."""
        columns = ", ".join(["seq", "ind", *(self.q(slot.column) for slot in slots)])
        where = "fit = ?"
        values: list[Any] = [fit.id]
        if keys is not None:
            where, values = (
                "fit = ? AND ind IN (SELECT unnest(?::VARCHAR[]))",
                [fit.id, list(keys)],
            )
            if len(keys) == 1:  # which DuckDB looks up without reading the other columns
                where, values = "fit = ? AND ind = ?", [fit.id, keys[0]]
        found = session.arrow(
            f"SELECT {columns} FROM {self.q(table.place)} WHERE {where}",
            values,
            _rows_at_once([fit.forms[slot.output] for slot in slots]),
        )
        arrays = {
            slot.output: from_arrow(fit.forms[slot.output], found.column(place))
            for place, slot in enumerate(slots, start=2)
        }
        return found.column(0).to_numpy(), found.column(1).to_pylist(), arrays


class DuckSession:
    """Statements on one connection.

    Parameters
    ----------
    connection : DuckDB connection
    arrow : module
    """

    def __init__(self, connection: Any, arrow: Any) -> None:
        self._connection = connection
        self._arrow = arrow

    def run(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Run one statement and give the rows that it gives."""
        return list(self._connection.execute(sql, list(values)).fetchall())

    def arrow(self, sql: str, values: list[Any], rows_at_once: int) -> Any:
        """Run one statement and give the rows as an Arrow table."""
        result = self._connection.sql(sql, params=values)
        # DuckDB 2 has renamed it.
        reader = getattr(result, "to_arrow_reader", None) or result.fetch_arrow_reader
        return reader(rows_at_once).read_all()

    @contextmanager
    def seen(self, table: Any) -> Iterator[str]:
        """Let statements see an Arrow table, under the name given."""
        name = f"skm_passing_{secrets.token_hex(4)}"
        try:
            self._connection.register(name, table)
            yield name
        finally:
            self._connection.unregister(name)


class _Nothing:
    """A file that is not there holds no tables."""

    def run(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        return []


def _rows_at_once(forms: Sequence[Form]) -> int:
    # Arrow counts the bytes of a batch in 31 bits.
    widest = max(
        (int(np.prod(f.shape)) * 16 for f in forms if f.kind in ("raw", "json")), default=1
    )
    return max(1, min(100_000, 2**29 // max(1, widest)))


def to_arrow(arrow: Any, packed: Packed) -> Any:
    """Make an Arrow array of a column, without going through Python objects for numbers.

    Parameters
    ----------
    arrow : module
    packed : Packed

    Returns
    -------
    pyarrow.Array
    """
    form, values = packed.form, packed.values
    if form.kind == "raw":
        size = values.dtype.itemsize * int(np.prod(form.shape))
        ends = np.arange(len(values) + 1, dtype=np.int64) * size
        content = [None, arrow.py_buffer(ends), arrow.py_buffer(values.reshape(-1).view(np.uint8))]
        return arrow.Array.from_buffers(arrow.large_binary(), len(values), content)
    if form.kind == "real":
        return arrow.array(values.astype(np.float64), mask=np.isnan(values))
    if form.kind == "integer":
        dates = values.dtype.kind in "mM"
        return arrow.array(values.view(np.int64) if dates else values.astype(np.int64))
    if form.kind == "boolean":
        return arrow.array(values)
    kind = arrow.large_string() if form.sql_type == "text" else arrow.large_binary()
    return arrow.array(to_cells(packed), kind)


def from_arrow(form: Form, column: Any) -> Any:
    """Make an array of an Arrow column.

    Parameters
    ----------
    form : Form
    column : pyarrow.ChunkedArray

    Returns
    -------
    {ndarray, sparse matrix} of shape (n_rows, ...)
    """
    if form.kind == "raw":
        size = form.np_dtype.itemsize * int(np.prod(form.shape))
        together = np.empty(len(column) * size, dtype=np.uint8)
        start = 0
        for chunk in column.chunks if size else ():
            _, ends, content = chunk.buffers()
            first = int(np.frombuffer(ends, np.int32)[chunk.offset])
            n_bytes = len(chunk) * size
            together[start : start + n_bytes] = np.frombuffer(content, np.uint8)[
                first : first + n_bytes
            ]
            start += n_bytes
        return together.view(form.np_dtype).reshape(len(column), *form.shape)
    if form.kind in ("boolean", "integer", "real"):
        values = np.array(column.to_numpy())
        dates = form.np_dtype.kind in "mM"
        return values.view(form.np_dtype) if dates else values.astype(form.np_dtype, copy=False)
    return from_cells(form, column.to_pylist())
