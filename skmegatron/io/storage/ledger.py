"""What every SQL backend shares: which tables there are, and the rules for writing to them.

Two tables keep the books: ``skmegatron_tables`` has one row per name and version, and says
which table holds its rows and which column each output; ``skmegatron_fits`` has one row per
fingerprint, and says how to make arrays of them. A table of rows has the columns ``seq`` (the
order they came in), ``fit``, ``ind`` (the key) and one per output. All names that users give
are values in the books; the names of tables and columns are made of a-z, 0-9 and _ only.

A backend gives a `Session` in a transaction, and knows how to insert and select many rows.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, ClassVar, Protocol

import numpy as np

from skmegatron.errors import SchemaError
from skmegatron.io.storage.books import (
    FITS,
    TABLES,
    Fit,
    Selected,
    Slot,
    Table,
    as_fit,
    as_table,
    chunks,
    forms_to_json,
    label,
    new_place,
    new_slots,
)
from skmegatron.io.storage.codec import pack_all
from skmegatron.io.storage.core import Held, check_columns, check_outputs, named, now, telling
from skmegatron.io.storage.forms import Packed, combined, told
from skmegatron.io.storage.scalars import to_text
from skmegatron.io.tables import take_rows


class Session(Protocol):
    """A transaction under way; statements have ``?`` where their values go."""

    def run(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Run one statement and give the rows that it gives."""


