"""The index of an observation as a key: text that any database finds rows by.

An integer is ``42``, a string ``"bob"`` with its quotes, so ``0`` and ``"0"`` are different
rows; `candidates` lists what one may have been written as when the other is asked for.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skmegatron.io.storage.scalars import from_json, from_text, to_text

#: Databases index this many characters of ASCII, MySQL included.
LONGEST_KEY = 1000

_INTEGER = re.compile(r"[+-]?[0-9]+", re.ASCII)
_ARRAY_KINDS: dict[Any, str] = {int: "iu", float: "f", bool: "b", str: "U"}
_UNITS = ("D", "s", "ms", "us", "ns")


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

    Examples
    --------
    >>> from skmegatron.io.storage.core import decode_key
    >>> decode_key("42"), decode_key('"42"')
    (42, '42')
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

    Examples
    --------
    >>> from skmegatron.io.storage.core import encode_keys
    >>> encode_keys(["ann", "bob"])
    ['"ann"', '"bob"']
    >>> encode_keys([7, 7])
    Traceback (most recent call last):
        ...
    ValueError: Every row needs an index of its own, got 7 twice. Rows are found again by their
    index; leave it out to number them.
    """
    keys = encode_many(index)
    if len(set(keys)) < len(keys):
        twice = Counter(keys).most_common(1)[0][0]
        raise ValueError(
            f"Every row needs an index of its own, got {decode_key(twice)!r} twice. Rows are "
            "found again by their index; leave it out to number them."
        )
    return keys


def encode_many(index: Any) -> list[str]:
    """Encode indices, of which some may be equal.

    Parameters
    ----------
    index : array-like of shape (n_rows,)

    Returns
    -------
    list of str

    Examples
    --------
    >>> from skmegatron.io.storage.core import encode_many
    >>> encode_many([7, "ann", 7])
    ['7', '"ann"', '7']
    """
    plain = isinstance(index, np.ndarray) and index.dtype.kind in "iuUSfb"
    values = index.tolist() if plain else list(index)
    kinds = set(map(type, values))
    if kinds == {int}:
        return [_short(key) for key in map(str, values)]
    if kinds == {str}:
        return [_short(to_text(value)) for value in values]
    return [encode_key(value) for value in values]


def decode_keys(keys: Sequence[str]) -> NDArray[Any]:
    """Decode keys into one array.

    Parameters
    ----------
    keys : sequence of str

    Returns
    -------
    ndarray of shape (n_rows,)
        Of integers, floats, booleans, strings or dates where all are; else of objects.

    Examples
    --------
    >>> from skmegatron.io.storage.core import decode_keys
    >>> decode_keys(["3", "1"]), decode_keys(['"ann"', "1"])
    (array([3, 1]), array(['ann', 1], dtype=object))
    """
    values = [from_json(value) for value in json.loads("[" + ",".join(keys) + "]")]
    plain = _plain_array(values)
    if plain is not None:
        return plain
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def _plain_array(values: list[Any]) -> NDArray[Any] | None:
    """Give an array of numbers, strings or dates if it holds just these values."""
    kinds = set(map(type, values))
    kind = kinds.pop() if len(kinds) == 1 else None
    if kind in (np.datetime64, np.timedelta64):
        # Units that differ would be converted, and what is far away overflows.
        return np.array(values) if len({value.dtype for value in values}) == 1 else None
    if kind not in _ARRAY_KINDS:
        return None
    try:
        array = np.array(values)
    except OverflowError:
        return None
    same = array.dtype.kind in _ARRAY_KINDS[kind] and array.tolist() == values
    return array if same else None


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
    if isinstance(key, int | np.integer) or float(key).is_integer():
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
    """Write the same moment in other units and as Python does."""
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
