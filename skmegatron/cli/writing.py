"""What comes out of a command, as columns of a table, written batch by batch.

A file is written under another name, and has its own only when all of it is there.
"""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import IO, Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse
from sklearn.exceptions import NotFittedError

from skmegatron.errors import MegatronError, SchemaError, ShapeError
from skmegatron.io.drafts import whole_file
from skmegatron.optional import optional
from skmegatron.pipeline.estimator import Pipeline

Columns = dict[str, NDArray[Any]]


class Sink(Protocol):
    """Somewhere that columns are written to, some rows at a time."""

    def write(self, columns: Columns) -> None:
        """Write rows."""


class Layout:
    """How outputs become columns.

    Parameters
    ----------
    pipeline : Pipeline
    method : str
        What gives the outputs.
    index : str or None
        Name of the first column, for the keys of the rows.
    """

    def __init__(self, pipeline: Pipeline, method: str, index: str | None) -> None:
        self._index = index
        self._alone = len(pipeline.graph.outputs) == 1
        self._names = _known_names(pipeline, method) if self._alone else None

    def columns(self, keys: NDArray[Any], outputs: Mapping[str, Any]) -> Columns:
        """Name the columns of outputs.

        Parameters
        ----------
        keys : ndarray of shape (n_rows,)
        outputs : mapping of str to {ndarray, sparse matrix} of shape (n_rows, ...)

        Returns
        -------
        dict of str to ndarray of shape (n_rows,)

        Raises
        ------
        ShapeError
            If an output has more than two axes.
        SchemaError
            If two columns would have one name.
        """
        found: Columns = {} if self._index is None else {self._index: keys}
        for name, value in outputs.items():
            array = value.toarray() if sparse.issparse(value) else np.asarray(value)
            if array.ndim > 2:
                raise ShapeError(
                    f"Output {name!r} has shape (n_rows, {', '.join(map(str, array.shape[1:]))}), "
                    "which columns of a file cannot hold. Write it into a store, which takes any "
                    "shape: --out FOLDER or --out sqlite:///out.db."
                )
            for column, part in zip(self._columns_of(name, array), _parts(array), strict=True):
                if column in found:
                    raise SchemaError(
                        f"Two columns would be named {column!r}. Leave --index out, take another "
                        "column for it, or write into a store: --out FOLDER."
                    )
                found[column] = part
        return found

    def _columns_of(self, name: str, array: NDArray[Any]) -> list[str]:
        width = 1 if array.ndim == 1 else array.shape[1]
        if self._names is not None and len(self._names) == width:
            return self._names
        return [name] if array.ndim == 1 else [f"{name}_{place}" for place in range(width)]


def _known_names(pipeline: Pipeline, method: str) -> list[str] | None:
    """Name the columns of the only output, where the pipeline can tell."""
    (output,) = (pipeline.graph.node_names[node] for node in pipeline.graph.outputs)
    if method in ("predict_proba", "predict_log_proba"):
        classes = pipeline.classes_
        if not isinstance(classes, list):
            return [f"{output}_{label}" for label in classes]
        return [f"{output}_{place}_{label}" for place, of in enumerate(classes) for label in of]
    if method != "transform":
        return None
    try:
        names = [str(name) for name in pipeline.get_feature_names_out()]
    except (MegatronError, NotFittedError):  # a layer, or a pipeline that needs no fit, has none
        return None
    return names if len(set(names)) == len(names) else None


def _parts(array: NDArray[Any]) -> list[NDArray[Any]]:
    return [array] if array.ndim == 1 else [array[:, place] for place in range(array.shape[1])]


class _Csv:
    def __init__(self, file: IO[bytes]) -> None:
        self._text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
        self._names: list[str] | None = None

    def write(self, columns: Columns) -> None:
        table = pd.DataFrame({name: _written(values) for name, values in columns.items()})
        # Readers end a line at a lone \r too, which is quoted only where all text is.
        quoting = csv.QUOTE_NONNUMERIC if _has_returns(table) else csv.QUOTE_MINIMAL
        header = self._names is None
        table.to_csv(self._text, index=False, header=header, lineterminator="\n", quoting=quoting)
        self._names = list(columns)

    def close(self) -> None:
        self._text.flush()
        self._text.detach()


