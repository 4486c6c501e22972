"""A digest of each row, which tells whether its content has changed since it was stored."""

from __future__ import annotations

import os
import pickle
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import xxhash
from numpy.typing import NDArray
from scipy import sparse

from skmegatron.io.tables import column_names, is_frame, select_column

# Types of which the repr tells all.
_EXACT = {bool, int, float, complex, bytes, type(None), Decimal, date, datetime, time, timedelta}

#: Bytes of a digest.
SIZE = 16


def row_digests(arrays: Mapping[str, Any]) -> NDArray[np.uint8]:
    """Hash each row over all arrays, by name, dtype, shape and content.

    Parameters
    ----------
    arrays : mapping of str to {ndarray, sparse matrix, dataframe} of shape (n_rows, ...)

    Returns
    -------
    ndarray of uint8 of shape (n_rows, 16)

    Notes
    -----
    The digests are XXH3 of 128 bits. That finds every change that was not made to escape it.

    Examples
    --------
    >>> import numpy as np
    >>> from skmegatron.io.rowhash import row_digests
    >>> first = row_digests({"x": np.array([1, 2, 3])})
    >>> (first == row_digests({"x": np.array([1, 5, 3])})).all(axis=1)
    array([ True, False,  True])
    """
    n_rows = next((int(array.shape[0]) for array in arrays.values()), 0)
    if n_rows == 0:
        return np.empty((0, SIZE), dtype=np.uint8)
    columns = [column for name, array in arrays.items() for column in _columns(name, array)]
    seed = xxhash.xxh3_64_intdigest(repr([head for head, _ in columns]).encode())
    rows: Iterable[Any] = _joined_rows(
        [c for _, c in columns if isinstance(c, np.ndarray)], n_rows
    )
    others = [column for _, column in columns if isinstance(column, list)]
    if others:
        rows = (b"".join((row, *parts)) for row, *parts in zip(rows, *others, strict=True))
    digest = xxhash.xxh3_128_digest
    joined = b"".join([digest(row, seed) for row in rows])
    return np.frombuffer(joined, dtype=np.uint8).reshape(n_rows, SIZE)


def _joined_rows(blocks: list[NDArray[np.uint8]], n_rows: int) -> Iterable[Any]:
    """Give the bytes of each row over blocks of bytes of shape (n_rows, n_bytes)."""
    width = sum(block.shape[1] for block in blocks)
    if not width:
        return [b""] * n_rows
    data = np.concatenate(blocks, axis=1).ravel().data
    return (data[start : start + width] for start in range(0, n_rows * width, width))


def _columns(name: str, array: Any) -> list[tuple[Any, Any]]:
    """Give what tells a column from others, and the bytes of each of its rows."""
    if is_frame(array):
        names = column_names(array)
        parts = [(label, select_column(array, place)) for place, label in enumerate(names)]
        return [part for label, column in parts for part in _columns(f"{name}.{label}", column)]
    if sparse.issparse(array):
        rows = array.tocsr()
        if not rows.has_canonical_format:
            rows = rows.copy()  # or what is fed would be put in order
            rows.sum_duplicates()
        cells = zip(rows.indptr[:-1], rows.indptr[1:], strict=True)
        blobs = [
            _framed(rows.indices[start:end].tobytes() + rows.data[start:end].tobytes())
            for start, end in cells
        ]
        return [((name, "sparse", str(rows.dtype), rows.shape[1]), blobs)]
    head = (name, array.dtype.str, array.shape[1:])
    if array.dtype == object:
        flat = array.reshape(len(array), -1)
        return [(head, [b"".join(map(_of_object, row)) for row in flat])]
    wide = np.ascontiguousarray(array).reshape(len(array), -1)
    if array.dtype.kind in "UT":  # as wide as the longest of the batch: that says nothing
        head = (name, "U", array.shape[1:])
        return [(head, [b"".join(map(_of_object, row)) for row in wide.tolist()])]
    if array.dtype.kind in "Mm":
        wide = wide.view(np.int64)
    return [(head, wide.view(np.uint8).reshape(len(array), -1))]


def _of_object(value: Any) -> bytes:
    """Give bytes that tell a Python object from others; where nothing can, it is always new."""
    if isinstance(value, str):
        return _framed(b"s" + value.encode("utf-8", "surrogatepass"))
    if isinstance(value, np.ndarray) and value.dtype != object:
        head = repr((value.dtype.str, value.shape)).encode()
        return _framed(b"a" + head + np.ascontiguousarray(value).tobytes())
    if isinstance(value, list | tuple | np.ndarray):
        kind = f"{type(value).__name__} {getattr(value, 'shape', '')}".encode()
        return _framed(kind + b"".join(_of_object(item) for item in value))
    if type(value) in _EXACT:
        return _framed(f"{type(value).__name__} {value!r}".encode())
    try:
        return _framed(b"p" + pickle.dumps(value, protocol=5))
    except Exception:  # noqa: BLE001 - a digest that never comes again stands for it
        return _framed(os.urandom(SIZE))


def _framed(content: bytes) -> bytes:
    return len(content).to_bytes(8, "little") + content
