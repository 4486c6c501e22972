"""Layers that take part of what comes in: rows, slices, fields."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from skmegatron.errors import ShapeError
from skmegatron.io.tables import take_rows
from skmegatron.layers.columns import Names, one_to_one
from skmegatron.layers.core import StatelessLayer


class Filter(StatelessLayer):
    """Keep the observations where a mask is true.

    The one layer that gives fewer rows than it takes. What it gives can meet only what was
    filtered by the same mask; labels, too, have to go through it.

    Examples
    --------
    >>> import numpy as np
    >>> from skmegatron.layers import Filter
    >>> Filter().transform(np.array([10, 20, 30]), np.array([True, False, True]))
    array([10, 30])
    """

    takes_sparse = True
    changes_rows = True

    def transform(self, X: Any, mask: Any) -> Any:
        """Take the rows.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_rows, ...)
        mask : array-like of bool of shape (n_rows,) or (n_rows, 1)

        Returns
        -------
        same type as `X`, of shape (n_kept, ...)

        Raises
        ------
        ShapeError
            If the mask does not have one entry per row.
        TypeError
            If it holds something other than truth values.
        ValueError
            If no row is left.
        """
        X = X if hasattr(X, "shape") else np.asarray(X)
        kept = self.kept_rows(X, mask)
        if not kept.any():
            raise ValueError(
                f"Filter kept none of the {X.shape[0]} rows. Check the mask: "
                "pipeline.transform(X, outputs=[mask_node]) shows it."
            )
        return take_rows(X, kept)

    def transform_batch(self, state: Any, *arrays: Any) -> tuple[Any, Any]:
        """Take the rows of the next batch of a stream, of which none may be left.

        Parameters
        ----------
        state : object
            Has no effect: each row tells for itself.
        *arrays : array
            The rows and the mask, as in `transform`.

        Returns
        -------
        tuple of (same type as the rows, None)
        """
        X, mask = arrays
        X = X if hasattr(X, "shape") else np.asarray(X)
        return take_rows(X, self.kept_rows(X, mask)), None

    def kept_rows(self, X: Any, mask: Any, state: Any = None) -> NDArray[np.bool_]:
        """Tell which rows are kept.

        Parameters
        ----------
        X : array of shape (n_rows, ...)
        mask : array-like of bool of shape (n_rows,) or (n_rows, 1)
        state : object, default=None
            Has no effect: each row tells for itself.

        Returns
        -------
        ndarray of bool of shape (n_rows,)
        """
        mask = mask.toarray() if sparse.issparse(mask) else np.asarray(mask)
        if mask.ndim == 2 and mask.shape[1] == 1:
            mask = mask.ravel()
        if mask.shape != (X.shape[0],):
            raise ShapeError(
                f"Filter takes a mask of shape ({X.shape[0]},), one truth value per row, got "
                f"{mask.shape}. Take one column of a table: Slice(None, 0)(node) > 0."
            )
        if mask.dtype != bool and (pd.isna(mask).any() or not np.isin(mask, (0, 1)).all()):
            raise TypeError(
                f"Filter takes truth values, got {mask.dtype}. Write node > 0, or "
                "Lambda(lambda x: ...)(node) that gives booleans."
            )
        kept: NDArray[np.bool_] = mask.astype(bool)
        return kept

    def feature_names(self, name: str, inbound: Sequence[Names | None]) -> Names | None:
        """Pass the names on."""
        return one_to_one(inbound)


class Slice(StatelessLayer):
    """Index into each axis, the observations being the first.

    Parameters
    ----------
    *slices : int, tuple or None
        One per axis: N takes index N and drops the axis; (N,) from N to the end; (M, N)
        from M up to N; (M, N, P) the same in steps of P; None everything. Axes without one
        are taken whole. None inside a tuple stands for the beginning or the end.

    Notes
    -----
    As in the 2019 library, the first slice cuts the observations. Write ``None`` there to
    keep them all.

    Examples
    --------
    >>> import numpy as np
    >>> from skmegatron.layers import Slice
    >>> table = np.arange(12).reshape(3, 4)
    >>> Slice(None, (1, 3)).transform(table)
    array([[ 1,  2],
           [ 5,  6],
           [ 9, 10]])
    >>> Slice(None, 0).transform(table)
    array([0, 4, 8])
    """

    takes_sparse = True

    def __init__(self, *slices: Any) -> None:
        self.slices = slices

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Get the slices.

        Parameters
        ----------
        deep : bool, default=True
            Has no effect: there is nothing nested.

        Returns
        -------
        dict
        """
        return {"slices": self.slices}

    def set_params(self, **params: Any) -> Self:
        """Set the slices.

        Parameters
        ----------
        **params
            ``slices=(None, (0, 3))``.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If there is another parameter, or `slices` is no tuple.

        Examples
        --------
        >>> import numpy as np
        >>> from skmegatron.layers import Slice
        >>> Slice(None, 0).set_params(slices=(None, (1,))).transform(np.array([[1, 2, 3]]))
        array([[2, 3]])
        """
        unknown = sorted(set(params) - {"slices"})
        if unknown:
            raise ValueError(
                f"Invalid parameter {unknown[0]!r} for estimator Slice. Valid parameters are: "
                "['slices']."
            )
        slices = params.get("slices", self.slices)
        if not isinstance(slices, tuple | list):
            raise ValueError(
                f"slices takes one entry per axis, got {slices!r}. Write slices=({slices!r},)."
            )
        self.slices = tuple(slices)
        return self

    def __sklearn_clone__(self) -> Self:
        return type(self)(*deepcopy(self.slices))

    def __repr__(self, N_CHAR_MAX: int = 700) -> str:
        return f"Slice({', '.join(repr(part) for part in self.slices)})"

    @property
    def changes_rows(self) -> bool:  # type: ignore[override]  # a class constant elsewhere, depends on the parameters here
        """Whether the observations are cut."""
        return bool(self.slices) and self.slices[0] is not None

    @property
    def rowwise(self) -> bool:
        """Whether only columns are cut: rows would have to be counted."""
        return not self.changes_rows

    def validate(self) -> None:
        """Check the slices."""
        for part in self.slices:
            _as_index(part)

    def transform(self, X: Any) -> Any:
        """Index.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_rows, ...)

        Returns
        -------
        {ndarray, sparse matrix}
            A view where numpy can give one. One row or column of a sparse matrix is an
            ndarray.

        Raises
        ------
        ShapeError
            If there are more slices than axes, or an index is out of range.
        """
        return self._cut(X, tuple(_as_index(part) for part in self.slices))

    def transform_batch(self, state: Any, *arrays: Any) -> tuple[Any, Any]:
        """Transform the next batch of a stream, whose rows are counted over all batches.

        Parameters
        ----------
        state : int or None
            How many rows came before.
        *arrays : array-like of shape (n_rows, ...)
            The one array of the batch.

        Returns
        -------
        tuple of (array, int)

        Raises
        ------
        ValueError
            If rows are counted from the end, or a single one is taken.
        """
        (X,) = arrays
        seen = state or 0
        rest = tuple(_as_index(part) for part in self.slices[1:])
        first = (self._rows_after(seen),) if self.slices else ()
        return self._cut(X, (*first, *rest)), seen + X.shape[0]

    def _rows_after(self, seen: int) -> slice:
        """Give the slice of a batch's rows, where some rows came before it."""
        rows = _as_index(self.slices[0])
        countable = isinstance(rows, slice) and min(rows.start or 0, rows.stop or 0) >= 0
        if not countable or (rows.step or 1) < 1:
            raise ValueError(
                f"{self!r} takes rows that no batch can count: in a stream they are counted "
                "from the first on. Write (start, stop) or (start, stop, step) without negative "
                "numbers, or transform all rows at once."
            )
        start, step = rows.start or 0, rows.step or 1
        begin = start - seen if start >= seen else (start - seen) % step
        return slice(begin, None if rows.stop is None else max(rows.stop - seen, 0), step)

    def _cut(self, X: Any, index: tuple[Any, ...]) -> Any:
        X = X.tocsr() if sparse.issparse(X) else np.asarray(X)
        try:
            cut = X[index]
        except IndexError as error:
            raise ShapeError(
                f"{self!r} does not fit an array of shape {tuple(X.shape)}: {error}. Give at "
                "most one slice per axis, the observations being the first."
            ) from error
        one_axis_less = any(isinstance(part, int) for part in index)
        return cut.toarray().ravel() if sparse.issparse(cut) and one_axis_less else cut

    def kept_rows(self, X: Any, state: int | None = None) -> NDArray[Any]:
        """Tell which rows are kept.

        Parameters
        ----------
        X : array of shape (n_rows, ...)
        state : int, default=None
            In a stream: how many rows came before.

        Returns
        -------
        ndarray of int
        """
        rows = _as_index(self.slices[0]) if state is None else self._rows_after(state)
        return np.atleast_1d(np.arange(X.shape[0])[rows])

    def feature_names(self, name: str, inbound: Sequence[Names | None]) -> Names | None:
        """Take the same part of the names, where columns are cut."""
        (names,) = inbound
        cuts = tuple(_as_index(part) for part in self.slices[1:])
        if names is None or len(cuts) > names.ndim:
            return None
        taken = np.asarray(names[cuts] if cuts else names, dtype=object)
        return taken if taken.ndim else taken.reshape(1)


