"""Rows of a text file such as CSV, parsed by pandas.

The dtypes of the first batch are handed to the parser for all others, so that it cannot
guess another one in the middle of the file, and need not guess at all. A read that fails is
looked into a second time, as text, to tell the line and the column (see `faults`).
"""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.tseries.api import guess_datetime_format

from skmegatron.errors import ReadError
from skmegatron.io.sources.columns import (
    BLOCK,
    Batch,
    Dtypes,
    asked_dtypes,
    block_rows,
    distinct,
    kept,
    sliced,
)
from skmegatron.io.sources.faults import TextFile, explain, repeated_header, short_line
from skmegatron.io.sources.pinning import cast, misfit
from skmegatron.io.tables import released

# Rows that the dtypes are first taken from; where the rest of the first batch does not fit
# them, they are taken from all of it.
_GLANCE = 1024

_OURS = {
    **dict.fromkeys(("chunksize", "iterator"), "batch_size cuts the rows"),
    "nrows": "nrows is a parameter of CSVData",
    "usecols": "exclude_cols leaves columns out",
    "index_col": "every column is data",
    **dict.fromkeys(("header", "names"), "the first line must name the columns"),
    **dict.fromkeys(("low_memory", "engine"), "dtypes are pinned by the C parser"),
    "on_bad_lines": "a malformed line is an error",
    "skipfooter": "the C parser reads to the end",
    "filepath_or_buffer": "filepath is the first parameter",
    "dtype_backend": "columns become numpy arrays",
}
# Options that concern values; the header is read without them.
_OF_VALUES = {
    *("parse_dates", "date_format", "dayfirst", "cache_dates", "converters", "na_values"),
    *("keep_default_na", "na_filter", "true_values", "false_values", "thousands", "decimal"),
}
_FAULTS = (ValueError, OverflowError, TypeError)  # also pandas' ParserError and UnicodeError


@dataclass(frozen=True)
class _Pins:
    parser: dict[str, Any]  # what read_csv is told
    arrays: Dtypes  # what must come out
    date_format: Any  # of all dates, or by name
    integers: frozenset[str]  # columns of integers beyond 64 bits


