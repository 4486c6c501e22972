"""What a store is, how its rows are told apart, and the rules that every store keeps.

A row belongs to a name, a version and the fingerprint of what made it, and is found by its
key: the encoded index of the observation. Stores see encoded keys and whole arrays only;
`DataStore` (bound.py) puts the indices, positions and errors that users meet around them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol, runtime_checkable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skmegatron.errors import MegatronError, MissingColumnError, SchemaError
from skmegatron.io.storage.scalars import from_json, from_text, to_text

#: A column that goes along with the outputs and is not one of them: digests of what came in.
HIDDEN = "__input__"

#: Databases index this many characters of ASCII, MySQL included.
LONGEST_KEY = 1000

_INTEGER = re.compile(r"[+-]?[0-9]+", re.ASCII)
_UNITS = ("D", "s", "ms", "us", "ns")


@dataclass(frozen=True)
class Held:
    """What a store holds of one fit: the rows that one fitted pipeline made.

    Parameters
    ----------
    name, version, fingerprint : str
    outputs : mapping of str to (str, tuple of int)
        Dtype and shape of one row of every column, ``"__input__"`` included.
    n_rows : int
    written : datetime
        When rows were last written, in UTC.
    """

    name: str
    version: str
    fingerprint: str
    outputs: Mapping[str, tuple[str, tuple[int, ...]]]
    n_rows: int
    written: datetime


@runtime_checkable
class Store(Protocol):
    """The five methods that make a store; `skmegatron.testing.check_store` tries them.

    Keys are strings of printable ASCII, at most 1000 characters. Names, versions,
    fingerprints and column names are any strings at all.
    """

    def open(self) -> None:
        """Get ready. May be called again, and need not be called."""

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
        """Write rows, all of them or none; a key that is there is overwritten.

        Parameters
        ----------
        name, version, fingerprint : str
        keys : sequence of str
            All different.
        columns : mapping of str to {ndarray, sparse matrix} of shape (n_rows, ...)
        replace : bool, default=False
            Drop everything held for name and version first, in the same transaction.

        Raises
        ------
        SchemaError
            If name and version hold other outputs, or this fingerprint holds them with
            another dtype or shape.
        TypeError
            If a column could only be pickled.
        """

    def read(
        self,
        name: str,
        version: str,
        fingerprint: str | None,
        cols: Sequence[str] | None = None,
        keys: Sequence[str] | None = None,
    ) -> tuple[list[str], dict[str, Any]]:
        """Read rows.

        Parameters
        ----------
        name, version : str
        fingerprint : str or None
            None for the fit that was written to last.
        cols : sequence of str, optional
            Where left out, every column but ``"__input__"``.
        keys : sequence of str, optional
            Every row where left out.

        Returns
        -------
        keys : list of str
            Those found, in the order asked, else in the order first written.
        columns : dict of str to {ndarray, sparse matrix}
            As they were written; empty if nothing at all is held.

        Raises
        ------
        MissingColumnError
            If a column is asked for that is not held.
        """

    def drop(
        self,
        name: str,
        version: str | None = None,
        fingerprint: str | None = None,
        keys: Sequence[str] | None = None,
    ) -> None:
        """Forget rows: those of every version, fingerprint or key where one is left out.

        Parameters
        ----------
        name : str
        version, fingerprint : str, optional
        keys : sequence of str, optional
        """

    def describe(self) -> list[Held]:
        """Tell what is held, one entry per fit, those written to last at the end.

        Returns
        -------
        list of Held
        """


def encode_key(key: Any) -> str:
    """Write the index of one observation as text.

    Parameters
    ----------
    key : scalar
        A number, string, bytes, boolean, date, time, UUID or Decimal.

    Returns
    -------
    str

    Raises
    ------
    ValueError
        If it is missing (None, NaN, NaT) or longer than 1000 characters when encoded.
    TypeError
        If it is no scalar.

    Examples
    --------
    >>> from skmegatron.io.storage.core import encode_key
    >>> encode_key(0), encode_key("0"), encode_key(1.5)
    ('0', '"0"', '1.5')
    """
    text = to_text(key)
    if pd.isna(key):
        raise ValueError(
            f"An index tells one row from another, got {key!r}. Give every row an index, or "
            "leave the index out to number the rows."
        )
    return _short(text)


def _short(text: str) -> str:
    if len(text) > LONGEST_KEY:
        raise ValueError(
            f"An index may take {LONGEST_KEY} characters when encoded, got {len(text)}: "
            f"{text[:40]}... Use a shorter name for the row, such as a hash of it."
        )
    return text


def decode_key(text: str) -> Any:
    """Give the index that `encode_key` wrote.

    Parameters
    ----------
    text : str

    Returns
    -------
    scalar
    """
    return from_text(text)


def encode_keys(index: Any) -> list[str]:
    """Encode the index of every row.

    Parameters
    ----------
    index : array-like of shape (n_rows,)

    Returns
    -------
    list of str

    Raises
    ------
    ValueError
        If an index is missing or too long, or two rows have the same one.
    TypeError
        If an index is no scalar.
    """
    values = index.tolist() if _is_plain(index) else list(index)
    kinds = set(map(type, values))
    if kinds == {int}:
        keys = list(map(str, values))
    elif kinds == {str}:
        keys = [_short(to_text(value)) for value in values]
    else:
        keys = [encode_key(value) for value in values]
    if len(set(keys)) < len(keys):
        seen: set[str] = set()
        twice = next(key for key in keys if key in seen or seen.add(key))
        raise ValueError(
            f"Every row needs an index of its own, got {decode_key(twice)!r} twice. Rows are "
            "found again by their index; leave it out to number them."
        )
    return keys


def _is_plain(index: Any) -> bool:
    return isinstance(index, np.ndarray) and index.dtype.kind in "iuUfb"


def decode_keys(keys: Sequence[str]) -> NDArray[Any]:
    """Decode keys into one array.

    Parameters
    ----------
    keys : sequence of str

    Returns
    -------
    ndarray of shape (n_rows,)
        Of integers, floats, booleans, strings or dates where all are; else of objects.
    """
    values = [from_json(value) for value in json.loads("[" + ",".join(keys) + "]")]
    kinds = set(map(type, values))
    plain = len(kinds) == 1 and kinds <= {int, float, bool, str, np.datetime64, np.timedelta64}
    if plain and not (kinds == {str} and any(value.endswith("\0") for value in values)):
        try:
            array = np.array(values)
        except OverflowError:
            pass
        else:
            if array.dtype.kind != "O":
                return array
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def candidates(key: Any) -> list[str]:
    """List the keys that an index may have been written under, the exact one first.

    Parameters
    ----------
    key : scalar

    Returns
    -------
    list of str

    Examples
    --------
    >>> from skmegatron.io.storage.core import candidates
    >>> candidates("0")
    ['"0"', '0', '0.0']
    >>> candidates(1.0)
    ['1.0', '1', '"1"', '"1.0"']
    """
    exact = encode_key(key)
    if isinstance(key, bool | np.bool_):
        return [exact]
    others: Iterable[str] = ()
    if isinstance(key, np.datetime64 | datetime | date):
        others = _instants(key)
    elif isinstance(key, str):
        others = _spelt(key)
    elif isinstance(key, int | float | np.integer | np.floating):
        numbers = _numbers(key)
        others = numbers + [to_text(number) for number in numbers]
    return list(dict.fromkeys([exact, *others]))


def _numbers(key: Any) -> list[str]:
    if float(key).is_integer():
        whole = int(key)
        return [str(whole)] + ([repr(float(whole))] if abs(whole) < 2**53 else [])
    return [to_text(float(key))]


def _spelt(key: str) -> list[str]:
    if _INTEGER.fullmatch(key) and len(key) < 300:
        return _numbers(int(key)) if abs(int(key)) < 2**63 else [str(int(key))]
    try:
        number = float(key)
    except ValueError:
        return []
    return [] if number != number else _numbers(number)


def _instants(key: Any) -> Iterator[str]:
    """The same moment in other units and as Python writes it."""
    if getattr(key, "tzinfo", None) is not None:
        return
    moment = np.datetime64(key)
    for unit in _UNITS:
        converted = moment.astype(f"datetime64[{unit}]")
        if converted == moment:
            yield to_text(converted)
    python = moment.astype("datetime64[us]").item()
    if isinstance(python, datetime) and np.datetime64(python) == moment:
        yield to_text(python)
        if python == datetime(python.year, python.month, python.day):
            yield to_text(python.date())


def shown(names: Iterable[str]) -> str:
    """List columns for a message, leaving out hidden ones.

    Parameters
    ----------
    names : iterable of str

    Returns
    -------
    str
    """
    return ", ".join(name for name in names if name != HIDDEN)


def check_outputs(name: str, version: str, held: Iterable[str], made: Iterable[str]) -> None:
    """Refuse rows that have other columns than those held.

    Parameters
    ----------
    name, version : str
    held, made : iterable of str

    Raises
    ------
    SchemaError
        If the two differ.
    """
    held, made = list(held), list(made)
    if set(held) != set(made):
        raise SchemaError(
            f"pipeline {name!r} version {version!r} already holds outputs {shown(held)}; this "
            f"one makes {shown(made)}: new version= or overwrite=True"
        )


def check_columns(asked: Sequence[str] | None, held: Sequence[str]) -> list[str]:
    """Give the columns to read.

    Parameters
    ----------
    asked : sequence of str, optional
        All but the hidden one where left out.
    held : sequence of str

    Returns
    -------
    list of str

    Raises
    ------
    MissingColumnError
        If one is asked for that is not held.
    """
    if asked is None:
        return [column for column in held if column != HIDDEN]
    for column in asked:
        if column not in held:
            raise MissingColumnError(
                f"Column {column!r} is not among the outputs held: {shown(held)}."
            )
    return list(asked)


@contextmanager
def telling(doing: str) -> Iterator[None]:
    """Add to a database's error what was being done; it keeps its type.

    Parameters
    ----------
    doing : str
        Such as ``"writing 'digits' version '1' to digits.db"``.
    """
    try:
        yield
    except MegatronError:
        raise
    except Exception as error:
        error.add_note(f"  while {doing}")
        raise
