"""The data of a command: which reader takes it, and what of it goes to which input.

A pipeline is fed batches by the names of its inputs. Where its one input is a whole table, it
gets the columns of the fit; where the fit saw no names, all columns there are.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from skmegatron.errors import MissingColumnError, ShapeError
from skmegatron.io.generator import (
    BatchGenerator,
    CSVGenerator,
    ParquetGenerator,
    SQLGenerator,
)
from skmegatron.nodes.core import InputNode
from skmegatron.pipeline.estimator import Pipeline

STDIN = "-"
_PARQUET = (".parquet", ".pq")


def is_url(place: str) -> bool:
    """Tell a database URL from a path.

    Parameters
    ----------
    place : str

    Returns
    -------
    bool
    """
    return "://" in place


@contextmanager
def opened(
    place: str, size: int, query: str | None, exclude: Sequence[str], dtype: Mapping[str, str]
) -> Iterator[BatchGenerator]:
    """Find the reader for where the data is.

    Parameters
    ----------
    place : str
        A CSV file, a Parquet file or a folder of them, a database URL, or ``-`` for CSV from
        stdin, which is kept in a temporary file: it is looked at twice.
    size : int
        Rows of a batch.
    query : str or None
        For a database.
    exclude : sequence of str
        Columns to leave out.
    dtype : mapping of str to str
        Of columns, by name.

    Yields
    ------
    BatchGenerator
    """
    options: dict[str, Any] = {"exclude_cols": list(exclude), "dtype": dict(dtype) or None}
    if place == STDIN:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "stdin"
            with open(path, "wb") as file:
                shutil.copyfileobj(sys.stdin.buffer, file)
            yield CSVGenerator(path, size, **options)
    elif is_url(place):
        yield SQLGenerator(place, query, size, **options)
    elif os.path.isdir(place) or place.lower().endswith(_PARQUET):
        yield ParquetGenerator(place, size, **options)
    else:
        yield CSVGenerator(place, size, **options)


class Fed:
    """Batches of a reader, as a pipeline takes them.

    Parameters
    ----------
    batches : BatchGenerator
    pipeline : Pipeline
    index : str or None
        The column that holds the keys of the rows.

    Attributes
    ----------
    key : str or None
        Under which a batch holds the keys of its rows.
    prefetch : bool
        Whether the reader may read ahead in another thread.
    """

    def __init__(self, batches: BatchGenerator, pipeline: Pipeline, index: str | None) -> None:
        self.prefetch = batches.prefetch
        self._batches, self._index = batches, index
        self._inputs: list[InputNode] = pipeline.graph.data_inputs
        self._names: list[str] | None = getattr(pipeline, "feature_names_in_", None)
        self._n_columns: int | None = getattr(pipeline, "n_features_in_", None)
        # Labels in the table are no features.
        self._apart = {index, *(node.name for node in pipeline.graph.targets)}
        # The keys stand beside the inputs, one of which may have the name of their column.
        self.key = index
        while self.key in pipeline.graph.node_names.values():
            self.key = f"{self.key}_"

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for batch in self._batches:
            if self._index is not None and self._index not in batch:
                raise MissingColumnError(
                    f"There is no column {self._index!r} to take the index from; the columns "
                    f"are {list(batch)}. Name one of them: --index COLUMN."
                )
            fed = self._bound(batch)
            if self.key is not None and self._index is not None:
                fed.setdefault(self.key, batch[self._index])
            yield fed

    def _bound(self, batch: Mapping[str, Any]) -> dict[str, Any]:
        """Take what the inputs ask for, by their names."""
        alone = self._inputs[0] if len(self._inputs) == 1 else None
        whole = alone is not None and alone.columns is None and alone.shape != ()
        if alone is not None and whole and np.ndim(batch.get(alone.name, 0)) < 2:
            return {alone.name: self._table(batch)}
        rest = self._rest(batch)
        fed: dict[str, Any] = {}
        for node in self._inputs:
            columns = [node.name] if node.columns is None else list(node.columns)
            if any(isinstance(column, int) for column in columns):  # places in the table
                fed[node.name] = pd.DataFrame({name: batch[name] for name in rest})
            fed |= {str(name): batch[str(name)] for name in columns if name in batch}
        return fed

    def _table(self, batch: Mapping[str, Any]) -> Any:
        if self._names is not None:
            missing = [name for name in self._names if name not in batch]
            if missing:
                raise MissingColumnError(
                    f"The pipeline was fitted on columns that are not there: {missing}. The "
                    f"columns that came are {list(batch)}."
                )
            return pd.DataFrame({name: batch[name] for name in self._names})
        names = self._rest(batch)
        table = _side_by_side([batch[name] for name in names])
        if self._n_columns not in (None, table.shape[1]):
            raise ShapeError(
                f"The pipeline was fitted on {self._n_columns} columns without names, got "
                f"{table.shape[1]}: {names}. Leave others out: --exclude COLUMN, or --index "
                "COLUMN for the one that holds the index."
            )
        return table

    def _rest(self, batch: Mapping[str, Any]) -> list[str]:
        return [name for name in batch if name not in self._apart]


def _side_by_side(arrays: Sequence[Any]) -> Any:
    mixed = any(array.dtype.kind not in "biufc" for array in arrays)
    if mixed and len({array.dtype for array in arrays}) > 1:
        arrays = [array.astype(object) for array in arrays]
    return np.column_stack(arrays)
