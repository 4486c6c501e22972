"""A store bound to one name and version: what users and pipelines read and write through."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skmegatron.errors import MissingColumnError, MissingRowError, ShapeError
from skmegatron.io.dataset import Dataset
from skmegatron.io.storage.core import (
    HIDDEN,
    Held,
    candidates,
    decode_keys,
    encode_keys,
    encode_many,
    named,
)
from skmegatron.io.storage.finding import open_store
from skmegatron.io.tables import as_values, column_names, is_frame, select_column, take_rows

_DIGEST_SIZE = 16


class DataStore:
    """Rows of one name and version, found again by their index.

    Parameters
    ----------
    table_name : str
        Usually the name of a pipeline.
    version : str
        A number is taken as its text.
    db_conn : str, Path, connection, SQLAlchemy engine or Store
        A database URL (``"sqlite:///digits.db"``, ``"postgresql://user@host/name"``); the
        path of a folder; a connection of sqlite3, psycopg or DuckDB; or anything with the
        methods of `Store`.
    overwrite : bool, default=False
        Whether the first write drops what name and version held, in the same transaction.
    fingerprint : str, optional
        What made the rows. Where left out, reading takes the fit that was written to last.

    Attributes
    ----------
    replaces : bool
        Whether the next write drops what name and version held.

    Notes
    -----
    megatron 0.5.1 pickled each value, kept no shape, and spliced names into SQL. Here
    nothing is pickled and every name is data.

    Examples
    --------
    >>> import numpy as np
    >>> from skmegatron.io import DataStore
    >>> people = DataStore("people", "1", "sqlite://")
    >>> people.write({"age": np.array([31, 45]), "face": np.eye(2)}, ["ann", "bob"])
    >>> people.read(rows=["bob", "ann"])
    <Dataset of 2 rows: age: (2,) int64, face: (2, 2) float64>
    >>> people.read("age", "bob")["age"]
    array([45])
    """

    def __init__(
        self,
        table_name: str,
        version: str,
        db_conn: Any,
        overwrite: bool = False,
        fingerprint: str | None = None,
    ) -> None:
        self.table_name = str(table_name)
        self.version = str(version)
        self.db_conn = db_conn
        self.overwrite = overwrite
        self.fingerprint = fingerprint
        self.store = open_store(db_conn)
        self.replaces = overwrite
        self._first = threading.RLock()

    def __reduce__(self) -> tuple[Any, ...]:
        given = (self.table_name, self.version, self.db_conn, self.overwrite, self.fingerprint)
        return DataStore, given

    def __deepcopy__(self, memo: Mapping[int, Any]) -> DataStore:
        make, given = self.__reduce__()
        copied: DataStore = make(*given)  # a connection is shared, not copied
        return copied

    def __repr__(self) -> str:
        return f"<DataStore {named(self.table_name, self.version)}>"

    def write(
        self,
        output_data: Any,
        data_index: Any = None,
        *,
        fingerprint: str | None = None,
        digests: Any = None,
    ) -> None:
        """Write rows, all of them or none; an index that is there is overwritten.

        Parameters
        ----------
        output_data : mapping of str to array, dataframe, or array of shape (n_rows, ...)
            A single array is stored as ``"output"``.
        data_index : array-like of shape (n_rows,), optional
            Of any scalars. Where left out, rows are numbered from 0.
        fingerprint : str, optional
            What made the rows, if not this object's own.
        digests : ndarray of shape (n_rows, 16) and dtype uint8, optional
            Of what each row was made from; `digests` gives them back.

        Raises
        ------
        SchemaError
            If name and version hold other outputs, or this fit another dtype or shape.
        TypeError
            If an output could only be pickled, or an index is no scalar.
        ValueError
            If an index is missing or occurs twice.
        ShapeError
            If outputs and index differ in their number of rows, or two outputs have one name.

        Examples
        --------
        >>> import pandas as pd
        >>> from skmegatron.io import DataStore
        >>> people = DataStore("people", "1", "sqlite://")
        >>> people.write(pd.DataFrame({"age": [31, 45]}), ["ann", "bob"])
        >>> people.write({"age": [46]}, ["bob"])
        >>> people.read()["age"]
        array([31, 46])
        """
        columns = _columns(output_data)
        n_rows = next((as_values(c, n).shape[0] for n, c in columns.items()), 0)
        keys = encode_keys(np.arange(n_rows) if data_index is None else data_index)
        columns[HIDDEN] = _digests(digests, len(keys))
        made = fingerprint if fingerprint is not None else self.fingerprint or ""
        with self._first if self.replaces else nullcontext():  # others wait, and do not replace
            where = (self.table_name, self.version, made)
            self.store.write(*where, keys, columns, replace=self.replaces)
            self.replaces = False

    def read(
        self, cols: Any = None, rows: Any = None, *, fingerprint: str | None = None
    ) -> Dataset:
        """Read rows.

        Parameters
        ----------
        cols : str, int or sequence of them, optional
            Outputs by name or position. All of them where left out.
        rows : scalar or sequence of scalars, optional
            Indices, in the order wanted; one may be asked for twice. All rows, in the order
            first written, where left out. ``"0"``, ``0`` and ``0.0`` find one another.
        fingerprint : str, optional
            What made the rows, if not this object's own.

        Returns
        -------
        Dataset

        Raises
        ------
        MissingRowError
            If a row is not held.
        MissingColumnError
            If an output is not held.
        ValueError
            If no output at all is asked for.

        Examples
        --------
        >>> import numpy as np
        >>> from skmegatron.io import DataStore
        >>> squares = DataStore("squares", "1", "sqlite://")
        >>> squares.write({"n": np.arange(5), "square": np.arange(5) ** 2})
        >>> squares.read(cols=["square"], rows=[4, 2, 4])["square"]
        array([16,  4, 16])
        >>> squares.read(cols=0, rows="3")
        <Dataset of 1 rows: n: (1,) int64>
        """
        names = self._names(cols, fingerprint)
        if rows is None:
            _, columns = self._read(fingerprint, names)
            if not columns:
                raise self._nothing(fingerprint)
            return Dataset(**columns)
        asked = _listed(rows)
        keys = encode_many(asked)
        found, columns = self._read(fingerprint, names, keys)
        if len(found) < len(set(keys)):
            keys = self._resolved(asked, fingerprint)
            found, columns = self._read(fingerprint, names, keys)
        if not columns:
            raise self._nothing(fingerprint)
        if found != keys:
            places = {key: place for place, key in enumerate(found)}
            taken = np.array([places[key] for key in keys], dtype=np.intp)
            columns = {name: take_rows(column, taken) for name, column in columns.items()}
        return Dataset(**columns)

    def index(self, *, fingerprint: str | None = None) -> NDArray[Any]:
        """Give the index of every row, in the order first written.

        Parameters
        ----------
        fingerprint : str, optional
            What made the rows, if not this object's own.

        Returns
        -------
        ndarray of shape (n_rows,)

        Examples
        --------
        >>> from skmegatron.io import DataStore
        >>> people = DataStore("people", "1", "sqlite://")
        >>> people.write({"age": [31, 45]}, ["ann", "bob"])
        >>> people.index()
        array(['ann', 'bob'], dtype='<U3')
        """
        return decode_keys(self._read(fingerprint, [])[0])

    def digests(self, rows: Any, *, fingerprint: str | None = None) -> NDArray[np.uint8]:
        """Give the digests that rows were written with.

        Parameters
        ----------
        rows : sequence of scalars
        fingerprint : str, optional
            What made the rows, if not this object's own.

        Returns
        -------
        ndarray of uint8 of shape (n_rows, 16)
            Zeros for those that are not held under just this index.

        Examples
        --------
        >>> import numpy as np
        >>> from skmegatron.io import DataStore
        >>> people = DataStore("people", "1", "sqlite://")
        >>> people.write({"age": [31]}, ["ann"], digests=np.full((1, 16), 7, dtype=np.uint8))
        >>> people.digests(["ann", "bob"])[:, 0]
        array([7, 0], dtype=uint8)
        """
        asked = encode_keys(rows)
        found, columns = self._read(fingerprint, [HIDDEN], asked)
        digests = np.zeros((len(asked), _DIGEST_SIZE), dtype=np.uint8)
        if found:
            places = {key: place for place, key in enumerate(asked)}
            digests[[places[key] for key in found]] = columns[HIDDEN]
        return digests

    def versions(self) -> list[str]:
        """List the versions held under this name, that written to last at the end.

        Returns
        -------
        list of str

        Examples
        --------
        >>> from skmegatron.io import DataStore, MemoryStore
        >>> store = MemoryStore()
        >>> for version in (1, 2):
        ...     DataStore("people", version, store).write({"age": [31]})
        >>> DataStore("people", 2, store).versions()
        ['1', '2']
        """
        held = [held.version for held in self.store.describe() if held.name == self.table_name]
        return list(dict.fromkeys(reversed(held)))[::-1]

    def describe(self) -> list[Held]:
        """Tell what is held of this name and version, one entry per fit.

        Returns
        -------
        list of Held
            That written to last at the end.

        Examples
        --------
        >>> from skmegatron.io import DataStore
        >>> people = DataStore("people", "1", "sqlite://")
        >>> for fit in ("first", "second"):
        ...     people.write({"age": [31.0, 45.0]}, fingerprint=fit)
        >>> [(held.fingerprint, held.n_rows) for held in people.describe()]
        [('first', 2), ('second', 2)]
        """
        return [
            replace(held, outputs={k: v for k, v in held.outputs.items() if k != HIDDEN})
            for held in self.store.describe()
            if (held.name, held.version) == (self.table_name, self.version)
        ]

    def delete(self, rows: Any = None, version: str | None = None) -> None:
        """Forget rows, or everything held of this or another version.

        Parameters
        ----------
        rows : scalar or sequence of scalars, optional
            Indices: those of this object's fit, of another version those of every fit.
            Everything where left out, whatever made it.
        version : str, optional
            This object's own where left out.

        Raises
        ------
        MissingRowError
            If a row is not held.

        Examples
        --------
        >>> from skmegatron.io import DataStore
        >>> people = DataStore("people", "1", "sqlite://")
        >>> people.write({"age": [31, 45]}, ["ann", "bob"])
        >>> people.delete("ann")
        >>> people.index()
        array(['bob'], dtype='<U3')
        >>> people.delete()
        >>> people.versions()
        []
        """
        version = self.version if version is None else str(version)
        if rows is None:
            self.store.drop(self.table_name, version)
            return
        made = self.fingerprint if version == self.version else None
        bound = DataStore(self.table_name, version, self.store, fingerprint=made)
        keys = bound._resolved(_listed(rows), None)
        self.store.drop(self.table_name, version, made, keys)

    def prune(self, keep: Iterable[str] = ()) -> None:
        """Drop the rows of other fits of this name and version.

        Parameters
        ----------
        keep : iterable of str, default=()
            Fingerprints to keep beside this object's own, or beside the one written to last.

        Examples
        --------
        >>> from skmegatron.io import DataStore
        >>> people = DataStore("people", "1", "sqlite://")
        >>> for fit in ("first", "second", "third"):
        ...     people.write({"age": [31]}, fingerprint=fit)
        >>> people.prune(keep=["first"])
        >>> [held.fingerprint for held in people.describe()]
        ['first', 'third']
        """
        held = self.describe()
        own = self.fingerprint if self.fingerprint is not None else held and held[-1].fingerprint
        kept = {own, *keep}
        for fit in held:
            if fit.fingerprint not in kept:
                self.store.drop(self.table_name, self.version, fit.fingerprint)

    def _read(
        self,
        fingerprint: str | None,
        cols: Sequence[str] | None,
        keys: Sequence[str] | None = None,
    ) -> tuple[list[str], dict[str, Any]]:
        made = self.fingerprint if fingerprint is None else fingerprint
        return self.store.read(self.table_name, self.version, made, cols, keys)

    def _names(self, cols: Any, fingerprint: str | None) -> list[str] | None:
        if cols is None:
            return None
        asked: list[Any] = [cols] if isinstance(cols, str | int | np.integer) else list(cols)
        if not asked:
            raise ValueError(
                f"Expected outputs to read, got cols={cols!r}. Leave cols= out for all of them; "
                "index() gives the rows without any."
            )
        if all(isinstance(col, str) for col in asked):
            return asked
        names = list(self._read(fingerprint, None, [])[1])
        try:
            return [col if isinstance(col, str) else names[col] for col in asked]
        except IndexError:
            raise MissingColumnError(
                f"Positions {asked} asked of {len(names)} outputs {names}. Count from 0."
            ) from None

    def _resolved(self, asked: Sequence[Any], fingerprint: str | None) -> list[str]:
        """Find the key that each index was written under."""
        choices = [candidates(row) for row in asked]
        flat = list(dict.fromkeys(key for keys in choices for key in keys))
        found = set(self._read(fingerprint, [], flat)[0])
        chosen = [next((key for key in keys if key in found), None) for keys in choices]
        missing = [row for row, key in zip(asked, chosen, strict=True) if key is None]
        if missing:
            more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
            raise MissingRowError(
                f"{self._who()} holds no row {', '.join(map(repr, missing[:3]))}{more}. "
                "index() lists the rows that it holds."
            )
        return [key for key in chosen if key is not None]

    def _who(self) -> str:
        return f"The store of {named(self.table_name, self.version)}"

    def _nothing(self, fingerprint: str | None) -> MissingRowError:
        held = self.describe()
        made = self.fingerprint if fingerprint is None else fingerprint
        if held and made is not None:
            others = ", ".join(repr(fit.fingerprint) for fit in held[-3:])
            return MissingRowError(
                f"{self._who()} holds no rows of fit {made!r}, only of {others}. Write some "
                "first, or give fingerprint=."
            )
        versions = [version for version in self.versions() if version]
        others = f"; versions held: {versions}" if versions else ""
        return MissingRowError(f"{self._who()} holds nothing{others}. Write rows first.")


def _columns(output_data: Any) -> dict[str, Any]:
    if is_frame(output_data):
        names = column_names(output_data)
        columns: list[Any] = [select_column(output_data, place) for place in range(len(names))]
    elif isinstance(output_data, Mapping):
        names, columns = list(output_data), list(output_data.values())
    else:
        return {"output": output_data}
    names = [str(name) for name in names]
    if len(set(names)) < len(names):
        raise ShapeError(f"Outputs need different names, also as text, got {names}. Rename some.")
    if HIDDEN in names:
        raise ValueError(f"{HIDDEN!r} is kept for digests. Give the output another name.")
    return dict(zip(names, columns, strict=True))


def _digests(digests: Any, n_rows: int) -> NDArray[Any]:
    if digests is None:
        return np.zeros((n_rows, _DIGEST_SIZE), dtype=np.uint8)
    given: NDArray[Any] = np.asarray(digests)
    if given.shape != (n_rows, _DIGEST_SIZE) or given.dtype != np.uint8:
        raise ShapeError(
            f"Digests are {_DIGEST_SIZE} bytes a row: expected shape ({n_rows}, {_DIGEST_SIZE}) "
            f"and dtype uint8, got {given.shape} and {given.dtype}."
        )
    return given


def _listed(rows: Any) -> list[Any]:
    if isinstance(rows, np.ndarray) and rows.ndim == 1 and rows.dtype.kind in "iufbUS":
        return list(rows.tolist())
    if isinstance(rows, str | bytes | np.generic) or not isinstance(rows, Iterable):
        return [rows]
    return list(rows)
