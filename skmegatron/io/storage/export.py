"""Rows to a Parquet file, for programs that are not ours."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy import sparse

from skmegatron.io.storage.core import HIDDEN
from skmegatron.io.storage.scalars import to_text
from skmegatron.optional import optional


def write_parquet(path: str | os.PathLike[str], index: Any, columns: Mapping[str, Any]) -> None:
    """Write an index and columns to one Parquet file.

    Arrays of several axes become lists of fixed length, sparse rows dense ones; what Parquet
    has no type for becomes text.

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
    """
    arrow = optional("pyarrow", extra="arrow", purpose="Writing Parquet")
    parquet = optional("pyarrow.parquet", extra="arrow", purpose="Writing Parquet")
    outputs = {name: column for name, column in columns.items() if name != HIDDEN}
    taken = "index" if "index" not in outputs else "__index__"
    arrays = {name: _arrow(arrow, column) for name, column in {taken: index, **outputs}.items()}
    parquet.write_table(arrow.table(arrays), os.fspath(path))


def _arrow(arrow: Any, column: Any) -> Any:
    array = column.toarray() if sparse.issparse(column) else column
    if array.ndim > 1:
        width = int(np.prod(array.shape[1:]))
        return arrow.FixedSizeListArray.from_arrays(_arrow(arrow, array.reshape(-1)), width)
    if array.dtype.kind in "cOTV" or array.dtype == np.longdouble:
        values = array.tolist()
        plain = all(value is None or isinstance(value, str) for value in values)
        return arrow.array(
            values if plain else [to_text(value) for value in values], arrow.string()
        )
    if array.dtype.kind == "M" and np.datetime_data(array.dtype)[0] not in ("s", "ms", "us", "ns"):
        array = array.astype("datetime64[s]")
    return arrow.array(array)
