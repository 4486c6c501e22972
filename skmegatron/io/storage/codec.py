"""Arrays to what a database holds, and back, bit for bit and without pickle.

A column is a `Form`, which is written once, and its values, which are either an array
(numbers, one per row or many) or a list with one text or bytes per row:

======== ============================== ===================== =========
kind     columns                        values                SQL type
======== ============================== ===================== =========
boolean  booleans, one per row          array                 boolean
integer  integers, dates, one per row   array                 integer
real     floats, one per row            array, NaN is NULL    real
raw      any numbers of any shape       array                 blob
text     strings or mixed scalars       list of str or None   text
json     tables of strings or scalars   list of str           text
bytes    bytes                          list of bytes or None blob
sparse   sparse rows                    list of bytes         blob
======== ============================== ===================== =========
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from skmegatron.errors import ShapeError
from skmegatron.io.storage.forms import Form, Packed
from skmegatron.io.storage.scalars import from_json, from_text, to_text
from skmegatron.io.tables import as_values, column_names, is_frame, select_block


def pack(name: str, column: Any) -> Packed:
    """Get a column ready to be stored.

    Parameters
    ----------
    name : str
        What to call it in an error.
    column : {ndarray, sparse matrix, dataframe} of shape (n_rows, ...)

    Returns
    -------
    Packed

    Raises
    ------
    TypeError
        If it could only be pickled.
    ShapeError
        If it is a single value.
    """
    if sparse.issparse(column):
        return _pack_sparse(name, column)
    if is_frame(column):
        column = select_block(column, range(len(column_names(column))))
    array = as_values(column, name)
    if isinstance(array, np.ma.MaskedArray):
        raise TypeError(
            f"{name!r} is a masked array, whose mask would be lost. Store {name}.filled(...)."
        )
    if array.ndim == 0:
        raise ShapeError(f"{name!r} is a single value, {array!r}; expected one per row.")
    packer = _PACKERS.get(array.dtype.kind)
    if packer is None:
        raise _unstorable(name, f"dtype {array.dtype}")
    try:
        return packer(array)
    except TypeError as error:
        raise _unstorable(name, str(error).partition(" Nothing is pickled")[0]) from None


def _unstorable(name: str, what: str) -> TypeError:
    return TypeError(
        f"{name!r} cannot be stored: {what.rstrip('.')}. Nothing is pickled into a store. Return "
        "an array of numbers, strings, bytes or dates, or one output per field."
    )


def _pack_numbers(array: NDArray[Any]) -> Packed:
    array = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    kind = {"b": "boolean", "i": "integer", "u": "integer", "f": "real"}.get(
        array.dtype.kind, "integer" if array.dtype.kind in "mM" else "raw"
    )
    # SQL integers end at 2**63, SQL floats have 64 bits.
    wide = array.dtype == np.uint64 or array.dtype.itemsize > 8
    if array.ndim > 1 or wide:
        kind = "raw"
    return Packed(Form(kind, str(array.dtype), array.shape[1:]), array)


def _pack_strings(array: NDArray[Any]) -> Packed:
    dtype = "StringDType" if array.dtype.kind == "T" else str(array.dtype.newbyteorder("<"))
    if dtype == "StringDType" and array.dtype != np.dtypes.StringDType():
        return _pack_objects(array.astype(object))
    if array.ndim > 1:
        return Packed(Form("json", dtype, array.shape[1:]), _json_rows(array))
    return Packed(Form("text", dtype, ()), _texts(array.tolist()))


def _pack_objects(array: NDArray[Any]) -> Packed:
    if array.ndim > 1:
        return Packed(Form("json", "object", array.shape[1:]), _json_rows(array))
    values = array.tolist()
    kinds = set(map(type, values)) - {type(None)}
    if kinds == {bytes}:
        return Packed(Form("bytes", "object", ()), values)
    return Packed(Form("text", "object", ()), _texts(values))


def _pack_bytes(array: NDArray[Any]) -> Packed:
    if array.ndim > 1:
        array = np.ascontiguousarray(array)
        return Packed(Form("raw", str(array.dtype), array.shape[1:]), array)
    return Packed(Form("bytes", str(array.dtype), ()), array.tolist())


_PACKERS: dict[str, Callable[[NDArray[Any]], Packed]] = {
    **dict.fromkeys("biufcmM", _pack_numbers),
    **dict.fromkeys("UT", _pack_strings),
    "S": _pack_bytes,
    "O": _pack_objects,
}


def _texts(values: list[Any]) -> list[str | None]:
    """Strings as themselves, None as itself, all else as a backslash and JSON.

    So are strings that begin with a backslash or that some database cannot hold.
    """
    if set(map(type, values)) == {str}:
        together = "".join(values)
        if "\\" not in together and "\0" not in together and _encodes(together):
            return values
    return [_text(value) for value in values]


def _text(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, str) and value[:1] != "\\" and "\0" not in value and _encodes(value):
        return str.__str__(value)  # an enum's own would be its name
    return "\\" + to_text(value)


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _json_rows(array: NDArray[Any]) -> list[str]:
    width = int(np.prod(array.shape[1:]))
    flat = [to_text(value) for value in array.reshape(-1).tolist()]
    return [
        "[" + ",".join(flat[row * width : (row + 1) * width]) + "]" for row in range(len(array))
    ]


def _pack_sparse(name: str, column: Any) -> Packed:
    rows = column.tocsr()
    if rows.ndim != 2 or rows.dtype.kind not in "biufc":
        raise _unstorable(name, f"sparse with {rows.ndim} axes and dtype {rows.dtype}")
    container = "csr_array" if isinstance(column, sparse.sparray) else "csr_matrix"
    form = Form("sparse", str(rows.dtype.newbyteorder("<")), rows.shape[1:], container)
    places = memoryview(rows.indices.astype(_index_dtype(form)).tobytes())
    data = memoryview(rows.data.astype(form.np_dtype).tobytes())
    one, other = _index_dtype(form).itemsize, form.np_dtype.itemsize
    ends = rows.indptr.tolist()
    cells = [
        bytes(places[start * one : end * one]) + bytes(data[start * other : end * other])
        for start, end in pairwise(ends)
    ]
    return Packed(form, cells)


def _index_dtype(form: Form) -> np.dtype[Any]:
    return np.dtype("<i4" if form.shape[0] < 2**31 else "<i8")


def pack_all(keys: Sequence[str], columns: Mapping[str, Any]) -> dict[str, Packed]:
    """Get all columns ready to be stored.

    Parameters
    ----------
    keys : sequence of str
    columns : mapping of str to {ndarray, sparse matrix, dataframe} of shape (n_rows, ...)

    Returns
    -------
    dict of str to Packed

    Raises
    ------
    ShapeError
        If a column has another number of rows than there are keys.
    ValueError
        If a key occurs twice.
    TypeError
        If a column could only be pickled.
    """
    if len(set(keys)) < len(keys):
        raise ValueError("Every row needs a key of its own, got one of them twice.")
    packed = {name: pack(name, column) for name, column in columns.items()}
    for name, column in packed.items():
        if len(column.values) != len(keys):
            raise ShapeError(
                f"{name!r} has {len(column.values)} rows for {len(keys)} indices; expected one "
                "index per row."
            )
    return packed


def restore(form: Form, values: Any) -> Any:
    """Make the array that was packed.

    Parameters
    ----------
    form : Form
    values : ndarray or list

    Returns
    -------
    {ndarray, sparse matrix} of shape (n_rows, ...)
    """
    if isinstance(values, np.ndarray):
        return values
    if form.kind == "sparse":
        return _restore_sparse(form, values)
    if form.kind == "json":
        flat = [
            from_json(value)
            for value in json.loads("[" + ",".join(values) + "]")
            for value in value
        ]
        return _filled(flat, form).reshape(len(values), *form.shape)
    if form.kind == "text":
        escaped = any(value is not None and value[:1] == "\\" for value in values)
        return _filled([_unescaped(value) for value in values] if escaped else values, form)
    return _filled(values, form)


def _unescaped(value: str | None) -> Any:
    return from_text(value[1:]) if value is not None and value[:1] == "\\" else value


def _filled(values: Sequence[Any], form: Form) -> NDArray[Any]:
    array = np.empty(len(values), dtype=form.np_dtype)
    array[:] = values
    return array


def _restore_sparse(form: Form, cells: list[bytes]) -> Any:
    one, other = _index_dtype(form).itemsize, form.np_dtype.itemsize
    counts = np.array([len(cell) // (one + other) for cell in cells], dtype=np.int64)
    places = b"".join([c[: n * one] for c, n in zip(cells, counts.tolist(), strict=True)])
    data = b"".join([c[n * one :] for c, n in zip(cells, counts.tolist(), strict=True)])
    ends = np.concatenate([[0], np.cumsum(counts)])
    make = sparse.csr_array if form.container == "csr_array" else sparse.csr_matrix
    return make(
        (
            np.frombuffer(data, form.np_dtype).copy(),
            np.frombuffer(places, _index_dtype(form)),
            ends,
        ),
        shape=(len(cells), *form.shape),
    )


def to_cells(packed: Packed) -> Sequence[Any]:
    """Give one value per row as SQL drivers take them.

    Parameters
    ----------
    packed : Packed

    Returns
    -------
    sequence of bool, int, float, str, memoryview, bytes or None
    """
    values = packed.values
    if isinstance(values, list):
        return values
    if packed.form.kind == "raw":
        return _raw_cells(values)
    if values.dtype.kind in "mM":
        return list(values.view(np.int64).tolist())
    cells = values.tolist()
    if packed.form.kind == "real" and np.isnan(values).any():
        cells = [None if value != value else value for value in cells]
    return list(cells)


def _raw_cells(values: NDArray[Any]) -> Sequence[Any]:
    size = values.dtype.itemsize * int(np.prod(values.shape[1:]))
    if size == 0:
        return [b""] * len(values)
    together = values.reshape(-1).view(np.uint8).data
    return [together[start : start + size] for start in range(0, len(together), size)]


def from_cells(form: Form, cells: Sequence[Any]) -> Any:
    """Make the array out of one value per row as SQL drivers give them.

    Parameters
    ----------
    form : Form
    cells : sequence

    Returns
    -------
    {ndarray, sparse matrix} of shape (n_rows, ...)
    """
    if form.kind == "raw":
        together = bytearray().join(cells)
        if not together:
            return np.empty((len(cells), *form.shape), dtype=form.np_dtype)
        return np.frombuffer(together, form.np_dtype).reshape(len(cells), *form.shape)
    if form.kind == "real":
        values = np.array(cells, dtype=np.float64)  # None becomes NaN
        return values.astype(form.np_dtype, copy=False)
    if form.kind == "integer" and form.np_dtype.kind in "mM":
        return np.array(cells, dtype=np.int64).view(form.np_dtype)
    if form.kind in ("integer", "boolean"):
        return np.array(cells, dtype=form.np_dtype)
    if form.kind in ("bytes", "sparse"):
        cells = [cell if type(cell) is bytes or cell is None else bytes(cell) for cell in cells]
    return restore(form, list(cells))
