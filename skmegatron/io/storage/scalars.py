"""One scalar to one piece of JSON and back, in ASCII, so that any database can hold it.

What JSON has is written as itself: ``42``, ``"bob"``, ``1.5``, ``true``, ``null``. Every other
scalar is an object with one entry, its kind: ``{"uuid":"..."}``. No two different scalars of
one kind give the same text.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import UUID

import numpy as np
import pandas as pd

_READERS: dict[str, Callable[[Any], Any]] = {
    "bytes": bytes.fromhex,
    "utf8": lambda digits: bytes.fromhex(digits).decode("utf-8", "surrogatepass"),
    "datetime": dt.datetime.fromisoformat,
    "date": dt.date.fromisoformat,
    "time": dt.time.fromisoformat,
    "timedelta": lambda parts: dt.timedelta(*parts),
    "uuid": UUID,
    "decimal": Decimal,
    "complex": lambda parts: complex(*parts),
    "missing": lambda _: pd.NA,
}

#: A subclass is written as what it is one of, so a datetime, which is a date, comes first.
_WRITERS: tuple[tuple[type, str, Callable[[Any], str]], ...] = (
    (dt.datetime, "datetime", lambda value: str(value.isoformat())),
    (dt.date, "date", lambda value: str(value.isoformat())),
    (dt.time, "time", lambda value: str(value.isoformat())),
    (UUID, "uuid", UUID.__str__),
    (Decimal, "decimal", Decimal.__str__),
)


def to_text(value: Any) -> str:
    """Write a scalar as one piece of JSON.

    Parameters
    ----------
    value : scalar
        Of Python, numpy or pandas; None and missing values too.

    Returns
    -------
    str
        ASCII, without line breaks.

    Raises
    ------
    TypeError
        If it is no scalar.

    Examples
    --------
    >>> from skmegatron.io.storage.scalars import to_text
    >>> to_text(42), to_text("bob"), to_text(b"bob")
    ('42', '"bob"', '{"bytes":"626f62"}')
    """
    if isinstance(value, np.generic) and not isinstance(value, np.datetime64 | np.timedelta64):
        value = value.item()
    if isinstance(value, str):
        return _string(value)
    if value is None or isinstance(value, bool | int | float):
        return json.dumps(value)
    kind, content = _tagged(value)
    return json.dumps({kind: content}, separators=(",", ":"))


def _string(value: str) -> str:
    text = json.dumps(value)
    if "\\ud" in text:
        try:
            value.encode()
        except UnicodeEncodeError:
            # Two lone surrogates side by side would come back from JSON as one character.
            digits = value.encode("utf-8", "surrogatepass").hex()
            return json.dumps({"utf8": digits}, separators=(",", ":"))
    return text


def _tagged(value: Any) -> tuple[str, Any]:
    value = _as_numpy(value)
    if value is pd.NA:
        return "missing", "NA"
    if isinstance(value, np.datetime64 | np.timedelta64):
        return str(value.dtype), int(value.astype(np.int64))
    if isinstance(value, bytes):
        return "bytes", value.hex()
    for type_, kind, write in _WRITERS:
        if isinstance(value, type_):
            return kind, write(value)
    if isinstance(value, dt.timedelta):
        return "timedelta", [value.days, value.seconds, value.microseconds]
    if isinstance(value, complex):
        return "complex", [value.real, value.imag]
    raise TypeError(
        f"Expected a number, a string or another scalar, got {value!r} of type "
        f"{type(value).__name__}. Nothing is pickled into a store: give numbers, strings, "
        "bytes, dates, or an array of them."
    )


def _as_numpy(value: Any) -> Any:
    """Turn pandas' own times into numpy's, which count as finely."""
    if value is pd.NaT:
        return np.datetime64("NaT", "ns")
    if isinstance(value, pd.Timestamp) and value.tzinfo is None:
        return value.to_datetime64()
    return value.to_timedelta64() if isinstance(value, pd.Timedelta) else value


def from_text(text: str) -> Any:
    """Read what `to_text` wrote.

    Parameters
    ----------
    text : str

    Returns
    -------
    scalar
        Numpy's integers, floats, strings and booleans come back as Python's, and an instance
        of a subclass as one of what it derives from.
    """
    return from_json(json.loads(text))


def from_json(value: Any) -> Any:
    """Turn parsed JSON into the scalar it stands for.

    Parameters
    ----------
    value : scalar or dict of one entry

    Returns
    -------
    scalar
    """
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    if kind in _READERS:
        return _READERS[kind](content)
    return np.array(content, dtype=np.int64).view(kind)[()]
