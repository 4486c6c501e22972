"""What has to be known of a column to make an array of it again (codec.py has the table)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from skmegatron.errors import SchemaError

_SQL_TYPES = {"boolean": "boolean", "integer": "integer", "real": "real"} | dict.fromkeys(
    ("text", "json"), "text"
)


@dataclass(frozen=True)
class Form:
    """All that is needed to make an array out of stored values.

    Parameters
    ----------
    kind : str
        See the table above.
    dtype : str
    shape : tuple of int
        Of one row.
    container : str, default=""
        For sparse rows, ``"csr_matrix"`` or ``"csr_array"``.
    """

    kind: str
    dtype: str
    shape: tuple[int, ...]
    container: str = ""

    @property
    def sql_type(self) -> str:
        """One of boolean, integer, real, text and blob."""
        return _SQL_TYPES.get(self.kind, "blob")

    @property
    def np_dtype(self) -> np.dtype[Any]:
        """The dtype, little-endian."""
        if self.dtype == "StringDType":
            return np.dtypes.StringDType()
        return np.dtype(self.dtype).newbyteorder("<")


@dataclass(frozen=True)
class Packed:
    """One column, ready to be stored.

    Parameters
    ----------
    form : Form
    values : ndarray or list
    """

    form: Form
    values: Any


def form_to_json(form: Form) -> dict[str, Any]:
    """Write a form as JSON.

    Parameters
    ----------
    form : Form

    Returns
    -------
    dict
    """
    return asdict(form)


def form_from_json(entry: Mapping[str, Any]) -> Form:
    """Read what `form_to_json` wrote.

    Parameters
    ----------
    entry : mapping

    Returns
    -------
    Form
    """
    return Form(**{**entry, "shape": tuple(entry["shape"])})


def combined(where: str, output: str, held: Form, made: Form) -> Form:
    """Give the form that holds the values of two, which may differ in the length of text.

    Parameters
    ----------
    where : str
        Such as ``"pipeline 'x' version '1'"``.
    output : str
    held, made : Form

    Returns
    -------
    Form

    Raises
    ------
    SchemaError
        If they differ in anything else.
    """
    if held == made:
        return held
    one, other = held.np_dtype, made.np_dtype
    if one.kind == other.kind and one.kind in "US" and held == replace(made, dtype=held.dtype):
        longest = one if one.itemsize >= other.itemsize else other
        return replace(held, dtype=str(longest))
    raise SchemaError(
        f"{where} already holds output {output!r} as {told(held)}; this one makes {told(made)}: "
        "new version= or overwrite=True"
    )


def told(form: Form) -> str:
    """Tell a form in a few words.

    Parameters
    ----------
    form : Form

    Returns
    -------
    str
    """
    shape = "".join(f", {length}" for length in form.shape)
    return f"{form.kind} of dtype {form.dtype} and shape (n_rows{shape})"
