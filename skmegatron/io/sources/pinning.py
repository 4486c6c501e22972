"""Rows of Python objects as typed columns, whose dtypes stay those of the first rows.

What a column holds is told by the set of its types, which costs less than letting numpy
look. The first rows pin each column: its dtype, and the types that later rows may hold.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skmegatron.errors import ReadError
from skmegatron.io.sources.columns import Batch, Dtypes

Kinds = frozenset[type]

_NONE = type(None)
_NUMBERS = frozenset({int, float, Decimal, _NONE})
_INSTANTS = "datetime64[us]"

# What may come later where the first rows gave this dtype, for dtypes that are exact.
_LATER: dict[str, Kinds] = {
    "int64": frozenset({int}),
    "float64": _NUMBERS,
    "bool": frozenset({bool}),
    _INSTANTS: frozenset({datetime.datetime, _NONE}),
    "datetime64[D]": frozenset({datetime.date, _NONE}),
}


@dataclass(frozen=True)
class _Pin:
    dtype: np.dtype[Any]
    tail: tuple[int, ...]
    later: Kinds | None  # None: any objects


def misfit(
    where: str, name: str, row: int | str, value: Any, dtype: np.dtype[Any], asked: bool = False
) -> ReadError:
    """Make the error of a value that does not fit the dtype of its column.

    Parameters
    ----------
    where : str
        File or query.
    name : str
        The column.
    row : int or str
        Counted from 0, or told in words.
    value : object
    dtype : dtype
        Of the column.
    asked : bool, default=False
        Whether the user asked for this dtype, rather than the first batch giving it.

    Returns
    -------
    ReadError
        Saying what to type to read the column after all.
    """
    wider = "float64" if _is_float(value, dtype) else "object"
    shown = "A missing value" if _missing(value) else repr(value)
    reason = "as was asked" if asked else "as its first batch was"
    place = f"row {row}" if isinstance(row, int) else row
    return ReadError(
        f"{where}: {shown} in column {name!r}, {place}, does not fit {dtype}, which the "
        f"column is read as, {reason}. Write dtype={{{name!r}: {wider!r}}} to read it as that."
    )


def _is_float(value: Any, dtype: np.dtype[Any]) -> bool:
    """Tell whether float64 reads a value that a narrower dtype of numbers does not."""
    if dtype.kind not in "iuf" or dtype == np.float64 or isinstance(value, bool):
        return False
    if isinstance(value, int):  # beyond this, floats lose digits
        return abs(value) <= 2**53
    return value is None or isinstance(value, float | Decimal)


@dataclass(frozen=True)
class Rows:
    """Rows of Python values, kept column by column; a slice gives rows again.

    Attributes
    ----------
    lists : sequence of sequence
        One for each column.
    """

    lists: Sequence[Sequence[Any]]

    def __len__(self) -> int:
        return len(self.lists[0])

    def __getitem__(self, rows: slice) -> Rows:
        return Rows([values[rows] for values in self.lists])


class PinnedColumns:
    """Turn rows into columns, each with one dtype for all batches.

    Parameters
    ----------
    where : str
        Where the rows come from, for messages.
    names : sequence of str
        One for each value of a row.
    wanted : sequence of str
        Columns to keep.
    dtypes : dict of str to dtype
        Dtypes that were asked for.
    """

    def __init__(
        self, where: str, names: Sequence[str], wanted: Sequence[str], dtypes: Dtypes
    ) -> None:
        self._where = where
        self._names = names
        self._wanted = set(wanted)
        self._dtypes = dtypes
        self._pins: dict[str, _Pin] = {}

    def columns(self, rows: Rows, first_row: int = 0) -> Batch:
        """Turn rows into columns.

        Parameters
        ----------
        rows : Rows
        first_row : int, default=0
            Number of the first of them in the whole table, for messages.

        Returns
        -------
        dict of str to ndarray

        Raises
        ------
        ReadError
            If a value does not fit the dtype that earlier rows gave its column.
        """
        return {
            name: self._column(name, values, first_row)
            for name, values in zip(self._names, rows.lists, strict=True)
            if name in self._wanted
        }

    def _column(self, name: str, values: Sequence[Any], first_row: int) -> NDArray[Any]:
        pin = self._pins.get(name)
        if pin is not None and pin.dtype.kind in "if" and pin.later is not _LISTS:
            # numpy finds the same dtype in less time than it takes to look at the types
            with suppress(ValueError, OverflowError):
                found = np.array(values)
                if found.dtype == pin.dtype and found.ndim == 1:
                    return found
        kinds = frozenset(map(type, values))
        asked = self._dtypes.get(name)
        if asked is not None:
            if asked.kind in "OU" and list not in kinds:
                return cast(_objects(values), asked, self._where, name, first_row)
            found = self._natural(name, values, kinds, first_row)
            return cast(found, asked, self._where, name, first_row)
        if pin is None:
            found = self._natural(name, values, kinds, first_row)
            self._pins[name] = _pin(found, kinds)
            return found
        if pin.later is not None and not kinds <= pin.later:
            place = next(n for n, value in enumerate(values) if type(value) not in pin.later)
            raise self._misfit(name, first_row + place, values[place], pin)
        if pin.later is _LISTS:
            found = self._natural(name, values, kinds, first_row)
            if found.dtype != pin.dtype or found.shape[1:] != pin.tail:
                raise self._other(name, values, pin, first_row)
            return found
        if pin.dtype == object:
            return _objects(values)
        return self._exact(name, values, pin.dtype, first_row)

    def _misfit(self, name: str, row: int, value: Any, pin: _Pin) -> ReadError:
        if pin.dtype != object:
            return misfit(self._where, name, row, value, pin.dtype)
        kind = "bytes" if bytes in (pin.later or ()) else "text"
        return ReadError(
            f"{self._where}: {value!r} in column {name!r}, row {row}, does not fit {kind}, which "
            f"the column is read as, as its first batch was. Write dtype={{{name!r}: 'str'}} to "
            f"read all of it as text, or dtype={{{name!r}: 'object'}} to keep each value."
        )

    def _exact(
        self, name: str, values: Sequence[Any], dtype: np.dtype[Any], first_row: int
    ) -> NDArray[Any]:
        """Make values of the right types an array; they may still be too large, or zoned."""
        try:
            if dtype.kind != "M" or not _zoned(values):
                return np.array(values, dtype=dtype)
        except OverflowError:
            pass
        place = next(n for n, value in enumerate(values) if not _fits(value, dtype))
        raise misfit(self._where, name, first_row + place, values[place], dtype)

    def _natural(
        self, name: str, values: Sequence[Any], kinds: Kinds, first_row: int
    ) -> NDArray[Any]:
        """Give values the dtype that says most about them."""
        present = kinds - {_NONE}
        if present == {list}:
            return self._stacked(name, values, kinds, first_row)
        return natural(values, kinds)

    def _stacked(
        self, name: str, values: Sequence[Any], kinds: Kinds, first_row: int
    ) -> NDArray[Any]:
        for row, value in enumerate(values):
            if value is None or len(value) != len(values[0] or ()):
                raise ReadError(
                    f"{self._where}: column {name!r} holds lists that must be equally long to "
                    f"become one array; row {first_row} has {values[0]!r}, row "
                    f"{first_row + row} has {value!r}. Leave the column out with "
                    f"exclude_cols=[{name!r}], or make them equally long in the query."
                )
        flat = [item for value in values for item in value]
        inner = self._natural(name, flat, frozenset(map(type, flat)), first_row)
        return inner.reshape(len(values), len(values[0]), *inner.shape[1:])

    def _other(self, name: str, values: Sequence[Any], pin: _Pin, first_row: int) -> ReadError:
        """Find the first row that gives another dtype or shape than the first batch did."""
        for row, value in enumerate(values):
            one = self._natural(name, [value], frozenset({type(value)}), first_row + row)
            if value is not None and (one.dtype, one.shape[1:]) != (pin.dtype, pin.tail):
                return ReadError(
                    f"{self._where}: column {name!r}, row {first_row + row}: {value!r} becomes "
                    f"shape {one.shape[1:]} {one.dtype}, where the first batch gave shape "
                    f"{pin.tail} {pin.dtype}. Make the query give one kind of value."
                )
        return misfit(self._where, name, first_row, values[0], pin.dtype)


_LISTS: Kinds = frozenset({list})


def _pin(found: NDArray[Any], kinds: Kinds) -> _Pin:
    if kinds == _LISTS:
        return _Pin(found.dtype, found.shape[1:], _LISTS)
    if found.dtype != object:
        return _Pin(found.dtype, found.shape[1:], _LATER[str(found.dtype)])
    plain = next((kind for kind in (str, bytes) if kinds <= {kind, _NONE}), None)
    return _Pin(found.dtype, (), None if plain is None else frozenset({plain, _NONE}))


def natural(values: Sequence[Any], kinds: Kinds | None = None) -> NDArray[Any]:
    """Make one column of Python values, with the dtype that says most about them.

    Parameters
    ----------
    values : sequence
        Values of one column.
    kinds : frozenset of type, default=None
        Their types, where they are known already.

    Returns
    -------
    ndarray of shape (len(values),)
        int64, float64 (missing numbers are NaN), bool, datetime64, or else object.
    """
    kinds = frozenset(map(type, values)) if kinds is None else kinds
    present = kinds - {_NONE}
    try:
        if kinds == {int}:
            return np.array(values, dtype=np.int64)
        if present <= _NUMBERS:
            return np.array(values, dtype=np.float64)
    except OverflowError:  # an integer beyond 64 bits
        return _objects(values)
    if kinds == {bool}:
        return np.array(values, dtype=np.bool_)
    if present == {datetime.date}:
        return np.array(values, dtype="datetime64[D]")
    if present == {datetime.datetime} and not _zoned(values):
        return np.array(values, dtype=_INSTANTS)
    return _objects(values)


def _objects(values: Sequence[Any]) -> NDArray[Any]:
    return np.fromiter(values, dtype=object, count=len(values))


def _zoned(values: Sequence[Any]) -> bool:
    """Tell whether some moment has a time zone, which numpy's dates cannot hold."""
    return any(getattr(value, "tzinfo", None) is not None for value in values)