class SqlStore(ABC):
    """The rules of a store, over the statements of one database."""

    types: Mapping[str, str]
    quote: str = '"'
    #: Whether a table may be emptied and filled again in one transaction.
    refills: ClassVar[bool] = True
    #: Whether the books may refuse two entries for one thing.
    constrains: ClassVar[bool] = True
    place: str = "the database"

    @abstractmethod
    def session(self, *, writing: bool) -> AbstractContextManager[Session]:
        """Begin a transaction, and commit it at the end or roll it back on an error."""

    @abstractmethod
    def has_books(self, session: Any) -> bool:
        """Tell whether the two tables of the books are there."""

    @abstractmethod
    def upsert(
        self,
        session: Any,
        table: Table,
        fit: int,
        keys: Sequence[str],
        packed: Mapping[str, Packed],
    ) -> None:
        """Put rows into a table; those of a key that is there take its place."""

    @abstractmethod
    def select(
        self,
        session: Any,
        table: Table,
        fit: Fit,
        slots: Sequence[Slot],
        keys: Sequence[str] | None,
    ) -> Selected:
        """Give the order, the keys and the columns of rows."""

    def create_rows(self, session: Any, place: str, slots: Sequence[Slot]) -> None:
        """Create a table of rows."""
        columns = "".join(f", {self.q(slot.column)} {self.types[slot.sql_type]}" for slot in slots)
        session.run(
            f"CREATE TABLE {self.q(place)} (seq {self.types['integer']} NOT NULL, "
            f"fit {self.types['integer']} NOT NULL, ind {self.types['label']} NOT NULL{columns}, "
            "UNIQUE (fit, ind))"
        )

    def drop_rows(self, session: Any, place: str) -> None:
        """Drop a table of rows, now or once the transaction is committed."""
        session.run(f"DROP TABLE {self.q(place)}")

    def q(self, identifier: str) -> str:
        """Quote a name that we made."""
        return f"{self.quote}{identifier}{self.quote}"

    def open(self) -> None:
        """Create the books if they are not there."""
        with telling(f"opening {self.place}"), self.session(writing=True) as session:
            self._ensure_books(session)

    def _ensure_books(self, session: Session) -> None:
        if self.has_books(session):
            return
        number, label, text = (self.types[kind] for kind in ("integer", "label", "text"))
        tables = fits = ""
        if self.constrains:
            tables = ", UNIQUE (id), UNIQUE (name, version)"
            fits = ", UNIQUE (id), UNIQUE (table_id, fingerprint)"
        session.run(
            f"CREATE TABLE {TABLES} (id {number} NOT NULL, name {label} NOT NULL, "
            f"version {label} NOT NULL, place {label} NOT NULL, outputs {text} NOT NULL, "
            f"n_written {number} NOT NULL{tables})"
        )
        session.run(
            f"CREATE TABLE {FITS} (id {number} NOT NULL, table_id {number} NOT NULL, "
            f"fingerprint {label} NOT NULL, forms {text} NOT NULL, written {label} NOT NULL, "
            f"last_row {number} NOT NULL{fits})"
        )

    def write(
        self,
        name: str,
        version: str,
        fingerprint: str,
        keys: Sequence[str],
        columns: Mapping[str, Any],
        *,
        replace: bool = False,
    ) -> None:
        """Write rows in one transaction; see `Store.write`."""
        packed = pack_all(keys, columns)
        doing = f"writing {len(keys)} rows of {named(name, version)} to {self.place}"
        with telling(doing), self.session(writing=True) as session:
            self._ensure_books(session)
            table = self._table(session, name, version)
            if table is not None and replace:
                table = self._emptied(session, table, packed)
            if table is None:
                table = self._created(session, name, version, packed)
            check_outputs(name, version, table.outputs, packed)
            fit = self._fit_for(session, table, fingerprint, packed)
            if keys:
                self.upsert(session, table, fit, keys, packed)
            last_row = table.n_written + len(keys)
            session.run(f"UPDATE {TABLES} SET n_written = ? WHERE id = ?", last_row, table.id)
            session.run(
                f"UPDATE {FITS} SET written = ?, last_row = ? WHERE id = ?", now(), last_row, fit
            )

    def read(
        self,
        name: str,
        version: str,
        fingerprint: str | None,
        cols: Sequence[str] | None = None,
        keys: Sequence[str] | None = None,
    ) -> tuple[list[str], dict[str, Any]]:
        """Read rows; see `Store.read`."""
        doing = f"reading {named(name, version)} from {self.place}"
        with telling(doing), self.session(writing=False) as session:
            found = self._find(session, name, version, fingerprint)
            if found is None:
                return [], {}
            table, fit = found
            places = {slot.output: slot for slot in table.slots}
            slots = [places[column] for column in check_columns(cols, table.outputs)]
            seqs, found_keys, columns = self.select(session, table, fit, slots, keys)
        if keys is None:
            order = np.asarray(seqs)
            if (order[1:] > order[:-1]).all():
                return found_keys, columns
            taken = np.argsort(order)
        else:
            rows = {key: row for row, key in enumerate(found_keys)}
            taken = np.array([rows[key] for key in dict.fromkeys(keys) if key in rows], dtype=int)
        found_keys = [found_keys[row] for row in taken]
        return found_keys, {column: take_rows(array, taken) for column, array in columns.items()}

    def _find(
        self, session: Session, name: str, version: str, fingerprint: str | None
    ) -> tuple[Table, Fit] | None:
        if not self.has_books(session):
            return None
        made = [] if fingerprint is None else [label(fingerprint)]
        rows = session.run(
            "SELECT t.id, t.name, t.version, t.place, t.outputs, t.n_written, "
            f"f.id, f.fingerprint, f.forms, f.written, f.last_row FROM {TABLES} t JOIN {FITS} f "
            "ON f.table_id = t.id WHERE t.name = ? AND t.version = ?"
            f"{' AND f.fingerprint = ?' if made else ''}",
            *(label(name), label(version), *made),
        )
        if not rows:
            return None
        latest = max(rows, key=lambda row: (row[10], row[9]))
        return as_table(latest[:6]), as_fit(latest[6:10])

    def drop(
        self,
        name: str,
        version: str | None = None,
        fingerprint: str | None = None,
        keys: Sequence[str] | None = None,
    ) -> None:
        """Forget rows in one transaction; see `Store.drop`."""
        with (
            telling(f"dropping {name!r} from {self.place}"),
            self.session(writing=True) as session,
        ):
            if not self.has_books(session):
                return
            for table in self._tables(session, name, version):
                self._drop_from(session, table, fingerprint, keys)

    def _drop_from(
        self, session: Session, table: Table, fingerprint: str | None, keys: Sequence[str] | None
    ) -> None:
        rows = self.q(table.place)
        for fit in self._fits(session, table, fingerprint):
            if keys is None:
                session.run(f"DELETE FROM {FITS} WHERE id = ?", fit.id)
                session.run(f"DELETE FROM {rows} WHERE fit = ?", fit.id)
            for some in chunks(keys or ()):
                marks = ", ".join("?" * len(some))
                session.run(
                    f"DELETE FROM {rows} WHERE fit = ? AND ind IN ({marks})", fit.id, *some
                )
        if not self._fits(session, table, None):
            session.run(f"DELETE FROM {TABLES} WHERE id = ?", table.id)
            self.drop_rows(session, table.place)

    def describe(self) -> list[Held]:
        """Tell what is held; see `Store.describe`."""
        found: list[tuple[str, Held]] = []
        with telling(f"describing {self.place}"), self.session(writing=False) as session:
            if not self.has_books(session):
                return []
            for table in self._tables(session):
                rows = session.run(f"SELECT fit, COUNT(*) FROM {self.q(table.place)} GROUP BY fit")
                counts = dict(rows)
                for fit in self._fits(session, table, None):
                    outputs = {
                        output: (fit.forms[output].dtype, fit.forms[output].shape)
                        for output in table.outputs
                    }
                    written = datetime.fromisoformat(fit.written)
                    key = (table.name, table.version, fit.fingerprint)
                    n_rows = int(counts.get(fit.id, 0))
                    found.append((fit.written, Held(*key, outputs, n_rows, written)))
        return [held for _, held in sorted(found, key=lambda pair: pair[0])]

    def _tables(
        self, session: Session, name: str | None = None, version: str | None = None
    ) -> list[Table]:
        given = {"name": name, "version": version}
        asked = {column: label(text) for column, text in given.items() if text is not None}
        where = "".join(f" AND {column} = ?" for column in asked)
        rows = session.run(
            f"SELECT id, name, version, place, outputs, n_written FROM {TABLES} "
            f"WHERE id > 0{where} ORDER BY id",
            *asked.values(),
        )
        return [as_table(row) for row in rows]

    def _table(self, session: Session, name: str, version: str) -> Table | None:
        return next(iter(self._tables(session, name, version)), None)

    def _fits(self, session: Session, table: Table, fingerprint: str | None) -> list[Fit]:
        where = "" if fingerprint is None else " AND fingerprint = ?"
        rows = session.run(
            f"SELECT id, fingerprint, forms, written FROM {FITS} "
            f"WHERE table_id = ?{where} ORDER BY last_row, written",
            table.id,
            *([] if fingerprint is None else [label(fingerprint)]),
        )
        return [as_fit(row) for row in rows]

    def _created(
        self,
        session: Session,
        name: str,
        version: str,
        packed: Mapping[str, Packed],
        instead: Table | None = None,
    ) -> Table:
        slots, place = new_slots(packed), new_place(name, version)
        # Created first: some databases commit at every change of a table.
        self.create_rows(session, place, slots)
        if instead is not None:
            session.run(f"DELETE FROM {FITS} WHERE table_id = ?", instead.id)
            session.run(f"DELETE FROM {TABLES} WHERE id = ?", instead.id)
        table = Table(self._next_id(session, TABLES), name, version, place, slots, 0)
        session.run(
            f"INSERT INTO {TABLES} (id, name, version, place, outputs, n_written) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            table.id,
            label(name),
            label(version),
            place,
            json.dumps([[to_text(slot.output), slot.column, slot.sql_type] for slot in slots]),
            0,
        )
        return table

    def _emptied(self, session: Session, table: Table, packed: Mapping[str, Packed]) -> Table:
        types = {slot.output: slot.sql_type for slot in table.slots}
        same = types == {output: column.form.sql_type for output, column in packed.items()}
        if same and self.refills:
            session.run(f"DELETE FROM {FITS} WHERE table_id = ?", table.id)
            session.run(f"DELETE FROM {self.q(table.place)}")
            return table
        created = self._created(session, table.name, table.version, packed, instead=table)
        self.drop_rows(session, table.place)
        return created

    def _fit_for(
        self, session: Session, table: Table, fingerprint: str, packed: Mapping[str, Packed]
    ) -> int:
        """Enter a fit in the books, or check that the columns go with what they say."""
        where = f"pipeline {named(table.name, table.version)}"
        for slot in table.slots:
            form = packed[slot.output].form
            if form.sql_type != slot.sql_type:
                raise SchemaError(
                    f"{where} already holds output {slot.output!r} as {slot.sql_type}; this one "
                    f"makes {told(form)}: new version= or overwrite=True"
                )
        made = {slot.output: packed[slot.output].form for slot in table.slots}
        fits = self._fits(session, table, fingerprint)
        if not fits:
            number = self._next_id(session, FITS)
            session.run(
                f"INSERT INTO {FITS} (id, table_id, fingerprint, forms, written, last_row) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                number,
                table.id,
                label(fingerprint),
                forms_to_json(made),
                now(),
                0,
            )
            return number
        fit = fits[0]
        forms = {
            output: combined(where, output, fit.forms[output], form)
            for output, form in made.items()
        }
        if forms != fit.forms:
            session.run(f"UPDATE {FITS} SET forms = ? WHERE id = ?", forms_to_json(forms), fit.id)
        return fit.id

    def _next_id(self, session: Session, books: str) -> int:
        ((highest,),) = session.run(f"SELECT COALESCE(MAX(id), 0) FROM {books}")
        return int(highest) + 1
