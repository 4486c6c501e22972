"""Tables of any library, seen one way.

Dataframes (pandas, polars, pyarrow) are read through narwhals, sparse matrices through
scipy, and everything else through numpy. These few functions are all that the rest of
the library knows about containers.
"""

from __future__ import annotations

import reprlib
from collections.abc import Sequence
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.types import is_bool_dtype
from scipy import sparse

from skmegatron.errors import ShapeError
from skmegatron.io.fewrows import few_rows, few_rows_joined
from skmegatron.io.stacking import stack_columns

#: What most data comes as that is no dataframe.
_NO_FRAMES = (np.ndarray, sparse.csr_matrix, sparse.csr_array, dict, list, type(None))
#: From so many rows on it is worth a look whether text is repeated.
_MANY = 10_000


def is_frame(data: Any) -> bool:
    """Tell whether `data` is a dataframe of any library that narwhals reads.

    Parameters
    ----------
    data : object
        Anything.

    Returns
    -------
    bool
    """
    if type(data) in _NO_FRAMES:  # narwhals asks one library after the other
        return False
    return isinstance(data, pd.DataFrame) or bool(nw.dependencies.is_into_dataframe(data))


def column_names(frame: Any) -> list[Any]:
    """List the names of a dataframe's columns, in order.

    Parameters
    ----------
    frame : dataframe

    Returns
    -------
    list
        Names as the dataframe has them; pandas allows names that are not strings.
    """
    names = getattr(frame, "columns", None)
    if isinstance(frame, pd.DataFrame) and names is not None:
        return list(names)  # narwhals refuses names that are not strings
    return list(nw.from_native(frame, eager_only=True).columns)


def select_column(frame: Any, position: int) -> NDArray[Any]:
    """Take one column of a dataframe as an array with the column's own dtype.

    Parameters
    ----------
    frame : dataframe of shape (n_rows, n_columns)
    position : int

    Returns
    -------
    ndarray of shape (n_rows, ...)
        A column of equally shaped arrays or lists comes back stacked.
    """
    if isinstance(frame, pd.DataFrame):
        labels = frame.columns
        # By its label a column is found in half the time, where the label means just that one.
        label = labels[position] if type(labels) is pd.Index and labels.is_unique else None
        column = frame[label] if type(label) is str else frame.iloc[:, position]
        values = _shared_text(column) if _repeats_text(column) else _with_nan(column)
    else:
        values = _plain(nw.from_native(frame, eager_only=True)[:, position]).to_numpy()
    return _stacked(np.asarray(values))


def _with_nan(column: Any) -> NDArray[Any]:
    """Give a pandas column as an array: booleans with gaps as scikit-learn reads them."""
    values: NDArray[Any] = column.to_numpy()
    if values.dtype == object and _may_lack_booleans(column.dtype):
        return np.asarray(column.to_numpy(dtype=float, na_value=np.nan))
    return values


def _may_lack_booleans(dtype: Any) -> bool:
    return isinstance(dtype, pd.BooleanDtype | pd.ArrowDtype) and is_bool_dtype(dtype)


