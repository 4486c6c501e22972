"""Batches of rows from dataframes, text files, databases and Parquet files.

A generator is a recipe for reading, so ``iter`` starts a new pass that knows nothing of
others; a pass closes what it opened when it ends, fails or is closed. ``next`` reads from
one more pass that the generator keeps for itself, and starts over after its end.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any, Self

from skmegatron.io.dataset import Dataset, aligned
from skmegatron.io.sources.columns import Source, checked_count, n_rows_of
from skmegatron.io.sources.frame import FrameSource
from skmegatron.io.sources.parquet import ParquetSource
from skmegatron.io.sources.sql import QuerySource
from skmegatron.io.sources.text import TextSource


class BatchGenerator:
    """What all generators share.

    Not meant to be made by itself.

    Attributes
    ----------
    batch_size : int
        Rows of a batch; the last one has what is left.
    columns : list of str or None
        Columns of each batch; None where they are only known from reading.
    prefetch : bool
        Whether a run reads the next batch in another thread, while it works on the last. Set
        it to False where the thread that made the generator must read.
    """

    def __init__(self, source: Source, batch_size: int) -> None:
        self.batch_size: int = checked_count("batch_size", batch_size, least=1)
        least = source.prefetch_from
        self.prefetch = least is not None and self.batch_size >= least
        self._source = source
        self._cursor: Any = None

    @property
    def columns(self) -> list[str] | None:
        """Columns of each batch, in order; None where they are only known from reading.

        Examples
        --------
        >>> import pandas as pd
        >>> from skmegatron.io import PandasGenerator
        >>> frame = pd.DataFrame({"age": [31], "city": ["Rome"]})
        >>> PandasGenerator(frame, exclude_cols=["age"]).columns
        ['city']
        """
        return None if self._source.columns is None else list(self._source.columns)

    def __iter__(self) -> Iterator[Dataset]:
        for batch in self._source.batches(self.batch_size):
            yield aligned(batch, n_rows_of(batch))

    def __next__(self) -> Dataset:
        if self._cursor is None:
            self._cursor = iter(self)
        try:
            batch: Dataset = next(self._cursor)
        except BaseException:
            self._cursor = None
            raise
        return batch

    def close(self) -> None:
        """Close what ``next`` has opened; the following ``next`` starts from the top.

        Examples
        --------
        >>> import pandas as pd
        >>> from skmegatron.io import PandasGenerator
        >>> batches = PandasGenerator(pd.DataFrame({"age": [31, 45, 27]}), batch_size=2)
        >>> next(batches)["age"], next(batches)["age"]
        (array([31, 45]), array([27]))
        >>> batches.close()
        >>> next(batches)["age"]
        array([31, 45])
        """
        cursor, self._cursor = self._cursor, None
        if cursor is not None:
            cursor.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        known = "" if self.columns is None else f", columns={self.columns}"
        return f"<{type(self).__name__}: batch_size={self.batch_size}{known}>"


class _CountedGenerator(BatchGenerator):
    def __len__(self) -> int:
        return -((self._source.n_rows or 0) // -self.batch_size)


class PandasGenerator(_CountedGenerator):
    """Batches of rows of a dataframe.

    Parameters
    ----------
    dataframe : dataframe of shape (n_rows, n_columns)
        Of pandas, polars or pyarrow.
    batch_size : int, default=32
        Rows of a batch; the last one has what is left.
    exclude_cols : sequence of str, default=()
        Columns to leave out.
    dtype : dtype-like or mapping of str to dtype-like, default=None
        Dtype of all columns, or of some by name; the others keep their own.

    Raises
    ------
    TypeError
        If `dataframe` is none.
    ValueError
        If `batch_size` is below 1.
    MissingColumnError
        If `exclude_cols` or `dtype` names a column that there is not.
    ReadError
        If two columns have one name.

    Notes
    -----
    Batches are views that nobody can write into, so the dataframe stays as it is.

    Examples
    --------
    >>> import pandas as pd
    >>> from skmegatron.io import PandasGenerator
    >>> frame = pd.DataFrame({"age": [31, 45, 27], "city": ["Rome", "Oslo", "Kyiv"]})
    >>> batches = PandasGenerator(frame, batch_size=2, exclude_cols=["city"])
    >>> len(batches), [batch["age"].tolist() for batch in batches]
    (2, [[31, 45], [27]])
    """

    def __init__(
        self,
        dataframe: Any,
        batch_size: int = 32,
        exclude_cols: Sequence[str] = (),
        *,
        dtype: Any = None,
    ) -> None:
        super().__init__(FrameSource(dataframe, exclude_cols, dtype), batch_size)


class CSVGenerator(BatchGenerator):
    r"""Batches of rows of a CSV file.

    The dtype of each column is that of the first batch. A later value that does not fit is
    an error that names line, column and row, and the `dtype` that would take it.

    Parameters
    ----------
    filepath : path-like
        A text file whose first line names the columns.
    batch_size : int, default=32
        Rows of a batch; the last one has what is left.
    exclude_cols : sequence of str, default=()
        Columns to leave out.
    dtype : dtype-like or mapping of str to dtype-like, default=None
        Dtype of all columns, or of some by name, rather than that of the first batch.
    **options : object
        Further keywords of `pandas.read_csv`, such as ``sep``, ``encoding``, ``na_values`` or
        ``parse_dates``.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ReadError
        If the file is empty, or its first lines do not make a table. While reading: if a
        line is malformed, a value does not fit, or the header has changed.
    EncodingError
        If the file is in another encoding.
    MissingColumnError
        If `exclude_cols` or `dtype` names a column that there is not.
    TypeError
        If `options` has a keyword that is not free, such as ``chunksize``.
    ValueError
        If `batch_size` is below 1.

    Notes
    -----
    One block of a few thousand rows, or one batch, is held at a time, whatever the length of
    the file.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from skmegatron.io import CSVGenerator
    >>> path = Path(tempfile.mkdtemp()) / "people.csv"
    >>> _ = path.write_text("age,city\n31,Rome\n45,Oslo\n27,Kyiv\n")
    >>> batches = CSVGenerator(path, batch_size=2)
    >>> [batch["age"].tolist() for batch in batches]
    [[31, 45], [27]]
    >>> next(batches)
    <Dataset of 2 rows: age: (2,) int64, city: (2,) object>
    >>> batches.close()
    """

    def __init__(
        self,
        filepath: str | os.PathLike[str],
        batch_size: int = 32,
        exclude_cols: Sequence[str] = (),
        *,
        dtype: Any = None,
        **options: Any,
    ) -> None:
        super().__init__(TextSource(filepath, exclude_cols, dtype, options), batch_size)


class SQLGenerator(BatchGenerator):
    """Batches of rows of a query.

    Rows stay with the database until they are asked for, so a result may be larger than
    memory. The dtype of each column is that of the first batch; a later value that does not
    fit is an error that names column and row, and the `dtype` that would take it.

    Parameters
    ----------
    connection : object
        A DB-API connection (sqlite3, psycopg, ...), a DuckDB connection, a SQLAlchemy engine
        or connection, or a database URL. It stays open; a URL is opened for each pass.
    query : str or SQLAlchemy selectable
        A query that gives rows.
    batch_size : int, default=32
        Rows of a batch; the last one has what is left.
    limit : int, default=None
        Stop after this many rows.
    params : sequence or mapping, default=None
        Values for the placeholders in `query`, which are written as the database's own driver
        has them. With SQLAlchemy and a mapping they are ``:name``.
    exclude_cols : sequence of str, default=()
        Columns to leave out.
    dtype : dtype-like or mapping of str to dtype-like, default=None
        Dtype of all columns, or of some by name, rather than that of the first batch.

    Raises
    ------
    TypeError
        If `connection` is no connection, or `params` are no values.
    ValueError
        If `batch_size` is below 1 or `limit` below 0.
    ReadError
        If `connection` is a string that is no URL. While reading: if the query gives no
        table, two columns have one name, or a value does not fit.
    MissingColumnError
        While reading, if `exclude_cols` or `dtype` names a column that there is not.

    Notes
    -----
    Nothing runs before the first batch is asked for. Errors of the database keep their type
    and gain a note with the query. On psycopg a named cursor is used, which begins a
    transaction as any query of psycopg does and leaves it open; where the connection is in
    autocommit the cursor is held by the server instead.

    Examples
    --------
    >>> import sqlite3
    >>> from contextlib import closing
    >>> from skmegatron.io import SQLGenerator
    >>> with closing(sqlite3.connect(":memory:")) as connection:
    ...     _ = connection.execute("CREATE TABLE people (age INTEGER, city TEXT)")
    ...     _ = connection.executemany(
    ...         "INSERT INTO people VALUES (?, ?)", [(31, "Rome"), (45, "Oslo"), (27, "Kyiv")]
    ...     )
    ...     query = "SELECT * FROM people WHERE age > ?"
    ...     for batch in SQLGenerator(connection, query, batch_size=1, params=[30]):
    ...         print(batch["age"], batch["city"])
    [31] ['Rome']
    [45] ['Oslo']
    """

    def __init__(
        self,
        connection: Any,
        query: Any,
        batch_size: int = 32,
        limit: int | None = None,
        *,
        params: Any = None,
        exclude_cols: Sequence[str] = (),
        dtype: Any = None,
    ) -> None:
        source = QuerySource(connection, query, params, exclude_cols, dtype, limit)
        super().__init__(source, batch_size)


class ParquetGenerator(_CountedGenerator):
    """Batches of rows of a Parquet file, or of a folder of them.

    Parameters
    ----------
    filepath : path-like
        A file, or a folder whose ``*.parquet`` files are read in the order of their names.
    batch_size : int, default=32
        Rows of a batch, across files; the last one has what is left.
    exclude_cols : sequence of str, default=()
        Columns to leave out; they are not read.
    dtype : dtype-like or mapping of str to dtype-like, default=None
        Dtype of all columns, or of some by name; the others keep their own.

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
    ValueError
        If `batch_size` is below 1.

    Notes
    -----
    Columns of lists come as one array of shape (n_rows, length). Moments with a time zone
    come in UTC.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import pandas as pd
    >>> from skmegatron.io import ParquetGenerator
    >>> path = Path(tempfile.mkdtemp()) / "people.parquet"
    >>> pd.DataFrame({"age": [31, 45, 27], "spot": [[1, 2], [3, 4], [5, 6]]}).to_parquet(path)
    >>> batches = ParquetGenerator(path, batch_size=2)
    >>> len(batches), next(batches)["spot"].tolist()
    (2, [[1, 2], [3, 4]])
    >>> batches.close()
    """

    def __init__(
        self,
        filepath: str | os.PathLike[str],
        batch_size: int = 32,
        exclude_cols: Sequence[str] = (),
        *,
        dtype: Any = None,
    ) -> None:
        super().__init__(ParquetSource(filepath, exclude_cols, dtype), batch_size)