def _fits(value: Any, dtype: np.dtype[Any]) -> bool:
    if dtype.kind == "M" and _zoned([value]):
        return False
    try:
        np.array([value], dtype=dtype)
    except (OverflowError, TypeError, ValueError):
        return False
    return True


def cast(
    values: NDArray[Any],
    dtype: np.dtype[Any],
    where: str | Callable[[int], str],
    name: str,
    first_row: int = 0,
) -> NDArray[Any]:
    """Read a column as the dtype that was asked for, losing no value on the way.

    Parameters
    ----------
    values : ndarray of shape (n_rows, ...)
    dtype : dtype
        Text ("str") gives an object array of strings, in which what is missing stays so.
    where : str or callable
        File or query, for messages; a callable tells it for a row.
    name : str
        The column.
    first_row : int, default=0
        Number of the first of them in the whole table, for messages.

    Returns
    -------
    ndarray of shape (n_rows, ...)

    Raises
    ------
    ReadError
        If a value cannot be read as `dtype`, as 1.5 or NaN cannot as an integer, and 1e10
        not as float16.
    """
    if dtype.kind == "U":
        texts = [value if _missing(value) else str(value) for value in values.ravel().tolist()]
        return _objects(texts).reshape(values.shape)
    if values.dtype == dtype:
        return values
    try:
        with np.errstate(invalid="ignore", over="ignore"):
            read = values.astype(dtype)
    except (OverflowError, TypeError, ValueError):
        flat = values.ravel().tolist()
        place = next((n for n, value in enumerate(flat) if not _fits(value, dtype)), 0)
    else:
        lost = np.flatnonzero(_lost(read, values))
        if not len(lost):
            return read
        place = int(lost[0])
    row = first_row + place // max(1, values.size // len(values))
    value = values.ravel()[place]
    value = value.item() if isinstance(value, np.generic) else value
    told = where(row) if callable(where) else where
    raise misfit(told, name, row, value, dtype, asked=True) from None


def _lost(read: NDArray[Any], values: NDArray[Any]) -> NDArray[Any]:
    """Tell where a value is no longer what it was: another number, or infinite."""
    if read.dtype.kind in "iub":
        return _differs(read, values)
    lost = np.zeros(read.size, dtype=bool)
    if read.dtype.kind == "f":
        flat = values.ravel()
        for place in np.flatnonzero(np.isinf(read.ravel())):
            lost[place] = not np.isinf(float(flat[place]))
    return lost


def _missing(value: Any) -> bool:
    return value is None or value != value


def _differs(read: NDArray[Any], values: NDArray[Any]) -> NDArray[Any]:
    """Tell where a number is no longer the same; text that was read as a number is."""
    if values.dtype != object:
        return np.asarray(read.ravel() != values.ravel())
    pairs = zip(read.ravel().tolist(), values.ravel().tolist(), strict=True)
    return np.array([not isinstance(old, str) and new != old for new, old in pairs], dtype=bool)
