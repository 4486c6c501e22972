"""Rows of a Parquet file, or of a folder of them.

Schemas and row counts stand in the footers, which are all that is read before the first
row; the statistics there usually tell which columns have missing values.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import Any

from skmegatron.errors import ReadError
from skmegatron.io.sources.arrow import ArrowColumns, Rebatched, pyarrow
from skmegatron.io.sources.columns import (
    BLOCK,
    Batch,
    asked_dtypes,
    block_rows,
    distinct,
    kept,
    sliced,
)


class ParquetSource:
    """Rows of Parquet files.

    Parameters
    ----------
    path : path-like
        A file, or a folder whose ``*.parquet`` files are read in the order of their names.
    exclude_cols : sequence of str
        Columns to leave out; they are not read.
    dtype : dtype-like or mapping, default=None
        Dtype of all columns, or of some by name.

    Raises
    ------
    FileNotFoundError
        If there is no such file or folder.
    ReadError
        If a file is no Parquet file or has other columns than the first, or the folder holds
        none.
    MissingColumnError
        If `exclude_cols` or `dtype` names a column that there is not.
    MissingDependencyError
        If pyarrow is not installed.
    """

    prefetch_from: int | None = BLOCK

    def __init__(self, path: Any, exclude_cols: Any, dtype: Any) -> None:
        self._path = Path(path)
        self._where = str(path)
        self._files = _files(self._path)
        with _opened(self._files[0]) as first:
            self._schema = first.schema_arrow
        names = distinct(self._schema.names, str(self._files[0]))
        self.columns = kept(names, exclude_cols, self._where)
        self._dtypes = asked_dtypes(dtype, self.columns, self._where)
        self.n_rows, self._gaps = self._inspect()

    def whole(self, limit: int | None = None) -> Batch:
        """Read all rows at once.

        Parameters
        ----------
        limit : int, default=None
            At most this many rows.

        Returns
        -------
        dict of str to ndarray

        Raises
        ------
        ReadError
            If a file is damaged, or lists of a column differ in length.
        """
        rows = self._tables(BLOCK if limit is None else max(1, min(BLOCK, limit)))
        try:
            return self._columns().columns(rows.take(limit))
        finally:
            rows.close()

    def batches(self, size: int) -> Generator[Batch]:
        """Read from the top, batch by batch.

        Parameters
        ----------
        size : int

        Yields
        ------
        dict of str to ndarray

        Raises
        ------
        ReadError
            If a file is damaged or its columns have changed, or a value does not fit.
        """
        self._files = _files(self._path)
        self.n_rows, self._gaps = self._inspect()
        columns, step, done = self._columns(), block_rows(size), 0
        rows = self._tables(step)
        try:
            while len(table := rows.take(step)):
                try:
                    block = columns.columns(table, done)
                except ReadError:  # the batches before the misfit are good
                    for start in range(0, len(table), size):
                        yield columns.columns(table.slice(start, size), done + start)
                    raise
                yield from sliced(block, size)
                done += len(table)
        finally:
            rows.close()

    def _columns(self) -> ArrowColumns:
        return ArrowColumns(self._where, self.columns, self._dtypes, self._gaps)

    def _tables(self, step: int) -> Rebatched:
        schema = pyarrow().schema([self._schema.field(name) for name in self.columns])
        return Rebatched(self._record_batches(step), schema)

    def _record_batches(self, step: int) -> Iterator[Any]:
        for file in self._files:
            with _opened(file) as opened:
                try:
                    for batch in opened.iter_batches(batch_size=step, columns=self.columns):
                        yield batch.select(self.columns)
                except (OSError, pyarrow().ArrowInvalid) as error:
                    raise ReadError(f"{file} is damaged: {error}") from error

    def _inspect(self) -> tuple[int, dict[str, bool]]:
        """Read the footers: count rows, check columns, find which have missing values."""
        n_rows = 0
        gaps: set[str] = set()
        unknown: set[str] = set()
        for file in self._files:
            with _opened(file) as opened:
                self._check(file, opened.schema_arrow)
                footer = opened.metadata
            n_rows += footer.num_rows
            for group in map(footer.row_group, range(footer.num_row_groups)):
                for column in map(group.column, range(group.num_columns)):
                    name, statistics = column.path_in_schema, column.statistics
                    if statistics is None or not statistics.has_null_count:
                        unknown.add(name)
                    elif statistics.null_count:
                        gaps.add(name)
        return n_rows, {name: name in gaps for name in self.columns if name not in unknown - gaps}

    def _check(self, file: Path, schema: Any) -> None:
        for name in self.columns:
            expected = self._schema.field(name).type
            got = schema.field(name).type if name in schema.names else None
            if got != expected:
                found = f"has no column {name!r}" if got is None else f"has {name!r} as {got}"
                raise ReadError(
                    f"{file} {found}, where {self._files[0]} had it as {expected} when reading "
                    "began. The files of a folder need the same columns; exclude_cols leaves "
                    "some out."
                )


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    files: Sequence[Path] = sorted(path.glob("*.parquet"))
    if not files:
        raise ReadError(f"The folder {path} holds no *.parquet file.")
    return list(files)


def _opened(file: Path) -> Any:
    parquet = pyarrow("pyarrow.parquet")
    try:
        return parquet.ParquetFile(file)
    except pyarrow().ArrowInvalid as error:
        raise ReadError(f"{file} is no Parquet file: {error}") from error