class TextSource:
    """Rows of a text file with a header.

    Parameters
    ----------
    path : path-like
    exclude_cols : sequence of str
        Columns to leave out.
    dtype : dtype-like or mapping, default=None
        Dtype of all columns, or of some by name.
    options : dict
        Further keywords of `pandas.read_csv`.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ReadError
        If it is empty, or its header and first line do not make a table.
    MissingColumnError
        If `exclude_cols` or `dtype` names a column that there is not.
    TypeError
        If `options` holds a keyword that is not free.
    """

    n_rows: int | None = None
    prefetch_from: int | None = BLOCK

    def __init__(self, path: Any, exclude_cols: Any, dtype: Any, options: dict[str, Any]) -> None:
        for name in options:
            if name in _OURS:
                raise TypeError(f"{name!r} cannot be passed to pandas.read_csv: {_OURS[name]}.")
        if options.get("sep", ",") is None:
            raise TypeError(
                "sep=None cannot be passed to pandas.read_csv: the C parser needs a separator. "
                "Write sep=';', or leave it out for ','."
            )
        self._path = os.fspath(path)
        self._options = options
        self._header: list[str] = []
        self._asked: Dtypes = {}
        self._whole_lines: tuple[int, int] | None = None
        self._header = self._read_header()
        self.columns = kept(self._header, exclude_cols, self._path)
        self._asked = asked_dtypes(dtype, self.columns, self._path)
        for name, asked in self._asked.items():
            if asked.kind in "mM":
                raise TypeError(
                    f"dtype={{{name!r}: '{asked}'}}: dates in text are read by "
                    f"parse_dates=[{name!r}]."
                )

    def whole(self, limit: int | None = None) -> Batch:
        """Read all rows at once, each column with the dtype that fits all of it.

        Parameters
        ----------
        limit : int, default=None
            At most this many rows.

        Returns
        -------
        dict of str to ndarray

        Raises
        ------
        ReadError
            If the file is malformed, telling line and column.
        EncodingError
            If it is in another encoding.
        """
        return self._arrays(self._first(limit), None)

    def batches(self, size: int) -> Generator[Batch]:
        """Read from the top, batch by batch.

        Parameters
        ----------
        size : int

        Yields
        ------
        dict of str to ndarray

        Raises
        ------
        ReadError
            If the file is malformed, has changed its header, or a value does not fit the
            dtype of its column; tells line and column.
        EncodingError
            If it is in another encoding.
        """
        header = self._read_header()
        if header != self._header:
            raise ReadError(
                f"{self._path} has changed since the generator was made: its header was "
                f"{self._header}, now it is {header}. Make a new generator."
            )
        glance = min(size, _GLANCE)
        first = self._first(glance)
        if len(first) < glance:  # that was the whole file
            yield from sliced(self._arrays(first, None), size)
            return
        pins = self._pinned(first)
        try:
            yield from self._blocks(size, pins)
        except _MisfitInFirstBatch:
            yield from self._blocks(size, self._pinned(self._first(size)), surely=True)

    def _read_header(self) -> list[str]:
        """Read the names of the columns, and one line of data to see that it has as many."""
        options = {key: self._options[key] for key in self._options if key not in _OF_VALUES}
        try:
            top = pd.read_csv(
                self._path,
                header=None,
                nrows=2,
                dtype=object,
                index_col=False,
                keep_default_na=False,
                **options,
            )
        except pd.errors.EmptyDataError as error:
            raise ReadError(
                f"{self._path} is empty; its first line must name the columns."
            ) from error
        except ValueError as error:
            raise self._explained(error, {}, 0) from error
        names = [
            name if isinstance(name, str) and name else f"Unnamed: {place}"
            for place, name in enumerate(top.iloc[0])
        ]
        return distinct(names, self._path)

    def _open(self, dtype: Any = None, **options: Any) -> Any:
        options = self._options | options
        return pd.read_csv(
            self._path,
            header=0,
            names=self._header,
            index_col=False,
            low_memory=False,
            dtype=dtype,
            **options,
        )

    def _first(self, n_rows: int | None) -> pd.DataFrame:
        """Read the top with dtypes that are inferred, but for those that were asked for."""
        try:
            return self._open(self._asked_of_parser(), nrows=n_rows)
        except _FAULTS as error:
            raise self._explained(error, self._asked_of_parser(), 0) from error

    def _asked_of_parser(self) -> dict[str, Any]:
        return {name: _parser_dtype(dtype) for name, dtype in self._asked.items()}

    def _pinned(self, first: pd.DataFrame) -> _Pins:
        """Take what the parser must be told, and what must come out, from the first rows."""
        arrays = {name: values.dtype for name, values in self._arrays(first, None).items()}
        free = set(self._options.get("converters") or ())
        parser: dict[str, Any] = {}
        for name in self._header:
            dtype = _parser_dtype(first[name].to_numpy().dtype)
            if dtype is object and pd.api.types.infer_dtype(first[name]) == "boolean":
                dtype = "boolean"  # as objects, the parser would give the text of the words
            # a number that nobody reads must not fail
            unread = name not in arrays and dtype is not object
            if name not in free and dtype is not None and not unread:
                parser[name] = dtype
        huge = frozenset(
            name
            for name in arrays.keys() - self._asked.keys() - free
            if arrays[name].kind == "O" and pd.api.types.infer_dtype(first[name]) == "integer"
        )
        parser |= self._asked_of_parser()
        return _Pins(parser, arrays, self._date_format(first), huge)

    def _date_format(self, first: pd.DataFrame) -> Any:
        """Tell how the first dates are written, which pandas would guess for every block."""
        given = self._options.get("date_format")
        if isinstance(given, str):
            return given
        formats: dict[str, str] = dict(given or {})
        dates = [name for name in self._header if first[name].dtype.kind == "M"]
        guessed = [name for name in dates if name not in formats]
        if guessed:
            texts = self._open(object, nrows=len(first), parse_dates=False)
        for name in guessed:
            text = next((text for text in texts[name] if isinstance(text, str)), "")
            form = guess_datetime_format(text, bool(self._options.get("dayfirst")))
            if form is not None:
                formats[name] = form
        return formats or None

    def _blocks(self, size: int, pins: _Pins, surely: bool = False) -> Generator[Batch]:
        """Read blocks of several batches, and single batches from where a block fails."""
        step, row = block_rows(size), 0
        options = {"iterator": True, "date_format": pins.date_format}
        reader = self._open(pins.parser, **options)
        try:
            while True:
                try:
                    block = self._next(reader, step)
                    if block is None:
                        return
                    columns = self._arrays(block, pins)
                except _FAULTS as error:
                    reader.close()
                    if row == 0 and step == size > _GLANCE and not surely:
                        raise _MisfitInFirstBatch from None
                    if step == size:
                        raise self._explained(error, pins.parser, row) from error
                    step = size
                    reader = self._open(pins.parser, **options)
                    self._skip(reader, row)
                    continue
                row += len(block)
                yield from sliced(columns, size)
        finally:
            reader.close()

    @staticmethod
    def _next(reader: Any, n_rows: int) -> pd.DataFrame | None:
        try:
            block = reader.get_chunk(n_rows)
        except StopIteration:
            return None
        return block if len(block) else None

    def _skip(self, reader: Any, n_rows: int) -> None:
        while n_rows:
            n_rows -= len(reader.get_chunk(min(n_rows, block_rows(1))))

    def _arrays(self, block: pd.DataFrame, pins: _Pins | None) -> Batch:
        if _has_gaps(block[self._header[-1]]):
            self._refuse_short_lines()
        columns = {name: self._array(block[name], name, pins) for name in self.columns}
        if all(values.dtype == object for values in columns.values()):
            self._refuse_header(block)
        return columns

    def _array(self, column: pd.Series, name: str, pins: _Pins | None) -> NDArray[Any]:
        values: NDArray[Any]
        if column.dtype == "boolean":
            values = column.to_numpy(dtype=object, na_value=np.nan)
        else:
            values = released(column.to_numpy())
        row = int(column.index[0]) if len(column) else 0
        if name in self._asked:
            return cast(values, self._asked[name], self._file.at, name, row)
        if pins is not None and name in pins.integers:
            return self._integers(values, name, row)
        if pins is None or values.dtype == pins.arrays[name]:
            return values
        pinned = pins.arrays[name]
        if pinned.kind == "M" and values.dtype.kind in "Mf":  # other units, or all missing
            read: NDArray[Any] = values.astype(pinned)
            if values.dtype.kind == "f" or ((read == values) | np.isnat(values)).all():
                return read
        form = pins.date_format
        form = form.get(name) if isinstance(form, dict) else form
        dates = column
        if pinned.kind == "M":
            dates = pd.to_datetime(column, errors="coerce", format=form)
        place = int(np.argmax((dates.isna() & column.notna()).to_numpy()))
        raise misfit(self._file.at(row + place), name, row + place, values[place], pinned)

    def _integers(self, texts: NDArray[Any], name: str, row: int) -> NDArray[Any]:
        """Read integers beyond 64 bits, which the parser gives as text once it is pinned."""
        thousands = self._options.get("thousands") or ""
        values = texts.copy()
        for place, text in enumerate(texts):
            try:
                values[place] = int(text.replace(thousands, "")) if isinstance(text, str) else text
            except ValueError:
                raise ReadError(
                    f"{self._file.at(row + place)}: {text!r} in column {name!r}, row "
                    f"{row + place}, is no integer, which the column is read as, as its first "
                    f"batch was. Write dtype={{{name!r}: 'str'}} to read it as text."
                ) from None
        return values

    def _refuse_short_lines(self) -> None:
        """Look, once for each state of the file, whether a gap is a line that is too short."""
        state = os.stat(self._path)
        if self._whole_lines != (state.st_mtime_ns, state.st_size):
            fault = short_line(self._file)
            if fault is not None:
                raise fault
            self._whole_lines = (state.st_mtime_ns, state.st_size)

    def _refuse_header(self, block: pd.DataFrame) -> None:
        """Find the header among rows of text, where it would fit as any other row."""
        first = self._header[0]
        same = (block[first] == first).fillna(False).to_numpy(bool)
        for place in np.flatnonzero(same):
            if [str(value) for value in block.iloc[place]] == self._header:
                where = self._file.at(int(block.index[place]))
                raise repeated_header(where, self._header)

    @property
    def _file(self) -> TextFile:
        return TextFile(self._path, self._header, self._options)

    def _explained(self, error: Exception, parser: dict[str, Any], row: int) -> ReadError:
        known = {
            name: pd.BooleanDtype() if one == "boolean" else np.dtype(one)
            for name, one in parser.items()
        } | self._asked
        with closing(self._texts(row)) as texts:
            return explain(error, self._file, known, self._asked, row, texts)

    def _texts(self, row: int) -> Generator[pd.DataFrame]:
        """Read rows as text, from the one where reading failed."""
        free = self._options.get("converters") or {}
        dtype = {name: object for name in self._header if name not in free}
        with self._open(dtype, iterator=True) as reader:
            self._skip(reader, row)
            block = self._next(reader, block_rows(1))
            while block is not None:
                yield block
                block = self._next(reader, block_rows(1))


def _has_gaps(column: pd.Series) -> bool:
    if not isinstance(column.dtype, np.dtype):
        return bool(column.isna().any())
    values = column.to_numpy()
    # What is missing differs from itself: asked so, a column of text takes a fifth of isna's time.
    return bool((values != values).any())


class _MisfitInFirstBatch(Exception):
    """The first rows gave dtypes that do not fit the rest of the first batch."""


def _parser_dtype(dtype: np.dtype[Any]) -> Any:
    """Tell the parser how to read a column; it has no word for dates."""
    if dtype.kind in "iu":
        return np.dtype(np.int64 if dtype.kind == "i" else np.uint64)  # it wraps narrow ones
    if dtype.kind == "f":
        return np.dtype(np.float64)  # it makes large numbers infinite in narrow ones
    if dtype.kind == "b":
        return dtype
    return None if dtype.kind in "mM" else object