def _repeats_text(column: Any) -> bool:
    """Tell whether a pandas column holds few texts many times, as far as a look at it tells."""
    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return isinstance(dtype.categories.dtype, pd.StringDtype)
    if not isinstance(dtype, pd.StringDtype) or len(column) < _MANY:
        return False
    some = column.iloc[:: len(column) // 1000]
    return bool(some.nunique() < len(some) / 2)


def _shared_text(column: Any) -> NDArray[Any]:
    """Give a column of text as objects, each text once: pandas makes one for every row."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        codes, texts = column.cat.codes.to_numpy(), column.cat.categories
        gap = texts.dtype.na_value
    else:
        (codes, texts), gap = pd.factorize(column), column.dtype.na_value
    objects = np.append(texts.to_numpy(dtype=object), gap)
    shared: NDArray[Any] = objects.take(codes)  # of what is missing the code is -1: the last
    return shared


def select_objects(frame: Any, position: int) -> NDArray[Any]:
    """Take one column of a dataframe as the objects that it holds.

    Integers stay integers where others are missing, which numpy's integers cannot be.

    Parameters
    ----------
    frame : dataframe of shape (n_rows, n_columns)
    position : int

    Returns
    -------
    ndarray of shape (n_rows, ...)
        A column of equally shaped arrays or lists comes back stacked.
    """
    if isinstance(frame, pd.DataFrame):
        column = frame.iloc[:, position]
        missing = {} if isinstance(column.dtype, np.dtype) else {"na_value": np.nan}
        return _stacked(column.to_numpy(dtype=object, **missing))
    objects = nw.from_native(frame, eager_only=True)[:, position].to_list()
    return _stacked(np.fromiter(objects, dtype=object, count=len(objects)))


def _plain(series: Any) -> Any:
    """Give a dictionary of pyarrow as its values, because its to_numpy fills their gaps."""
    native = series.to_native()
    if str(getattr(native, "type", "")).startswith("dictionary"):
        return nw.from_native(native.cast(native.type.value_type), series_only=True)
    return series


def _stacked(values: NDArray[Any]) -> NDArray[Any]:
    """Turn an array of arrays or lists into one array."""
    if values.dtype != object or not values.size:
        return values
    if not isinstance(values.flat[0], list | np.ndarray):
        return values
    parts = [_stacked(np.asarray(value)) for value in values]
    for row, part in enumerate(parts):
        if part.shape != parts[0].shape:
            raise ValueError(
                f"row 0 has {reprlib.repr(values[0])}, row {row} has {reprlib.repr(values[row])}"
            )
    return np.stack(parts)


def select_block(frame: Any, positions: Sequence[int]) -> NDArray[Any]:
    """Take several columns of a dataframe as one 2-D array.

    Parameters
    ----------
    frame : dataframe of shape (n_rows, n_columns)
    positions : sequence of int

    Returns
    -------
    ndarray of shape (n_rows, len(positions))
        Of the columns' common dtype; object where text and numbers meet.
    """
    block: NDArray[Any] = columns_together([select_column(frame, place) for place in positions])
    return block


def drop_columns(frame: Any, names: Sequence[str]) -> Any:
    """Give a dataframe without some of its columns.

    Parameters
    ----------
    frame : dataframe
    names : sequence of str

    Returns
    -------
    dataframe
    """
    if isinstance(frame, pd.DataFrame):
        return frame.drop(columns=list(names))
    return nw.to_native(nw.from_native(frame, eager_only=True).drop(list(names)))


def columns_together(arrays: Sequence[Any]) -> Any:
    """Put arrays side by side as the columns of one 2-D array.

    Parameters
    ----------
    arrays : sequence of array-like of shape (n_rows,) or (n_rows, n_columns)
        Sparse and dense may be mixed: the result is then sparse.

    Returns
    -------
    {ndarray, sparse matrix, dataframe} of shape (n_rows, n_columns)
        Dtypes are promoted as numpy does, except that text beside numbers gives an
        object array, so that no number turns into a string. Pandas frames whose columns
        all differ in name stay a frame.

    Raises
    ------
    ShapeError
        If the arrays differ in their number of rows.
    """
    if len({np.shape(array)[:1] for array in arrays}) > 1:
        raise _misfit(arrays, axis=1)
    if len(arrays) > 1 and all(isinstance(array, pd.DataFrame) for array in arrays):
        names = [name for array in arrays for name in array.columns]
        same_rows = all(arrays[0].index.equals(array.index) for array in arrays[1:])
        if same_rows and len(set(names)) == len(names):
            native = nw.get_native_namespace(arrays[0])
            return native.concat(arrays, axis=1)
    blocks = [as_columns(array) for array in arrays]
    return blocks[0] if len(blocks) == 1 else join(blocks, axis=1)


def join(arrays: Sequence[Any], axis: int) -> Any:
    """Join arrays along an axis, turning no number into text.

    Parameters
    ----------
    arrays : sequence of {ndarray, sparse matrix} of shape (n_rows, ...)
    axis : int
        Counted from 0.

    Returns
    -------
    {ndarray, sparse matrix} of shape (n_rows, ...)

    Raises
    ------
    ShapeError
        If the arrays differ in another axis.
    """
    shapes = [tuple(array.shape) for array in arrays]
    rests = {shape[:axis] + shape[axis + 1 :] for shape in shapes}
    if len(rests) > 1 or any(len(shape) <= axis for shape in shapes):
        raise _misfit(arrays, axis)
    if any(sparse.issparse(array) for array in arrays):
        if few_rows(arrays):
            return few_rows_joined(arrays)
        return stack_columns(arrays) if axis == 1 else sparse.hstack(arrays, format="csr")
    dtypes = {array.dtype for array in arrays}
    if len(dtypes) > 1 and len({_kind(dtype) for dtype in dtypes}) > 1:
        arrays = [array.astype(object) for array in arrays]
    if all(array.flags.c_contiguous for array in arrays):
        return np.concatenate(arrays, axis=axis)
    # Row by row in memory, whatever came: numpy would keep the order of what came, and what is
    # computed of columns may differ in the last bit from what is computed of rows.
    sizes = [shape[axis] for shape in shapes]
    whole = (*shapes[0][:axis], sum(sizes), *shapes[0][axis + 1 :])
    out: NDArray[Any] = np.empty(whole, np.result_type(*(array.dtype for array in arrays)))
    return np.concatenate(arrays, axis=axis, out=out)


def _misfit(arrays: Sequence[Any], axis: int) -> ShapeError:
    """Tell the shapes as they were handed in: a reader looks for them in their own data."""
    return ShapeError(
        f"Arrays that are joined along axis {axis} must have equal shapes but for that axis, "
        f"got {', '.join(str(np.shape(array)) for array in arrays)}. Flatten() lays each "
        "observation out as one row; Filter changes the rows of one node only."
    )


def _kind(dtype: np.dtype[Any]) -> str:
    """Group dtypes between which numpy's promotion changes no value's meaning."""
    groups = {"numbers": "biufc", "text": "US", "dates": "M", "spans": "m"}
    return next((name for name, kinds in groups.items() if dtype.kind in kinds), "objects")


def as_columns(array: Any) -> Any:
    """Give an array two axes: a plain row of values becomes one column.

    Parameters
    ----------
    array : array-like of shape (n_rows,) or (n_rows, n_columns)

    Returns
    -------
    {ndarray, sparse matrix} of shape (n_rows, n_columns)
    """
    if sparse.issparse(array):
        return array
    array = np.asarray(array)
    return array.reshape(-1, 1) if array.ndim == 1 else array


def as_values(data: Any, name: str) -> Any:
    """Turn what a user hands in into something with a shape.

    Parameters
    ----------
    data : array-like, sparse matrix or dataframe
    name : str
        What to call it in an error.

    Returns
    -------
    {ndarray, sparse matrix, dataframe}
        Arrays, sparse matrices and dataframes come back as they are; series, lists and
        whatever has ``__array__`` become an array.

    Raises
    ------
    ValueError
        If the rows of nested lists differ in length.
    """
    if type(data) is np.ndarray:  # before anything else is looked up
        return data
    if isinstance(data, np.ndarray) or sparse.issparse(data) or is_frame(data):
        return data
    if isinstance(data, pd.Series) and _may_lack_booleans(data.dtype):
        return _with_nan(data)
    if nw.dependencies.is_into_series(data):
        return np.asarray(_plain(nw.from_native(data, series_only=True)).to_numpy())
    try:
        values = np.asarray(data)
        if values.dtype.kind in "US" and isinstance(data, list | tuple):
            objects = np.array(data, dtype=object)  # beside text a number must stay one
            return (
                values if all(isinstance(item, str | bytes) for item in objects.flat) else objects
            )
        return values
    except ValueError as error:
        raise ValueError(
            f"{name!r} cannot be made into one array ({error}). Its rows must all have the "
            "same shape; np.array(rows, dtype=object) keeps ragged rows as objects."
        ) from error


def take_rows(data: Any, key: Any) -> Any:
    """Take rows of an array, a sparse matrix or a dataframe.

    Parameters
    ----------
    data : {ndarray, sparse matrix, dataframe} of shape (n_rows, ...)
    key : slice, mask or index array

    Returns
    -------
    same type as `data`
    """
    if isinstance(data, pd.DataFrame):
        return data.iloc[key]
    if is_frame(data):
        frame = nw.from_native(data, eager_only=True)
        plain = isinstance(key, slice) and key.step in (None, 1)
        taken = frame[key] if plain else frame[np.arange(len(frame))[key]]
        return nw.to_native(taken)
    if sparse.issparse(data) and data.format not in ("csr", "lil", "csc"):
        data = data.tocsr()
    return data[key]


def guarded(data: Any) -> Any:
    """Give a view that nobody can write into, to hand to code that is not ours.

    Parameters
    ----------
    data : object

    Returns
    -------
    object
        A read-only view of an array; scikit-learn copies such input where it would write.
        A pandas frame comes back as a copy-on-write copy, anything else as it is.
    """
    if isinstance(data, np.ndarray):
        view = data.view()
        # By position, which numpy's types do not know: a third of the time of flags.writeable.
        view.setflags(False)  # type: ignore[call-arg]
        return view
    return data.copy(deep=False) if isinstance(data, pd.DataFrame) else data


def released(data: Any) -> Any:
    """Undo `guarded` on what goes out to the user.

    Parameters
    ----------
    data : object

    Returns
    -------
    object
        A writeable view where the memory is writeable, else `data`.
    """
    if isinstance(data, np.ndarray) and not data.flags.writeable:
        view = data.view()
        try:
            view.flags.writeable = True
        except ValueError:  # the memory itself is read-only, as the user's own array was
            return data
        return view
    return data


def describe(data: Any) -> str:
    """Tell the shape and dtype of a value in a few words, for error notes.

    Parameters
    ----------
    data : object

    Returns
    -------
    str
        Such as ``"(3, 2) float64"``.
    """
    shape, dtype = getattr(data, "shape", None), getattr(data, "dtype", None)
    if shape is None:
        return type(data).__name__
    kind = dtype if dtype is not None else type(data).__name__
    return f"{tuple(shape)} {kind}" + (" sparse" if sparse.issparse(data) else "")
