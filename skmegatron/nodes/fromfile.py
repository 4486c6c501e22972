"""Inputs for the columns of a file, a dataframe or a query.

Only as much is read as tells the columns and the shape of one observation, unless the
inputs are to be eager.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from skmegatron.io.dataset import CSVData, Dataset, PandasData, ParquetData, SQLData
from skmegatron.nodes.core import InputNode


def from_dataframe(
    df: Any,
    exclude_cols: Sequence[str] = (),
    eager: bool = False,
    nrows: int | None = None,
    *,
    dtype: Any = None,
) -> dict[str, InputNode]:
    """Make an input for each column of a dataframe.

    Parameters
    ----------
    df : dataframe of shape (n_rows, n_columns)
        Of pandas, polars or pyarrow.
    exclude_cols : sequence of str, default=()
        Columns to leave out.
    eager : bool, default=False
        Whether the inputs carry their column, so that layers called on them compute at once.
    nrows : int, default=None
        With `eager`, take only the first rows.
    dtype : dtype-like or mapping of str to dtype-like, default=None
        Dtype of all columns, or of some by name.

    Returns
    -------
    dict of str to InputNode
        In the order of the columns.

    Raises
    ------
    TypeError
        If `df` is no dataframe.
    MissingColumnError
        If `exclude_cols` or `dtype` names a column that there is not.
    ReadError
        If two columns have one name.

    Examples
    --------
    >>> import pandas as pd
    >>> import skmegatron as sm
    >>> frame = pd.DataFrame({"height": [1, 2], "width": [3, 4], "colour": ["red", "blue"]})
    >>> x = sm.nodes.from_dataframe(frame, exclude_cols=["colour"])
    >>> sm.Pipeline(list(x.values()), x["height"] * x["width"]).transform(frame)
    array([3, 8])
    """
    data = PandasData(df, exclude_cols, _rows(eager, nrows), dtype=dtype)
    return _inputs(data, eager)


def from_csv(
    filepath: str | os.PathLike[str],
    exclude_cols: Sequence[str] = (),
    eager: bool = False,
    nrows: int | None = None,
    *,
    dtype: Any = None,
    **options: Any,
) -> dict[str, InputNode]:
    r"""Make an input for each column of a CSV file.

    Parameters
    ----------
    filepath : path-like
        A text file whose first line names the columns.
    exclude_cols : sequence of str, default=()
        Columns to leave out.
    eager : bool, default=False
        Whether the inputs carry their column, so that layers called on them compute at once.
    nrows : int, default=None
        With `eager`, read only the first rows.
    dtype : dtype-like or mapping of str to dtype-like, default=None
        Dtype of all columns, or of some by name.
    **options : object
        Further keywords of `pandas.read_csv`.

    Returns
    -------
    dict of str to InputNode
        In the order of the columns.

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

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import skmegatron as sm
    >>> path = Path(tempfile.mkdtemp()) / "people.csv"
    >>> _ = path.write_text("age,city\n31,Rome\n45,Oslo\n")
    >>> x = sm.nodes.from_csv(path, eager=True)
    >>> (x["age"] + 1).output
    array([32, 46])
    """
    data = CSVData(filepath, exclude_cols, _rows(eager, nrows), dtype=dtype, **options)
    return _inputs(data, eager)


def from_sql(
    connection: Any,
    query: Any,
    eager: bool = False,
    nrows: int | None = None,
    *,
    params: Any = None,
    exclude_cols: Sequence[str] = (),
    dtype: Any = None,
) -> dict[str, InputNode]:
    """Make an input for each column of a query.

    Parameters
    ----------
    connection : object
        A DB-API connection (sqlite3, psycopg, ...), a DuckDB connection, a SQLAlchemy engine
        or connection, or a database URL. It stays open.
    query : str or SQLAlchemy selectable
        A query that gives rows. It is run, and without `eager` one row is fetched.
    eager : bool, default=False
        Whether the inputs carry their column, so that layers called on them compute at once.
    nrows : int, default=None
        With `eager`, stop after this many rows.
    params : sequence or mapping, default=None
        Values for the placeholders in `query`.
    exclude_cols : sequence of str, default=()
        Columns to leave out.
    dtype : dtype-like or mapping of str to dtype-like, default=None
        Dtype of all columns, or of some by name.

    Returns
    -------
    dict of str to InputNode
        In the order of the columns.

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
    >>> import skmegatron as sm
    >>> with closing(sqlite3.connect(":memory:")) as connection:
    ...     sm.nodes.from_sql(connection, "SELECT 31 AS age, 'Rome' AS city")
    {'age': Input('age'), 'city': Input('city')}
    """
    data = SQLData(
        connection,
        query,
        params=params,
        dtype=dtype,
        exclude_cols=exclude_cols,
        nrows=_rows(eager, nrows),
    )
    return _inputs(data, eager)


def from_parquet(
    filepath: str | os.PathLike[str],
    exclude_cols: Sequence[str] = (),
    eager: bool = False,
    nrows: int | None = None,
    *,
    dtype: Any = None,
) -> dict[str, InputNode]:
    """Make an input for each column of a Parquet file, or of a folder of them.

    Parameters
    ----------
    filepath : path-like
        A file, or a folder whose ``*.parquet`` files are read in the order of their names.
    exclude_cols : sequence of str, default=()
        Columns to leave out.
    eager : bool, default=False
        Whether the inputs carry their column, so that layers called on them compute at once.
    nrows : int, default=None
        With `eager`, read only the first rows.
    dtype : dtype-like or mapping of str to dtype-like, default=None
        Dtype of all columns, or of some by name.

    Returns
    -------
    dict of str to InputNode
        In the order of the columns; a column of lists has the shape of its first row.

    Raises
    ------
    FileNotFoundError
        If there is no such file or folder.
    ReadError
        If a file is no Parquet file, or files differ in their columns.
    MissingColumnError
        If `exclude_cols` or `dtype` names a column that there is not.
    MissingDependencyError
        If pyarrow is not installed.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import pandas as pd
    >>> import skmegatron as sm
    >>> path = Path(tempfile.mkdtemp()) / "people.parquet"
    >>> pd.DataFrame({"age": [31, 45], "spot": [[1, 2], [3, 4]]}).to_parquet(path)
    >>> sm.nodes.from_parquet(path)
    {'age': Input('age'), 'spot': Input('spot', shape=(2,))}
    """
    data = ParquetData(filepath, exclude_cols, _rows(eager, nrows), dtype=dtype)
    return _inputs(data, eager)


def _rows(eager: bool, nrows: int | None) -> int | None:
    """Tell how many rows to read: one shows the shapes."""
    return nrows if eager else 1


def _inputs(data: Dataset, eager: bool) -> dict[str, InputNode]:
    inputs = {name: InputNode(name, values.shape[1:]) for name, values in data.items()}
    return {name: node(data[name]) for name, node in inputs.items()} if eager else inputs