def _written(values: NDArray[Any]) -> NDArray[Any]:
    """Write moments to the unit they have; pandas leaves out what is 0 in all rows of a batch."""
    if values.dtype.kind != "M":
        return values
    texts: NDArray[Any] = np.datetime_as_string(values).astype(object)
    texts[np.isnat(values)] = None
    return texts


def _has_returns(table: pd.DataFrame) -> bool:
    texts = (table[name] for name in table if table[name].dtype.kind not in "biufcmM")
    return any("\r" in str(value) for values in (table.columns, *texts) for value in values)


class _Parquet:
    def __init__(self, file: IO[bytes]) -> None:
        self._arrow = optional("pyarrow", extra="arrow", purpose="Writing Parquet")
        self._parquet = optional("pyarrow.parquet", extra="arrow", purpose="Writing Parquet")
        self._file = file
        self._writer: Any = None

    def write(self, columns: Columns) -> None:
        table = self._arrow.table({name: self._array(name, columns[name]) for name in columns})
        if self._writer is None:
            self._writer = self._parquet.ParquetWriter(self._file, table.schema)
        self._writer.write_table(self._alike(table))

    def _array(self, name: str, values: NDArray[Any]) -> Any:
        # A missing value among texts is NaN; in a column of numbers, NaN is one of them.
        missing = values.dtype == object
        try:
            return self._arrow.array(values, from_pandas=missing)
        except (self._arrow.ArrowException, OverflowError) as error:
            raise SchemaError(
                f"The values of column {name!r} are not of one type that Parquet has ({error}). "
                f"Write CSV, or read a column as text: --dtype COLUMN=str."
            ) from error

    def _alike(self, table: Any) -> Any:
        schema = self._writer.schema
        try:
            return table.cast(schema)
        except (self._arrow.ArrowInvalid, self._arrow.ArrowNotImplementedError) as error:
            other = [f.name for f in table.schema if f.type != schema.field(f.name).type]
            raise SchemaError(
                f"Of the columns {other}, later rows do not fit the type of the first ones "
                f"({error}). Write CSV, read a column as text (--dtype COLUMN=str), or take more "
                "rows at once: --batch-size N."
            ) from error

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()


@contextmanager
def new_file(path: Path) -> Iterator[IO[bytes]]:
    """Open a file that has its name when all of it is written, in a folder that is there.

    Parameters
    ----------
    path : Path

    Yields
    ------
    binary file

    Raises
    ------
    FileNotFoundError
        If its folder is not there.
    """
    if not path.parent.is_dir():
        raise FileNotFoundError(
            f"There is no folder {str(path.parent)!r} to write {path.name!r} into. Make it first."
        )
    if path.exists() and not path.is_file():
        raise FileExistsError(f"{str(path)!r} is there, and is no file that can be replaced.")
    with whole_file(path) as file:
        yield file


@contextmanager
def table_file(place: str | None) -> Iterator[Sink]:
    """Open a file of columns; None is CSV on stdout.

    Parameters
    ----------
    place : str or None
        Ends in ``.csv`` or ``.parquet``.

    Yields
    ------
    Sink

    Raises
    ------
    FileNotFoundError
        If its folder is not there.
    """
    if place is None:
        stdout = _Csv(sys.stdout.buffer)
        try:
            with redirect_stdout(sys.stderr):  # a step that prints is no row
                yield stdout
        finally:
            stdout.close()
        return
    path = Path(place)
    with new_file(path) as file:
        sink = _Csv(file) if path.suffix.lower() == ".csv" else _Parquet(file)
        try:
            yield sink
        finally:
            sink.close()
