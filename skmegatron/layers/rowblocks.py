"""Several arrays as one table for a sampler, and back.

A sampler takes one table of numbers. Images are laid out as rows, several arrays are put side by
side, and what comes back is cut at the same places and given its old shape, kind and dtype.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
from scipy import sparse

from skmegatron.errors import ShapeError
from skmegatron.io.tables import column_names, columns_together, is_frame, select_column


def together(arrays: Sequence[Any]) -> Any:
    """Put arrays side by side as one table.

    Parameters
    ----------
    arrays : sequence of {ndarray, sparse matrix, dataframe} of shape (n_rows, ...)

    Returns
    -------
    {ndarray, sparse matrix, pandas DataFrame} of shape (n_rows, n_columns)
    """
    blocks = [_laid_out(array) for array in arrays]
    return blocks[0] if len(blocks) == 1 else columns_together(blocks)


def apart(table: Any, arrays: Sequence[Any]) -> list[Any]:
    """Cut a table as `together` has put it together.

    Parameters
    ----------
    table : {ndarray, sparse matrix, dataframe} of shape (n_rows_out, n_columns)
    arrays : sequence of {ndarray, sparse matrix, dataframe} of shape (n_rows, ...)
        What it was made of.

    Returns
    -------
    list of {ndarray, sparse matrix, dataframe} of shape (n_rows_out, ...)

    Raises
    ------
    ShapeError
        If the table has more or fewer columns than `arrays` have.
    """
    widths = [_width(array) for array in arrays]
    n_columns = np.shape(table)[1] if len(np.shape(table)) == 2 else -1
    if n_columns != sum(widths):
        raise ShapeError(
            f"The sampler was given {sum(widths)} columns and gave back an array of shape "
            f"{np.shape(table)}. Change the rows alone in fit_resample; columns belong to a layer "
            "with transform."
        )
    ends = np.cumsum(widths)
    return [
        _restored(_columns(table, int(end) - width, int(end)), array)
        for array, width, end in zip(arrays, widths, ends, strict=True)
    ]


def same_rows(one: Any, other: Any) -> bool:
    """Tell whether two tables hold the same, whatever their rows are called.

    Parameters
    ----------
    one, other : {ndarray, sparse matrix, dataframe} of shape (n_rows, n_columns)

    Returns
    -------
    bool
    """
    if np.shape(one) != np.shape(other) or sparse.issparse(one) != sparse.issparse(other):
        return False
    if sparse.issparse(one):
        left, right = one.tocsr(), other.tocsr()
        parts = ((left.indptr, right.indptr), (left.indices, right.indices))
        same = all(np.array_equal(a, b) for a, b in parts)
        return same and pd.Series(left.data).equals(pd.Series(right.data))
    tables = [pd.DataFrame(table).reset_index(drop=True) for table in (one, other)]
    return bool(tables[0].equals(tables[1]))


def _laid_out(array: Any) -> Any:
    if sparse.issparse(array) or isinstance(array, pd.DataFrame):
        return array
    if is_frame(array):  # samplers know pandas only
        return _as_pandas(array)
    return array.reshape(array.shape[0], -1)


def _as_pandas(frame: Any) -> pd.DataFrame:
    names = column_names(frame)
    return pd.DataFrame({name: select_column(frame, n) for n, name in enumerate(names)})


def _width(array: Any) -> int:
    return int(np.prod(array.shape[1:]))


def _columns(table: Any, start: int, end: int) -> Any:
    if isinstance(table, pd.DataFrame):
        return table.iloc[:, start:end]
    if sparse.issparse(table):
        return table.tocsr()[:, start:end]
    return np.asarray(table)[:, start:end]


def _restored(block: Any, array: Any) -> Any:
    """Give a block of columns the kind, shape and dtype of an array."""
    if sparse.issparse(array):
        return type(array)(block).astype(array.dtype)
    if sparse.issparse(block):
        block = block.toarray()
    if isinstance(array, pd.DataFrame):
        frame = pd.DataFrame(block)
        frame.columns = array.columns
        pairs = zip(array.columns, array.dtypes, strict=True)
        return frame if frame.dtypes.equals(array.dtypes) else frame.astype(dict(pairs))
    if is_frame(array):
        frame = pd.DataFrame(block)
        columns = {name: select_column(frame, n) for n, name in enumerate(column_names(array))}
        return nw.from_dict(columns, backend=nw.get_native_namespace(array)).to_native()
    values = np.asarray(block)
    if array.dtype.kind in "iub" and values.dtype.kind == "f":
        values = np.rint(values)  # new rows lie between others
    return values.astype(array.dtype, copy=False).reshape(-1, *array.shape[1:])
