"""Rows to a Parquet file, for programs that are not ours."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from skmegatron.io.storage.core import HIDDEN
from skmegatron.io.storage.scalars import to_text
from skmegatron.optional import optional

_LONG = {"m": ("m", "h", "D", "W"), "M": ("m", "h", "D", "W", "M", "Y")}


def write_parquet(path: str | os.PathLike[str], index: Any, columns: Mapping[str, Any]) -> None:
    """Write an index and columns to one Parquet file.

    Arrays of several axes become lists of fixed length, sparse rows dense ones; what Parquet
    has no type for becomes text, days and other long units of time seconds. A file that is there
    is replaced once the new one is whole.

    Parameters
    ----------
    path : str or Path
    index : ndarray of shape (n_rows,)
        Becomes the column ``"index"``.
    columns : mapping of str to {ndarray, sparse matrix} of shape (n_rows, ...)

    Raises
    ------
    MissingDependencyError
        If pyarrow is not installed.
    TypeError
        If a column has times that Parquet cannot hold.
    """
    arrow = optional("pyarrow", extra="arrow", purpose="Writing Parquet")
    parquet = optional("pyarrow.parquet", extra="arrow", purpose="Writing Parquet")
    outputs = {name: column for name, column in columns.items() if name != HIDDEN}
    taken = "index" if "index" not in outputs else "__index__"
    arrays = {
        name: _arrow(arrow, name, column) for name, column in {taken: index, **outputs}.items()
    }
    draft = Path(f"{os.fspath(path)}.{secrets.token_hex(4)}.tmp")
    try:
        parquet.write_table(arrow.table(arrays), draft)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _arrow(arrow: Any, name: str, column: Any) -> Any:
    array = column.toarray() if sparse.issparse(column) else column
    if array.ndim > 1:
        width = int(np.prod(array.shape[1:]))
        flat = _arrow(arrow, name, array.reshape(-1))
        if width == 0:  # of which a list of fixed length does not know how many it holds
            return arrow.array([[]] * len(array), arrow.list_(flat.type))
        return arrow.FixedSizeListArray.from_arrays(flat, width)
    if array.dtype in (np.longdouble, np.clongdouble):
        return arrow.array([str(value) for value in array], arrow.string())
    if array.dtype.kind in "cOTV":
        values = array.tolist()
        plain = all(value is None or isinstance(value, str) for value in values)
        return arrow.array(
            values if plain else [to_text(value) for value in values], arrow.string()
        )
    return arrow.array(_in_seconds(name, array) if array.dtype.kind in "mM" else array)


def _in_seconds(name: str, array: NDArray[Any]) -> NDArray[Any]:
    """Turn days and other long units, which Parquet does not have, into seconds."""
    unit, count = np.datetime_data(array.dtype)
    if unit in ("s", "ms", "us", "ns") and count == 1:
        return array
    kind = array.dtype.kind
    if unit in _LONG[kind]:
        seconds = array.astype(f"{kind}8[s]")
        if ((seconds.astype(array.dtype) == array) | np.isnat(array)).all():
            return seconds
    raise TypeError(
        f"{name!r} is of dtype {array.dtype}, which Parquet cannot hold. Store it as "
        f"{kind}8[s], [ms], [us] or [ns], or as a number."
    )
