"""Rows of a dataframe of any library.

Columns become arrays once a pass, and batches are views of them: a column then has one
dtype, wherever its missing values are.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from skmegatron.errors import ReadError
from skmegatron.io.sources.columns import Batch, asked_dtypes, distinct, kept, sliced
from skmegatron.io.sources.pinning import cast
from skmegatron.io.tables import (
    column_names,
    guarded,
    is_frame,
    select_column,
    select_objects,
    take_rows,
)

_WHERE = "The dataframe"


class FrameSource:
    """Rows of a dataframe.

    Parameters
    ----------
    frame : dataframe
        Of pandas, polars or pyarrow.
    exclude_cols : sequence of str
        Columns to leave out.
    dtype : dtype-like or mapping, default=None
        Dtype of all columns, or of some by name.

    Raises
    ------
    TypeError
        If it is no dataframe.
    MissingColumnError
        If `exclude_cols` or `dtype` names a column that there is not.
    ReadError
        If two columns have one name.
    """

    prefetch_from = None  # it is in memory

    def __init__(self, frame: Any, exclude_cols: Any, dtype: Any) -> None:
        if not is_frame(frame):
            raise TypeError(
                "Expected a dataframe of pandas, polars or pyarrow, got "
                f"{type(frame).__name__}. A dict of arrays becomes a Dataset as "
                "Dataset(**arrays)."
            )
        names = distinct(column_names(frame), _WHERE)
        self.columns = kept(names, exclude_cols, _WHERE)
        self.n_rows = len(frame)
        self._frame = frame
        self._places = {name: names.index(name) for name in self.columns}
        self._dtypes = asked_dtypes(dtype, self.columns, _WHERE)

    def whole(self, limit: int | None = None) -> Batch:
        """Give every column, as a view that nobody can write into.

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
            If a column does not fit the dtype that was asked for.
        """
        frame = self._frame if limit is None else take_rows(self._frame, slice(0, limit))
        return {name: self._column(frame, name) for name in self.columns}

    def _column(self, frame: Any, name: str) -> Any:
        asked = self._dtypes.get(name)
        select = select_objects if asked is not None and asked.kind in "OUS" else select_column
        try:
            values = select(frame, self._places[name])
        except ValueError as error:
            raise ReadError(
                f"{_WHERE}: column {name!r} holds lists or arrays that differ in shape "
                f"({error}). Leave it out with exclude_cols=[{name!r}]."
            ) from error
        if asked is not None:
            values = cast(values, asked, _WHERE, name)
        return guarded(values)

    def batches(self, size: int) -> Generator[Batch]:
        """Cut the rows into batches.

        Parameters
        ----------
        size : int

        Yields
        ------
        dict of str to ndarray
        """
        yield from sliced(self.whole(), size)