def _as_index(part: Any) -> Any:
    """Turn one of `Slice`'s parts into what numpy indexes with."""
    if part is None:
        return slice(None)
    if isinstance(part, int | np.integer) and not isinstance(part, bool):
        return int(part)
    whole = isinstance(part, tuple | list) and all(
        place is None or (isinstance(place, int | np.integer) and not isinstance(place, bool))
        for place in part
    )
    if not whole or not 1 <= len(part) <= 3 or (len(part) == 3 and part[2] == 0):
        raise ValueError(
            f"Slice takes an integer, None, or a tuple of one to three integers per axis, the "
            f"step not 0, got {part!r}. (5,) means 5 to the end, (3, 6) means 3 up to 6."
        )
    return slice(part[0], None) if len(part) == 1 else slice(*part)


class SplitDict(StatelessLayer):
    """Split dictionaries into one node per field.

    Parameters
    ----------
    fields : list of str
        Keys to pull out, one output each. The nodes are named after them.

    Examples
    --------
    >>> import numpy as np
    >>> from skmegatron.layers import SplitDict
    >>> people = np.array([{"age": 31, "city": "Oslo"}, {"age": 45, "city": "Bergen"}])
    >>> age, city = SplitDict(["age", "city"]).transform(people)
    >>> age, city
    (array([31, 45]), array(['Oslo', 'Bergen'], dtype=object))
    """

    def __init__(self, fields: Sequence[str]) -> None:
        self.fields = fields

    @property
    def n_outputs(self) -> int:  # type: ignore[override]  # a class constant elsewhere, depends on the parameters here
        """One per field."""
        return len(self.fields)

    def validate(self) -> None:
        """Check that `fields` is a list."""
        if isinstance(self.fields, str) or not len(self.fields):
            raise ValueError(
                f"SplitDict takes a list of at least one field, got {self.fields!r}. Write "
                f"SplitDict([{self.fields or 'field'!r}])."
            )

    def _output_names(
        self, name: str | Sequence[str] | None, n_outputs: int
    ) -> Sequence[str] | None:
        self.validate()
        if isinstance(name, str) and n_outputs == 1:
            return None
        if name is None or isinstance(name, str):
            return [str(field) for field in self.fields]
        return super()._output_names(name, n_outputs)

    def transform(self, dicts: Any) -> Any:
        """Split.

        Parameters
        ----------
        dicts : array-like of dict of shape (n_rows,) or (n_rows, 1)

        Returns
        -------
        ndarray of shape (n_rows,), or a tuple of them
            Each of its own dtype; NaN where a dictionary lacks the field, or has None.

        Raises
        ------
        TypeError
            If an entry is no dictionary.
        KeyError
            If no dictionary has the field.
        """
        rows = list(np.asarray(dicts, dtype=object).ravel())
        wrong = sorted({type(row).__name__ for row in rows if not isinstance(row, dict)})
        if wrong:
            raise TypeError(
                f"SplitDict takes an array of dictionaries, got {', '.join(wrong)} among them. "
                "Lambda(...) turns other records into dictionaries."
            )
        columns = tuple(self._column(rows, field) for field in self.fields)
        return columns if len(columns) > 1 else columns[0]

    def _column(self, rows: list[dict[str, Any]], field: str) -> NDArray[Any]:
        if rows and not any(field in row for row in rows):
            known = sorted({str(key) for row in rows[:100] for key in row})
            raise KeyError(f"No dictionary has the field {field!r}; they have {known}.")
        given = (row.get(field) for row in rows)
        # NaN for None: else pandas 2 keeps a None among text, and pandas 3 does not.
        values = pd.Series([np.nan if value is None else value for value in given])
        plain = None if values.dtype.kind in "biufcmM" else object
        column: NDArray[Any] = values.to_numpy(dtype=plain)
        return column

    def feature_names(self, name: str, inbound: Sequence[Names | None]) -> Names | None:
        """Name the column after its node."""
        return np.array([name], dtype=object)
