"""Digests of arrays and tables by content.

The memory of an array is hashed where it lies. Layout counts: sums over the rows and over
the columns of memory may differ in the last bit, and then so does what is computed from
them. Columns of a table count by their values alone.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
import xxhash
from numpy.typing import NDArray

from skmegatron.io.digest.framing import framed
from skmegatron.optional import optional

ValueDigest = Callable[[Any], bytes]

#: Of which pickle says all by itself, so that many of them need no look of ours.
_ATOMS = {str, int, float, bool, bytes, type(None), Decimal, date, timedelta}
_SPARSE_PARTS = {
    "csr": ("data", "indices", "indptr"),
    "csc": ("data", "indices", "indptr"),
    "bsr": ("data", "indices", "indptr"),
    "coo": ("data", "coords"),
    "dia": ("data", "offsets"),
    "lil": ("data", "rows"),
}


def array_digest(array: Any, of_value: ValueDigest) -> bytes:
    """Digest an array or a sparse matrix.

    Parameters
    ----------
    array : {ndarray, sparse matrix} of shape (n_rows, ...)
    of_value : callable
        Gives the digest of an object that an array of objects holds.

    Returns
    -------
    bytes of length 16
    """
    if not isinstance(array, np.ndarray):
        return _of_sparse(array, of_value)
    if array.flags.c_contiguous:
        layout, content = "C", array
    elif array.flags.f_contiguous:
        layout, content = "F", array.T
    else:
        layout, content = _layout(array), np.ascontiguousarray(array)
    head = f"{array.shape} {layout} ".encode() + _of_dtype(array.dtype, of_value)
    return framed(head, _memory(content, of_value))


def _layout(array: NDArray[Any]) -> str:
    """Tell in which order memory walks the axes of an array with gaps."""
    order = sorted(range(array.ndim), key=lambda axis: -abs(array.strides[axis]))
    return f"gaps {[(axis, array.strides[axis] < 0) for axis in order]}"


def _of_dtype(dtype: np.dtype[Any], of_value: ValueDigest) -> bytes:
    if dtype.metadata is None and dtype.names is None and dtype.kind not in "VT":
        return dtype.str.encode()
    return of_value(dtype)


def _memory(array: NDArray[Any], of_value: ValueDigest) -> bytes:
    """Digest the content of an array that lies in C order."""
    if array.dtype.kind == "O":
        return _of_objects(array.ravel().tolist(), of_value)
    if array.dtype.kind == "T":  # its memory holds pointers
        return _of_objects(array.astype(object).ravel().tolist(), of_value)
    if array.dtype.hasobject:
        parts = [array_digest(array[name], of_value) for name in array.dtype.names or ()]
        return framed(*parts)
    # Numpy shows no memory of length 0.
    content: Any = array if array.nbytes else b""
    return xxhash.xxh3_128_digest(content)


def _of_objects(values: list[Any], of_value: ValueDigest) -> bytes:
    if not _ATOMS.issuperset(map(type, values)):
        return of_value(values)
    hasher = xxhash.xxh3_128()
    pickler = pickle.Pickler(_Sink(hasher), protocol=5)
    pickler.fast = True  # or equal text would be told apart by identity
    pickler.dump(values)
    return hasher.digest()


class _Sink:
    """A file that is hashed instead of kept."""

    __slots__ = ("write",)

    def __init__(self, hasher: Any) -> None:
        self.write = hasher.update


def _of_sparse(matrix: Any, of_value: ValueDigest) -> bytes:
    head = f"{type(matrix).__name__} {matrix.shape} {matrix.dtype.str}".encode()
    plain = matrix if matrix.format in _SPARSE_PARTS else matrix.tocoo()
    parts: list[bytes] = []
    for name in _SPARSE_PARTS[plain.format]:
        part = getattr(plain, name)
        arrays = part if isinstance(part, tuple) else (part,)
        parts += [array_digest(array, of_value) for array in arrays]
    return framed(head, *parts)


def is_table(data: Any) -> bool:
    """Tell whether `data` is a dataframe, a series or an index of a library that is known.

    Parameters
    ----------
    data : object

    Returns
    -------
    bool
    """
    if isinstance(data, pd.DataFrame | pd.Series | pd.Index):
        return True
    packages = {base.__module__.partition(".")[0] for base in type(data).__mro__}
    if packages.isdisjoint({"polars", "pyarrow"}):
        return False
    return bool(nw.dependencies.is_into_dataframe(data) or nw.dependencies.is_into_series(data))


def table_digest(table: Any, of_value: ValueDigest) -> bytes:
    """Digest a dataframe, series or index: names, dtypes, values.

    Parameters
    ----------
    table : {dataframe, series, index} of shape (n_rows, ...)
    of_value : callable

    Returns
    -------
    bytes of length 16

    Notes
    -----
    How pandas holds its columns together - in blocks, in chunks - is left out.
    """
    kind = type(table).__name__.encode()
    if isinstance(table, pd.DataFrame):
        columns = [_of_column(column, of_value) for _, column in table.items()]
        names = _of_index(table.columns, of_value)
        index = _of_index(table.index, of_value)
        return framed(kind, names, index, of_value(table.attrs or None), *columns)
    if isinstance(table, pd.Series):
        index = _of_index(table.index, of_value)
        attrs = of_value(table.attrs or None)
        return framed(kind, of_value(table.name), index, attrs, _of_column(table, of_value))
    if isinstance(table, pd.Index):
        return framed(kind, _of_index(table, of_value))
    return framed(kind, *_other_columns(table, of_value))


def _of_index(index: pd.Index, of_value: ValueDigest) -> bytes:
    names = of_value(list(index.names))
    if isinstance(index, pd.RangeIndex):
        return framed(b"range", names, f"{index.start} {index.stop} {index.step}".encode())
    if isinstance(index, pd.MultiIndex):
        levels = [_of_index(level, of_value) for level in index.levels]
        codes = [array_digest(np.asarray(codes), of_value) for codes in index.codes]
        return framed(b"levels", names, *levels, *codes)
    kind = f"{type(index).__name__} {getattr(index, 'freqstr', None)}".encode()
    return framed(kind, names, _of_column(index, of_value))


def _of_column(column: Any, of_value: ValueDigest) -> bytes:
    dtype = column.dtype
    head = repr(dtype).encode()
    if isinstance(dtype, np.dtype):
        values = np.ascontiguousarray(column.to_numpy())
        return framed(_of_dtype(dtype, of_value), _memory(values, of_value))
    if isinstance(dtype, pd.CategoricalDtype):
        values = column.cat.codes.to_numpy() if isinstance(column, pd.Series) else column.codes
        categories = _of_index(dtype.categories, of_value)
        return framed(head, categories, str(dtype.ordered).encode(), _memory(values, of_value))
    if isinstance(dtype, pd.DatetimeTZDtype):
        values = column.to_numpy(f"M8[{dtype.unit}]")
        return framed(head, _memory(np.ascontiguousarray(values), of_value))
    if hasattr(column.array, "__arrow_array__") and _in_arrow(dtype):
        return framed(head, _of_arrow(column.array.__arrow_array__()))
    numbers = getattr(dtype, "numpy_dtype", None)
    if isinstance(numbers, np.dtype) and numbers.kind in "biuf":
        gaps = np.ascontiguousarray(column.isna())
        values = column.to_numpy(dtype=numbers, na_value=numbers.type(0))
        return framed(head, _memory(gaps, of_value), _memory(values, of_value))
    return framed(head, _of_objects(list(column.to_numpy(dtype=object)), of_value))


def _in_arrow(dtype: Any) -> bool:
    return isinstance(dtype, pd.ArrowDtype) or getattr(dtype, "storage", None) == "pyarrow"


def _other_columns(table: Any, of_value: ValueDigest) -> Iterator[bytes]:
    """Digest a table of polars or pyarrow."""
    if nw.dependencies.is_into_series(table):
        table = nw.from_native(table, series_only=True).to_frame().to_native()
    frame = nw.from_native(table, eager_only=True)
    for name in frame.columns:
        column = frame[name]
        head = f"{name!r} {column.dtype!r}".encode("utf-8", "surrogatepass")
        if column.dtype.is_numeric() and not column.null_count() and not column.dtype.is_decimal():
            values = np.ascontiguousarray(column.to_numpy())
            yield framed(head, values.dtype.str.encode(), _memory(values, of_value))
        elif nw.dependencies.is_pyarrow_table(table):
            yield framed(head, _of_arrow(column.to_native()))
        else:
            native = column.to_native()
            plain = native.to_physical() if column.dtype.is_temporal() else native
            yield framed(head, _of_objects(plain.to_list(), of_value))


def _of_arrow(column: Any) -> bytes:
    """Digest a column of pyarrow, in chunks or not."""
    arrow = optional("pyarrow", extra="arrow", purpose="Hashing a table of pyarrow")
    table = arrow.table({"": column})
    # Taking every row lays the values out afresh: a slice keeps the bits of its neighbours.
    whole = table.take(arrow.array(np.arange(len(table)))).combine_chunks()
    sink = arrow.BufferOutputStream()
    with arrow.ipc.new_stream(sink, whole.schema) as stream:
        stream.write_table(whole)
    return xxhash.xxh3_128_digest(sink.getvalue())
