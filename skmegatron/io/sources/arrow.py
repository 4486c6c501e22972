"""Arrow columns as arrays.

Arrow knows the type of every column beforehand, and not whether values are missing, which
numpy's integers and booleans cannot be: that is what the first block, or the statistics of
a Parquet file, must tell.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skmegatron.errors import ReadError
from skmegatron.io.sources.columns import Batch, Dtypes
from skmegatron.io.sources.pinning import cast, misfit, natural
from skmegatron.optional import optional


def pyarrow(module: str = "pyarrow") -> Any:
    """Import pyarrow, or say how to install it.

    Parameters
    ----------
    module : str, default="pyarrow"

    Returns
    -------
    module
    """
    return optional(module, extra="arrow", purpose="Reading Parquet or DuckDB")


class Rebatched:
    """Record batches of any size, as tables of the size asked for.

    Parameters
    ----------
    batches : iterable of RecordBatch
    schema : Schema
    """

    def __init__(self, batches: Iterable[Any], schema: Any) -> None:
        self._batches = iter(batches)
        self._schema = schema
        self._left: list[Any] = []

    def take(self, n_rows: int | None) -> Any:
        """Give the next rows.

        Parameters
        ----------
        n_rows : int or None
            None gives all that are left.

        Returns
        -------
        Table
            Of fewer rows where the batches end.
        """
        taken, missing = [], float("inf") if n_rows is None else n_rows
        while missing > 0:
            batch = self._left.pop() if self._left else next(self._batches, None)
            if batch is None:
                break
            if batch.num_rows > missing:
                self._left.append(batch.slice(missing))
                batch = batch.slice(0, missing)
            taken.append(batch)
            missing -= batch.num_rows
        return pyarrow().Table.from_batches(taken, self._schema)

    def close(self) -> None:
        """End the batches, where they hold something open."""
        close = getattr(self._batches, "close", None)
        if close is not None:
            close()


class ArrowColumns:
    """Turn Arrow tables into columns, each with one dtype for all of them.

    Parameters
    ----------
    where : str
        File or query, for messages.
    wanted : sequence of str
        Columns to keep.
    dtypes : dict of str to dtype
        Dtypes that were asked for.
    gaps : mapping of str to bool, default={}
        Whether a column has missing values, as far as that is known beforehand.
    """

    def __init__(
        self,
        where: str,
        wanted: Sequence[str],
        dtypes: Dtypes,
        gaps: Mapping[str, bool] | None = None,
    ) -> None:
        self._where = where
        self._wanted = wanted
        self._dtypes = dtypes
        self._gaps = dict(gaps or {})
        self._pins: dict[str, tuple[np.dtype[Any], tuple[int, ...]]] = {}

    def columns(self, table: Any, first_row: int = 0) -> Batch:
        """Turn a table into columns.

        Parameters
        ----------
        table : Table
        first_row : int, default=0
            Number of its first row in the whole, for messages.

        Returns
        -------
        dict of str to ndarray
            Without missing values, numbers are views that nobody can write into.

        Raises
        ------
        ReadError
            If a value is missing where earlier rows had none, or lists differ in length.
        """
        return {
            name: self._column(name, table.column(position), first_row)
            for position, name in enumerate(map(str, table.column_names))
            if name in self._wanted
        }

    def _column(self, name: str, column: Any, first_row: int) -> NDArray[Any]:
        asked = self._dtypes.get(name)
        if asked is not None and asked.kind in "OUS" and not _holds_lists(column.type):
            # numpy has no integers with gaps, and floats would lose their digits
            values = natural(column.to_pylist(), frozenset({object}))
            return cast(values, asked, self._where, name, first_row)
        gaps = self._gaps.get(name, False) and asked is None
        values = self._array(name, column, first_row, gaps)
        if asked is not None:
            return cast(values, asked, self._where, name, first_row)
        got = (values.dtype, values.shape[1:])
        pinned = self._pins.setdefault(name, got)
        if got == pinned:
            return values
        if got[1] == pinned[1] and values.dtype.kind in "iub" and pinned[0].kind in "fO":
            return values.astype(pinned[0])
        if column.null_count and not pinned[1]:
            row = int(np.argmax(column.is_null().to_numpy()))
            raise misfit(self._where, name, first_row + row, None, pinned[0])
        raise ReadError(
            f"{self._where}: column {name!r} becomes shape {got[1]} {got[0]} from row "
            f"{first_row} on, where it was shape {pinned[1]} {pinned[0]} before. Leave it out "
            f"with exclude_cols=[{name!r}]."
        )

    def _array(self, name: str, column: Any, first_row: int, gaps: bool = False) -> NDArray[Any]:
        types = pyarrow("pyarrow.types")
        kind = column.type
        if types.is_dictionary(kind):
            return self._array(name, column.cast(kind.value_type), first_row, gaps)
        if _holds_lists(kind):
            return self._stacked(name, column, first_row)
        if types.is_null(kind):
            return np.full(len(column), np.nan)
        if types.is_integer(kind) and (gaps or column.null_count):
            return np.asarray(column.cast("float64", safe=False).to_numpy())
        if types.is_decimal(kind):
            return np.asarray(column.cast("float64").to_numpy())
        if types.is_time(kind) or types.is_nested(kind):
            return natural(column.to_pylist(), frozenset({object}))
        values = np.asarray(column.to_numpy())
        return values.astype(object) if gaps and values.dtype == bool else values

    def _stacked(self, name: str, column: Any, first_row: int) -> NDArray[Any]:
        compute = pyarrow("pyarrow.compute")
        lengths = np.asarray(compute.list_value_length(column).to_numpy(), dtype=float)
        odd = np.flatnonzero(lengths != (lengths[0] if len(lengths) else 0))
        if len(odd):
            place = int(odd[0])
            raise ReadError(
                f"{self._where}: column {name!r} holds lists that must be equally long to "
                f"become one array; row {first_row} has {_length(lengths[0])}, row "
                f"{first_row + place} has {_length(lengths[place])}. Leave the column out with "
                f"exclude_cols=[{name!r}]."
            )
        fixed = getattr(column.type, "list_size", 0)
        width = int(lengths[0]) if len(lengths) else fixed
        inner = self._array(name, compute.list_flatten(column), first_row)
        return inner.reshape(len(column), width, *inner.shape[1:])


def _holds_lists(kind: Any) -> bool:
    types = pyarrow("pyarrow.types")
    return bool(types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind))


def _length(length: float) -> str:
    return "a missing value" if np.isnan(length) else f"{length:.0f} values"
