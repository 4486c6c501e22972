"""The data of a command: which reader takes it, and what of it goes to which input.

A pipeline is fed batches by the names of its inputs. Where its one input is a whole table, it
gets the columns of the fit; where the fit saw no names, all columns there are.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence, Sized
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from skmegatron.errors import MissingColumnError, MissingInputError, ReadError, ShapeError
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
_WHOLE = re.compile(r"0|-?[1-9][0-9]{0,17}")


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


@dataclass(frozen=True)
class Asked:
    """What of the data is asked for.

    Attributes
    ----------
    place : str
        A CSV file, a Parquet file or a folder of them, a database URL, or ``-`` for CSV from
        stdin, which is kept in a temporary file: it is looked at twice.
    size : int
        Rows of a batch.
    index : str or None
        The column that holds the keys of the rows.
    query : str or None
        For a database.
    exclude : sequence of str
        Columns to leave out.
    dtype : mapping of str to str
        Of columns, by name.
    typed : bool
        Whether keys in text that are whole numbers become numbers.
    """

    place: str
    size: int
    index: str | None
    query: str | None
    exclude: Sequence[str]
    dtype: Mapping[str, str]
    typed: bool

    @property
    def told(self) -> str:
        """What errors call it; a URL may hold a password."""
        return self.place if self.query is None else self.query


@contextmanager
def opened(asked: Asked, pipeline: Pipeline) -> Iterator[Fed]:
    """Open the data, as batches that a pipeline takes.

    Parameters
    ----------
    asked : Asked
    pipeline : Pipeline

    Yields
    ------
    Fed
    """
    with _reader(asked, pipeline) as fed:
        try:
            yield fed
        except (MissingColumnError, MissingInputError, ShapeError) as error:
            if isinstance(error, MissingInputError):
                error.add_note(f"  the columns of {asked.told!r} are {fed.columns}")
            if len(fed.columns) == 1 and any(mark in fed.columns[0] for mark in ";\t|"):
                error.add_note("  CSV is read as separated by commas: write it so")
            raise


@contextmanager
def _reader(asked: Asked, pipeline: Pipeline) -> Iterator[Fed]:
    place, size = asked.place, asked.size
    if place == STDIN:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "stdin"
            with open(path, "wb") as file:
                shutil.copyfileobj(sys.stdin.buffer, file)
            yield _from_text(path, asked, pipeline)
    elif is_url(place):
        dtype = dict(asked.dtype) or None
        batches = SQLGenerator(place, asked.query, size, exclude_cols=asked.exclude, dtype=dtype)
        yield Fed(batches, pipeline, asked.index)
    elif os.path.isdir(place) or place.lower().endswith(_PARQUET):
        yield _from_parquet(asked, pipeline)
    else:
        yield _from_text(Path(place), asked, pipeline)


def _from_parquet(asked: Asked, pipeline: Pipeline) -> Fed:
    dtype = dict(asked.dtype) or None
    batches = ParquetGenerator(asked.place, asked.size, asked.exclude, dtype=dtype)
    left = _left_out(batches, asked, Fed(batches, pipeline, asked.index))
    batches = ParquetGenerator(asked.place, asked.size, left, dtype=dtype)
    return Fed(batches, pipeline, asked.index)


def _from_text(path: Path, asked: Asked, pipeline: Pipeline) -> Fed:
    """Read the keys of the rows as they are written, so that 007 stays 007."""
    dtype = dict(asked.dtype)
    batches = CSVGenerator(path, asked.size, asked.exclude, dtype=dtype or None)
    fed = Fed(batches, pipeline, asked.index)
    as_text = asked.index in (batches.columns or ()) and asked.index not in {*dtype, *fed.named}
    options: dict[str, Any] = {"converters": {asked.index: _marked}} if as_text else {}
    left = _left_out(batches, asked, fed)
    batches = CSVGenerator(path, asked.size, left, dtype=dtype or None, **options)
    return Fed(batches, pipeline, asked.index, marked=as_text, typed=asked.typed)


def _left_out(batches: BatchGenerator, asked: Asked, fed: Fed) -> list[str]:
    """Add what nobody reads to what is left out: a wrong value there is no reason to fail."""
    columns, wanted = set(batches.columns or ()), {*fed.named, asked.index} - {None}
    if fed.takes_all or not wanted <= columns:  # an error lists all that there is
        return list(asked.exclude)
    return [*asked.exclude, *(columns - wanted - {*asked.dtype, *fed.inputs})]


class Fed:
    """Batches of a reader, as a pipeline takes them.

    Parameters
    ----------
    batches : BatchGenerator
    pipeline : Pipeline
    index : str or None
        The column that holds the keys of the rows.
    marked : bool, default=False
        Whether keys come as text behind a mark.
    typed : bool, default=False
        Whether such keys become numbers, if those of the first batch are whole ones.

    Attributes
    ----------
    key : str or None
        Under which a batch holds the keys of its rows.
    n_rows : int or None
        Where that can be told beforehand: about how many there are.
    named : set of str
        Columns that the pipeline asks for by name.
    inputs : set of str
        Names of its inputs.
    takes_all : bool
        Whether it asks for all columns, whatever their names.
    columns : list of str
        Of the batch that was read last.
    prefetch : bool
        Whether the reader may read ahead in another thread.
    """

    def __init__(
        self,
        batches: BatchGenerator,
        pipeline: Pipeline,
        index: str | None,
        *,
        marked: bool = False,
        typed: bool = False,
    ) -> None:
        self.prefetch = batches.prefetch
        self.columns: list[str] = []
        self.n_rows = len(batches) * batches.batch_size if isinstance(batches, Sized) else None
        self._batches, self._index = batches, index
        self._marked, self._typed = marked, marked and typed
        self._inputs: list[InputNode] = pipeline.graph.data_inputs
        alone = self._inputs[0] if len(self._inputs) == 1 else None
        whole = alone is not None and alone.columns is None and alone.shape != ()
        self._whole = alone.name if alone is not None and whole else None
        self._names: list[str] | None = getattr(pipeline, "feature_names_in_", None)
        self._n_columns: int | None = getattr(pipeline, "n_features_in_", None)
        self.inputs = {str(node.name) for node in self._inputs}
        asked = {column for node in self._inputs for column in node.columns or (node.name,)}
        self.takes_all = self._names is None and self._whole is not None
        self.takes_all |= any(isinstance(column, int) for column in asked)
        if self._whole is not None:
            asked = set(() if self._names is None else self._names)
        self.named = {str(column) for column in asked}
        # Labels in the table are no features.
        self._apart = {index, *(node.name for node in pipeline.graph.targets)}
        # The keys stand beside the inputs, one of which may have the name of their column.
        self.key = index
        while self.key in pipeline.graph.node_names.values():
            self.key = f"{self.key}_"

    def __iter__(self) -> Iterator[dict[str, Any]]:
        numbers = self._typed
        for place, batch in enumerate(self._batches):
            self.columns = list(batch)
            if self._index is not None and self._index not in batch:
                raise MissingColumnError(
                    f"There is no column {self._index!r} to take the index from; the columns "
                    f"are {list(batch)}. Name one of them: --index COLUMN."
                )
            fed = self._bound(batch)
            if self.key is not None and self._index is not None:
                keys = batch[self._index]
                keys = _unmarked(keys) if self._marked else keys
                numbers = numbers and (place > 0 or _odd_key(keys) is None)
                fed.setdefault(self.key, _numbers(keys, self._index) if numbers else keys)
            yield fed

    def _bound(self, batch: Mapping[str, Any]) -> dict[str, Any]:
        """Take what the inputs ask for, by their names."""
        whole = self._whole
        if whole is not None and np.ndim(batch.get(whole, 0)) < 2:
            return {whole: self._table(batch)}
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


def _marked(key: str) -> str | None:
    """Write a mark ahead of a key, or pandas would read NA and its like as missing."""
    return f"={key}" if key else None


def _unmarked(keys: Any) -> Any:
    texts = [key[1:] if isinstance(key, str) else np.nan for key in keys]
    return np.array(texts, dtype=object)


def _odd_key(keys: Any) -> Any:
    """Give the first key that is no whole number, written as one; None if all are."""
    return next((key for key in keys if not _WHOLE.fullmatch(str(key))), None)


def _numbers(keys: Any, column: str) -> Any:
    odd = _odd_key(keys)
    if odd is not None:
        raise ReadError(
            f"{odd!r} in column {column!r} is no whole number, which the keys of the first batch "
            f"were. Write dtype={{{column!r}: 'str'}} to read all of them as text."
        )
    return keys.astype(np.int64)


def _side_by_side(arrays: Sequence[Any]) -> Any:
    mixed = any(array.dtype.kind not in "biufc" for array in arrays)
    if mixed and len({array.dtype for array in arrays}) > 1:
        arrays = [array.astype(object) for array in arrays]
    return np.column_stack(arrays)
