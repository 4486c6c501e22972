"""The columns that an explorer sees, batch after batch."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from skmegatron.errors import ShapeError
from skmegatron.io.tables import column_names, is_frame, select_column
from skmegatron.layers.columns import distinct_names, numbered
from skmegatron.layers.metrics import NodeNames

Array = NDArray[Any]


Texts = dict[int, Array]


class _Columns:
    """Lays arrays out as columns, and knows what these are called.

    Parameters
    ----------
    names : sequence of (str, sequence of str or None) or None
        Of the nodes, and of those given by keyword behind them.
    pooled : bool, default=False
        Whether an observation with several axes is one column of all its values.

    Attributes
    ----------
    labels : ndarray of str or None
        Name of each column, once a batch came.
    texts, numeric : set of int
        The columns that have held text, and numbers.
    """

    def __init__(self, names: NodeNames, *, pooled: bool = False) -> None:
        self.names = names
        self.pooled = pooled
        self.labels: Any = None
        self.texts: set[int] = set()
        self.numeric: set[int] = set()

    def read(self, arrays: Sequence[Any]) -> tuple[Array, Texts]:
        """Split arrays into numbers, which are missing where there is text, and text."""
        blocks = self.blocks(arrays)
        if len({len(block) for block in blocks}) > 1:
            shapes = ", ".join(str(np.shape(array)) for array in arrays)
            raise ShapeError(f"Nodes that are explored together have equal rows, got {shapes}.")
        numbers: list[Array] = []
        texts: Texts = {}
        for block in blocks:
            part, found = self.split(block, sum(before.shape[1] for before in numbers))
            numbers.append(part)
            texts |= found
        return numbers[0] if len(numbers) == 1 else np.concatenate(numbers, axis=1), texts

    def blocks(self, arrays: Sequence[Any]) -> list[Array]:
        """Lay arrays out as blocks with two axes; each column of a frame is a block."""
        blocks: list[Array] = []
        names: list[Array] = []
        prefixes = [f"x{place}" for place in range(len(arrays))]
        for place, array in enumerate(arrays):
            own: Sequence[Any] | None = None
            if is_frame(array):
                own = column_names(array)
                parts = [select_column(array, position) for position in range(len(own))]
            else:
                parts = [array.toarray() if sparse.issparse(array) else np.asarray(array)]
            parts = [self._flat(part) for part in parts]
            width = sum(part.shape[1] for part in parts)
            if self.names is not None:
                prefixes[place], columns = self.names[place]
                own = own if columns is None else columns
                label = numbered(prefixes[place], width) if width != 1 else prefixes[place:][:1]
            else:
                start = sum(map(len, names))
                label = numbered("x", start + width)[start:]
            known = own if own is not None and len(own) == width else label
            names.append(np.array([str(name) for name in known], dtype=object))
            blocks.extend(parts)
        labels = distinct_names(prefixes, names)
        if self.labels is None:
            self.labels = labels
        elif len(labels) != len(self.labels):
            raise ShapeError(
                f"A batch has {len(labels)} columns, and those before had {len(self.labels)}: "
                f"{', '.join(self.labels[:10])}. Batches of one stream have equal columns."
            )
        return blocks

    def _flat(self, part: Array) -> Array:
        if self.pooled and part.ndim > 2:
            return part.reshape(-1, 1)
        return part.reshape(len(part), int(np.prod(part.shape[1:])))

    def split(self, block: Array, first: int) -> tuple[Array, Texts]:
        """Split a block whose columns are numbered from `first` into numbers and text."""
        texts: Texts = {}
        if block.dtype.kind in "biuf":
            kept = block.dtype in (np.float32, np.float64)
            numbers = block if kept else block.astype(np.float64)
        else:
            numbers = np.full(block.shape, np.nan)
            for place, column in enumerate(block.T):
                found = _as_numbers(column)
                if found is None:
                    texts[first + place] = _as_objects(column)
                else:
                    numbers[:, place] = found
        self.texts |= set(texts)
        self.numeric |= {first + int(p) for p in np.flatnonzero(~np.isnan(numbers).all(axis=0))}
        for place in self.texts & self.numeric:
            raise ValueError(
                f"{self.labels[place]!r} holds numbers in some batches and text in others. Read "
                "it with one type, such as dtype={...: str} in pd.read_csv."
            )
        return numbers, texts


def _as_objects(column: Array) -> Array:
    """Give values as Python has them; numpy would make some dates whole numbers."""
    if column.dtype.kind not in "mM":
        return column.astype(object)
    return np.array([*pd.Series(column), None], dtype=object)[:-1]


def _as_numbers(column: Array) -> Array | None:
    """Give a column of objects as numbers, if that is what they are."""
    if column.dtype != object:
        return None
    missing = pd.isna(column)
    if not all(isinstance(value, Real | Decimal | np.bool_) for value in column[~missing]):
        return None
    numbers = np.full(len(column), np.nan)
    numbers[~missing] = column[~missing].astype(np.float64)
    return numbers
