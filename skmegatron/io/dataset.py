"""Dataset: several aligned arrays that scikit-learn can slice as one thing."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from skmegatron.errors import ShapeError
from skmegatron.io.sources.columns import checked_limit
from skmegatron.io.sources.frame import FrameSource
from skmegatron.io.sources.parquet import ParquetSource
from skmegatron.io.sources.sql import QuerySource
from skmegatron.io.sources.text import TextSource
from skmegatron.io.tables import as_values, describe, take_rows


class Dataset(Mapping[str, Any]):
    """Named arrays with one row per observation.

    A name gives an array, an integer the array at that position, and a slice, mask or
    index array gives the rows as a new `Dataset`. ``shape`` is ``(n_rows,)``, so
    `train_test_split`, `cross_val_score` and the searches cut images, text and tables at
    the same rows.

    Parameters
    ----------
    **arrays : array-like of shape (n_rows, ...)
        Arrays, sparse matrices, dataframes or lists, all with the same number of rows.

    Raises
    ------
    ShapeError
        If the arrays differ in their number of rows, or one has no rows at all to count.

    Notes
    -----
    ``len`` is the number of rows, as for an array. Iterating gives the names, as for any
    mapping.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.model_selection import train_test_split
    >>> from skmegatron import Dataset
    >>> data = Dataset(image=np.zeros((4, 8, 8)), age=[31, 45, 27, 60])
    >>> data.shape, list(data), data[1]
    ((4,), ['image', 'age'], array([31, 45, 27, 60]))
    >>> train, test = train_test_split(data, test_size=1, random_state=0)
    >>> train["image"].shape, test["age"]
    ((3, 8, 8), array([27]))
    """

    def __init__(self, /, **arrays: Any) -> None:
        self._arrays = {name: as_values(array, name) for name, array in arrays.items()}
        rows = {name: _n_rows(name, array) for name, array in self._arrays.items()}
        if len(set(rows.values())) > 1:
            raise ShapeError(
                "The arrays of a Dataset need the same number of rows, got "
                + ", ".join(f"{name!r}: {n}" for name, n in rows.items())
                + ". Cut them to the same observations first."
            )
        self._n_rows = next(iter(rows.values()), 0)

    @property
    def shape(self) -> tuple[int]:
        """Number of rows, as a tuple of one integer.

        Examples
        --------
        >>> import numpy as np, skmegatron as sm
        >>> data = sm.Dataset(image=np.zeros((4, 8, 8)), age=[31, 45, 27, 60])
        >>> data.shape, data[data["age"] > 30].shape
        ((4,), (3,))
        """
        return (self._n_rows,)

    def __len__(self) -> int:
        return self._n_rows

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __contains__(self, name: object) -> bool:
        return name in self._arrays

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, str):
            if key not in self._arrays:
                raise KeyError(f"{key!r} is not in this Dataset, which holds {list(self)}")
            return self._arrays[key]
        if isinstance(key, tuple) and len(key) == 2 and key[1] is Ellipsis:
            key = key[0]  # scikit-learn takes rows with X[key, ...]
        if isinstance(key, int | np.integer) and not isinstance(key, bool):
            names = list(self._arrays)
            if not -len(names) <= key < len(names):
                raise IndexError(
                    f"Position {key} asked of a Dataset of {len(names)} arrays {names}. "
                    f"For one row, write data[{key}:{key + 1}]."
                )
            return self._arrays[names[key]]
        return self._rows(key)

    def _rows(self, key: Any) -> Dataset:
        if not isinstance(key, slice):
            if isinstance(key, tuple):
                raise TypeError(
                    f"A Dataset has one axis, its rows, got the index {key}. Write "
                    f"data[{list(key)}] for rows, data['name'][...] to index into an array."
                )
            key = np.asarray(key)
            if key.size == 0 and key.dtype != bool:
                key = key.astype(int)
            if key.dtype == bool and key.ndim and len(key) != self._n_rows:
                raise IndexError(
                    f"A mask of {len(key)} entries asked of a Dataset of {self._n_rows} rows."
                )
            if key.ndim != 1 or key.dtype.kind not in "biu":
                raise TypeError(
                    "A Dataset takes a name, an integer position, or rows given by a slice, "
                    f"a mask or an index array; got an array of shape {key.shape} and dtype "
                    f"{key.dtype}."
                )
        rows = {name: take_rows(array, key) for name, array in self._arrays.items()}
        return aligned(rows, len(np.arange(self._n_rows)[key]))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Dataset):
            return NotImplemented
        return list(self) == list(other) and all(
            type(mine) is type(theirs) and _same(mine, theirs)
            for mine, theirs in zip(self.values(), other.values(), strict=True)
        )

    __hash__ = None  # type: ignore[assignment]  # Mapping's own way to say "not hashable"

    def __repr__(self) -> str:
        arrays = ", ".join(f"{name}: {describe(array)}" for name, array in self.items())
        return f"<Dataset of {self._n_rows} rows: {arrays}>"


def aligned(arrays: dict[str, Any], n_rows: int) -> Dataset:
    """Make a Dataset of arrays that are known to have equally many rows.

    Parameters
    ----------
    arrays : dict of str to ndarray
    n_rows : int

    Returns
    -------
    Dataset
        Without the checks, which would take most of the time where batches are small.

    Examples
    --------
    >>> import numpy as np
    >>> from skmegatron.io.dataset import aligned
    >>> aligned({"age": np.array([31, 45])}, 2)
    <Dataset of 2 rows: age: (2,) int64>
    """
    dataset = object.__new__(Dataset)
    dataset._arrays = arrays
    dataset._n_rows = n_rows
    return dataset


def PandasData(
    dataframe: Any,
    exclude_cols: Sequence[str] = (),
    nrows: int | None = None,
    *,
    dtype: Any = None,
) -> Dataset:
    """Take the columns of a dataframe, each with its own dtype.

    Parameters
    ----------
    dataframe : dataframe of shape (n_rows, n_columns)
        Of pandas, polars or pyarrow.
    exclude_cols : sequence of str, default=()
        Columns to leave out.
    nrows : int, default=None
        Take only the first rows.
    dtype : dtype-like or mapping of str to dtype-like, default=None
        Dtype of all columns, or of some by name.

    Returns
    -------
    Dataset
        Of views that nobody can write into.

    Raises
    ------
    TypeError
        If `dataframe` is none.
    MissingColumnError
        If `exclude_cols` or `dtype` names a column that there is not.
    ReadError
        If two columns have one name.

    Examples
    --------
    >>> import pandas as pd
    >>> from skmegatron.io import PandasData
    >>> frame = pd.DataFrame({"age": [31, 45, 27], "city": ["Rome", "Oslo", "Kyiv"]})
    >>> PandasData(frame, nrows=2)
    <Dataset of 2 rows: age: (2,) int64, city: (2,) object>
    """
    limit = checked_limit("nrows", nrows)
    return Dataset(**FrameSource(dataframe, exclude_cols, dtype).whole(limit))


def CSVData(
    filepath: str | os.PathLike[str],
    exclude_cols: Sequence[str] = (),
    nrows: int | None = None,
    *,
    dtype: Any = None,
    **options: Any,
) -> Dataset:
    r"""Read a CSV file, each column with its own dtype.

    Parameters
    ----------
    filepath : path-like
        A text file whose first line names the columns.
    exclude_cols : sequence of str, default=()
        Columns to leave out.
    nrows : int, default=None
        Read only the first rows.
    dtype : dtype-like or mapping of str to dtype-like, default=None
        Dtype of all columns, or of some by name, rather than the one that fits all rows.
    **options : object
        Further keywords of `pandas.read_csv`, such as ``sep``, ``encoding``, ``na_values`` or
        ``parse_dates``.

    Returns
    -------
    Dataset

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ReadError
        If the file is empty or malformed, telling line and column.
    EncodingError
        If the file is in another encoding.
    MissingColumnError
        If `exclude_cols` or `dtype` names a column that there is not.
    TypeError
        If `options` has a keyword that is not free, such as ``chunksize``.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from skmegatron.io import CSVData
    >>> path = Path(tempfile.mkdtemp()) / "people.csv"
    >>> _ = path.write_text("age,city\n31,Rome\n45,Oslo\n")
    >>> CSVData(path, exclude_cols=["city"])["age"]
    array([31, 45])
    """
    limit = checked_limit("nrows", nrows)
    return Dataset(**TextSource(filepath, exclude_cols, dtype, options).whole(limit))


def SQLData(
    connection: Any,
    query: Any,
    *,
    params: Any = None,
    dtype: Any = None,
    exclude_cols: Sequence[str] = (),
    nrows: int | None = None,
) -> Dataset:
    """Read all rows of a query, each column with its own dtype.

    Parameters
    ----------
    connection : object
        A DB-API connection (sqlite3, psycopg, ...), a DuckDB connection, a SQLAlchemy engine
        or connection, or a database URL. It stays open.
    query : str or SQLAlchemy selectable
        A query that gives rows.
    params : sequence or mapping, default=None
        Values for the placeholders in `query`, which are written as the database's own driver
        has them. With SQLAlchemy and a mapping they are ``:name``.
    dtype : dtype-like or mapping of str to dtype-like, default=None
        Dtype of all columns, or of some by name, rather than the one that fits all rows.
    exclude_cols : sequence of str, default=()
        Columns to leave out.
    nrows : int, default=None
        Stop after this many rows.

    Returns
    -------
    Dataset
        Missing numbers are NaN; missing text is None.

    Raises
    ------
    TypeError
        If `connection` is no connection, or `params` are no values.
    ReadError
        If the query gives no table, or two columns have one name.
    MissingColumnError
        If `exclude_cols` or `dtype` names a column that there is not.

    Examples
    --------
    >>> import sqlite3
    >>> from contextlib import closing
    >>> from skmegatron.io import SQLData
    >>> with closing(sqlite3.connect(":memory:")) as connection:
    ...     SQLData(connection, "SELECT ? AS age, 'Rome' AS city", params=[31])
    <Dataset of 1 rows: age: (1,) int64, city: (1,) object>
    """
    limit = checked_limit("nrows", nrows)
    return Dataset(**QuerySource(connection, query, params, exclude_cols, dtype).whole(limit))


def ParquetData(
    filepath: str | os.PathLike[str],
    exclude_cols: Sequence[str] = (),
    nrows: int | None = None,
    *,
    dtype: Any = None,
) -> Dataset:
    """Read a Parquet file, or a folder of them, each column with its own dtype.

    Parameters
    ----------
    filepath : path-like
        A file, or a folder whose ``*.parquet`` files are read in the order of their names.
    exclude_cols : sequence of str, default=()
        Columns to leave out; they are not read.
    nrows : int, default=None
        Read only the first rows.
    dtype : dtype-like or mapping of str to dtype-like, default=None
        Dtype of all columns, or of some by name.

    Returns
    -------
    Dataset
        Columns of lists as one array of shape (n_rows, length).

    Raises
    ------
    FileNotFoundError
        If there is no such file or folder.
    ReadError
        If a file is no Parquet file or is damaged, files differ in their columns, or the
        lists of a column differ in length.
    MissingColumnError
        If `exclude_cols` or `dtype` names a column that there is not.
    MissingDependencyError
        If pyarrow is not installed.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import pandas as pd
    >>> from skmegatron.io import ParquetData
    >>> path = Path(tempfile.mkdtemp()) / "people.parquet"
    >>> pd.DataFrame({"age": [31, 45], "spot": [[1, 2], [3, 4]]}).to_parquet(path)
    >>> ParquetData(path)
    <Dataset of 2 rows: age: (2,) int64, spot: (2, 2) int64>
    """
    limit = checked_limit("nrows", nrows)
    return Dataset(**ParquetSource(filepath, exclude_cols, dtype).whole(limit))


def _n_rows(name: str, array: Any) -> int:
    shape = array.shape
    if len(shape) == 0:
        raise ShapeError(
            f"{name!r} is a single value ({array!r}); a Dataset needs one row per "
            f"observation. Write {name}=[{array!r}] for one row."
        )
    return int(shape[0])


def _same(mine: Any, theirs: Any) -> bool:
    if mine.shape != theirs.shape:
        return False
    if hasattr(mine, "tocsr"):
        return bool((mine != theirs).nnz == 0)
    if hasattr(mine, "equals"):
        return bool(mine.equals(theirs))
    both_missing = pd.isna(mine) & pd.isna(theirs)
    return bool(np.all((mine == theirs) | both_missing))
