"""Sparse columns side by side.

scipy takes every block apart into rows, columns and values, 20 bytes or more for each, before it
puts them together. Blocks of compressed rows need none of that: where each entry ends follows
from how many entries of its row stand before it. Mostly all rows of a block have as many.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse


def stack_columns(blocks: Sequence[Any]) -> Any:
    """Put sparse matrices, and arrays beside them, side by side.

    Parameters
    ----------
    blocks : sequence of {sparse matrix, ndarray} of shape (n_rows, n_columns)
        At least one of them sparse.

    Returns
    -------
    {csr_array, csr_matrix} of shape (n_rows, n_columns)
        What ``scipy.sparse.hstack(blocks, format="csr")`` gives; float16 arrays and swapped
        bytes, which it refuses, come in as float32 and in the order of the machine.
    """
    blocks = [block if sparse.issparse(block) else _holdable(block) for block in blocks]
    if not all(_can_be_rows(block) for block in blocks):
        return sparse.hstack(blocks, format="csr")
    rows = [block if sparse.issparse(block) else _compressed(block) for block in blocks]
    n_entries = sum(block.nnz for block in rows)
    if not n_entries:
        return sparse.hstack(blocks, format="csr")
    shape = rows[0].shape[0], sum(block.shape[1] for block in rows)
    small = max(n_entries, *shape) <= np.iinfo(np.int32).max
    data: NDArray[Any] = np.empty(n_entries, np.result_type(*(block.dtype for block in rows)))
    indices: NDArray[Any] = np.empty(n_entries, np.int32 if small else np.int64)
    even = all(_is_even(block) for block in rows)
    ends = (_lay_evenly if even else _lay)(rows, data, indices)
    kind = sparse.csr_array if any(_is_array(block) for block in blocks) else sparse.csr_matrix
    return kind((data, indices, ends), shape=shape)


def _can_be_rows(block: Any) -> bool:
    if sparse.issparse(block):
        return block.format == "csr" and block.ndim == 2 and bool(block.has_canonical_format)
    return block.ndim == 2 and block.dtype.kind in "biuf"


def _holdable(dense: NDArray[Any]) -> NDArray[Any]:
    native = dense.dtype.newbyteorder("=")
    return dense.astype(np.float32 if native == np.float16 else native, copy=False)


def _is_array(block: Any) -> bool:
    return isinstance(block, sparse.sparray)


def _compressed(dense: NDArray[Any]) -> Any:
    """Give what is not 0 as compressed rows."""
    n_rows, n_columns = dense.shape
    held = dense != 0
    columns = np.broadcast_to(np.arange(n_columns, dtype=np.int32), dense.shape)
    ends = np.zeros(n_rows + 1, np.int64)
    np.cumsum(np.count_nonzero(held, axis=1), out=ends[1:])
    full = ends[-1] == dense.size
    data, indices = (dense, columns) if full else (dense[held], columns[held])
    return sparse.csr_array((data.ravel(), indices.ravel(), ends), shape=dense.shape)


def _is_even(block: Any) -> bool:
    """Tell whether every row has as many entries."""
    count = block.nnz // block.shape[0]
    return bool((np.diff(block.indptr) == count).all())


def _lay_evenly(blocks: Sequence[Any], data: NDArray[Any], indices: NDArray[Any]) -> NDArray[Any]:
    """Lay out blocks in which every row has as many entries, and give where each row ends."""
    n_rows = blocks[0].shape[0]
    wide_data, wide_indices = data.reshape(n_rows, -1), indices.reshape(n_rows, -1)
    start = offset = 0
    for block in blocks:
        end = start + block.nnz // n_rows
        wide_data[:, start:end] = block.data[: block.nnz].reshape(n_rows, -1)
        own = block.indices[: block.nnz].reshape(n_rows, -1)
        np.add(own, offset, out=wide_indices[:, start:end], casting="unsafe")
        start, offset = end, offset + block.shape[1]
    return np.arange(0, len(data) + 1, start, dtype=indices.dtype)


def _lay(blocks: Sequence[Any], data: NDArray[Any], indices: NDArray[Any]) -> NDArray[Any]:
    """Lay out blocks row by row, and give where each row ends."""
    counts = [np.diff(block.indptr) for block in blocks]
    ends = np.zeros(len(blocks[0].indptr), indices.dtype)
    np.cumsum(sum(counts), out=ends[1:])
    begin, offset = ends[:-1].copy(), 0
    for block, count in zip(blocks, counts, strict=True):
        # An entry moves as far as its row does.
        where = np.repeat(begin - block.indptr[:-1], count)
        where += np.arange(block.nnz, dtype=where.dtype)
        data[where] = block.data[: block.nnz]
        indices[where] = block.indices[: block.nnz] + offset
        begin += count.astype(begin.dtype, copy=False)
        offset += block.shape[1]
    return ends
