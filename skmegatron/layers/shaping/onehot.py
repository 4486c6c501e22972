"""One-hot encoding, of labels and of ranges."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from numbers import Real
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse
from sklearn.utils.validation import check_is_fitted

from skmegatron.errors import ShapeError
from skmegatron.io.tables import join
from skmegatron.io.unwritten import Unwritten
from skmegatron.layers.columns import Names
from skmegatron.layers.core import StatefulLayer

#: Integers within this range are looked up in a table rather than hashed.
_TABLE_SIZE = 1 << 16
#: From so many objects on it pays to find the different ones first.
_MANY = 1000
#: Up to so many columns the table of all encodings is small.
_FEW = 256

#: What scipy can number with 32 bits. More is a mistake, such as an id that was no category.
_MOST_COLUMNS = (1 << 31) - 1


class _OneHot(StatefulLayer):
    """What both encoders do once they know which column each value belongs to."""

    strict: bool
    sparse: bool
    dtype: Any
    _remedy = "Fit on data that has them"

    def _codes(self, values: NDArray[Any]) -> NDArray[np.intp]:
        """Give the column of each value, -1 where there is none."""
        raise NotImplementedError

    def _labels(self) -> NDArray[Any]:
        """Give what each column stands for."""
        raise NotImplementedError

    def _n_columns(self) -> int:
        return len(self._labels())

    @property
    def labels(self) -> NDArray[Any]:
        """What each column stands for, of shape (n_categories,)."""
        return self._labels()

    def transform(self, X: Any) -> Any:
        """Encode.

        Parameters
        ----------
        X : array-like of shape (n_rows, ...)

        Returns
        -------
        {ndarray, csr_array} of shape (n_rows, ..., n_categories)
            Zeros where a value was not seen in `fit`.

        Raises
        ------
        ValueError
            If `strict` and a value was not seen in `fit`.
        ShapeError
            If the result is to be sparse, which takes two axes, and would have more.
        """
        X = _as_array(X)
        codes = self._known_codes(X)
        n_columns = self._n_columns()
        if self.sparse:
            if X.ndim > 2 or (X.ndim == 2 and X.shape[1] != 1):
                raise ShapeError(
                    f"A sparse matrix has two axes, so sparse=True takes shape (n_rows,), got "
                    f"{X.shape}. Leave sparse=False for more."
                )
            known = codes >= 0
            ends = np.concatenate([[0], np.cumsum(known)])
            kept = codes if ends[-1] == len(codes) else codes[known]
            ones = np.ones(len(kept), dtype=self.dtype)
            return sparse.csr_array((ones, kept, ends), shape=(len(codes), n_columns))
        return _encoded(codes, n_columns, np.dtype(self.dtype)).reshape(*X.shape, n_columns)

    def unwritten(self, X: Any) -> Any:
        """Encode when the columns are put beside others.

        Parameters
        ----------
        X : array-like of shape (n_rows, ...)

        Returns
        -------
        Unwritten of shape (n_rows, n_categories)
            Or what `transform` gives, where that is sparse or has more axes.

        Raises
        ------
        ValueError
            If `strict` and a value was not seen in `fit`.
        """
        X = _as_array(X)
        if self.sparse or X.ndim != 1:
            return self.transform(X)
        return _OneHotColumns(self._known_codes(X), self._n_columns(), np.dtype(self.dtype))

    def _known_codes(self, X: NDArray[Any]) -> NDArray[np.intp]:
        """Give the column of each value, and raise where a strict layer has none."""
        if self.stateful:
            check_is_fitted(self)
        codes = self._codes(X.ravel())
        if self.strict and (unknown := codes < 0).any():
            some = pd.unique(X.ravel()[unknown])[:5].tolist()
            raise ValueError(
                f"{type(self).__name__} has no column for the values {some}. {self._remedy}, or "
                "leave strict=False to encode them as zeros."
            )
        return codes

    def inverse_transform(self, X: Any) -> NDArray[Any]:
        """Give the label of the largest entry.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_rows, ..., n_categories)
            One-hot, or probabilities.

        Returns
        -------
        ndarray of shape (n_rows, ...)
            None where all entries are zero; NaT among dates.

        Raises
        ------
        ShapeError
            If the last axis does not have one entry per category.

        Examples
        --------
        >>> import numpy as np
        >>> from skmegatron.layers import OneHotLabels
        >>> encoder = OneHotLabels().fit(np.array(["Rome", "Oslo"]))
        >>> encoder.inverse_transform(np.array([[0.2, 0.8], [0.9, 0.1]]))
        array(['Rome', 'Oslo'], dtype='<U4')
        """
        if self.stateful:
            check_is_fitted(self)
        X = X if sparse.issparse(X) else np.asarray(X)
        labels = self._labels()
        if X.ndim < 2 or X.shape[-1] != len(labels):
            raise ShapeError(
                f"inverse_transform takes shape (n_rows, ..., {len(labels)}), one entry per "
                f"category in the last axis, got {tuple(X.shape)}. Give what transform gave."
            )
        if len(labels) == 0:
            return np.full(X.shape[:-1], None, dtype=object)
        if sparse.issparse(X):
            codes = np.asarray(X.argmax(axis=1)).ravel()
            empty = np.asarray((X != 0).sum(axis=1)).ravel() == 0
        else:
            codes, empty = X.argmax(axis=-1), ~X.astype(bool).any(axis=-1)
        found: NDArray[Any] = labels[codes]
        if empty.any():
            # Dates have a None of their own, and would turn into integers as objects.
            found = found if found.dtype.kind in "mM" else found.astype(object)
            found[empty] = None
        return found

    def feature_names(self, name: str, inbound: Sequence[Names | None]) -> Names | None:
        """Name each column after what was encoded and the label: ``city_Oslo``."""
        (names,) = inbound
        if names is None:
            return None
        labels = self._labels()
        return np.array(
            [f"{column}_{label}" for column in names for label in labels], dtype=object
        )


class _OneHotColumns(Unwritten):
    """Codes that become columns when they are written."""

    def __init__(self, codes: NDArray[np.intp], n_columns: int, dtype: np.dtype[Any]) -> None:
        # In as few bytes as hold them: they wait until all the others are known.
        self.codes = codes.astype(np.min_scalar_type(-1 - n_columns))
        self.shape = len(codes), n_columns
        self.dtype = dtype

    def write(self, out: NDArray[Any], rows: slice) -> None:
        out[...] = _encoded(self.codes[rows], self.shape[1], self.dtype)


def _encoded(codes: NDArray[Any], n_columns: int, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Give rows that are 1 in the column of their code, and zeros for -1."""
    if n_columns <= _FEW:
        # Rows of a table, whose last one is zeros and stands for -1: one pass over memory.
        return np.eye(n_columns + 1, n_columns, dtype=dtype).take(codes, axis=0)
    encoded = np.zeros((codes.size, n_columns), dtype=dtype)
    rows = np.flatnonzero(codes >= 0)
    encoded[rows, codes[rows]] = 1
    return encoded


class OneHotLabels(_OneHot):
    """One column per category: strings, integers, floats, booleans, None and NaN.

    Parameters
    ----------
    strict : bool, default=False
        Whether a value that was not seen in `fit` is an error; else it is encoded as zeros.
    sparse : bool, default=False
        Whether to give a scipy sparse array.
    dtype : dtype, default=np.float32
        Of the result.

    Attributes
    ----------
    categories_ : ndarray of shape (n_categories,)
        Sorted; missing values last.

    Examples
    --------
    >>> import numpy as np
    >>> from skmegatron.layers import OneHotLabels
    >>> cities = OneHotLabels().fit(np.array(["Oslo", "Bergen", "Oslo"]))
    >>> cities.transform(np.array(["Bergen", "Paris"]))
    array([[1., 0.],
           [0., 0.]], dtype=float32)
    >>> cities.inverse_transform([[0, 1]])
    array(['Oslo'], dtype='<U6')
    """

    categories_: NDArray[Any]

    def __init__(
        self, strict: bool = False, sparse: bool = False, dtype: Any = np.float32
    ) -> None:
        self.strict = strict
        self.sparse = sparse
        self.dtype = dtype

    def partial_fit(self, X: Any) -> Self:
        """Add the values of one more batch.

        Parameters
        ----------
        X : array-like of shape (n_rows, ...)

        Returns
        -------
        self

        Examples
        --------
        >>> import numpy as np
        >>> from skmegatron.layers import OneHotLabels
        >>> encoder = OneHotLabels().partial_fit(np.array(["Rome"]))
        >>> encoder.partial_fit(np.array(["Oslo"])).categories_
        array(['Oslo', 'Rome'], dtype='<U4')
        """
        return self._add(_as_array(X).ravel())

    def merge(self, other: OneHotLabels) -> Self:
        """Add what another encoder has learned.

        Parameters
        ----------
        other : OneHotLabels
            Fitted on other rows.

        Returns
        -------
        self
            As if fitted on both.

        Examples
        --------
        >>> import numpy as np
        >>> from skmegatron.layers import OneHotLabels
        >>> north, south = np.array(["Oslo"]), np.array(["Rome"])
        >>> encoder = OneHotLabels().fit(north).merge(OneHotLabels().fit(south))
        >>> encoder.transform(np.array(["Rome"]))
        array([[0., 1.]], dtype=float32)
        """
        check_is_fitted(self)
        check_is_fitted(other)
        return self._add(other.categories_)

    def _add(self, values: NDArray[Any]) -> Self:
        new = _unique(values)
        if hasattr(self, "categories_"):
            new = _unique(_joined(self.categories_, new))
        self.categories_ = _sorted(new)
        return self

    def _labels(self) -> NDArray[Any]:
        return self.categories_

    def _codes(self, values: NDArray[Any]) -> NDArray[np.intp]:
        categories = self.categories_
        if len(categories) == 0:
            return np.full(len(values), -1, dtype=np.intp)
        if values.dtype.kind in "iub" and categories.dtype.kind in "iub":
            low, high = int(categories[0]), int(categories[-1])
            if high - low < _TABLE_SIZE:
                table = np.full(high - low + 2, -1, dtype=np.intp)
                table[_places(categories, low, high)] = np.arange(len(categories))
                return table[_places(values, low, high)]
            if values.dtype != categories.dtype:
                # pandas would let those that are out of range overflow.
                inside = (values >= low) & (values <= high)
                return np.where(inside, self._codes(values.astype(categories.dtype)), -1)
        if values.dtype.kind == categories.dtype.kind == "U":
            places = np.searchsorted(categories, values).clip(max=len(categories) - 1)
            return np.where(categories[places] == values, places, -1)
        if values.dtype.kind == "O" and len(values) > _MANY:
            places, labels = pd.factorize(values)  # each label is looked up once
            codes: NDArray[np.intp] = np.append(self._looked_up(labels), -1).take(places)
            missing = places < 0
            if missing.any():
                codes[missing] = self._looked_up(values[missing])
            return codes
        return self._looked_up(values)

    def _looked_up(self, values: NDArray[Any]) -> NDArray[np.intp]:
        """Give the column of each value by way of a hash table."""
        categories = self.categories_
        # As objects, lest pandas infers a type for text first, which takes longer. To pandas
        # True is 1 only among objects.
        kinds = {values.dtype.kind, categories.dtype.kind}
        kind = object if kinds & {*"OU"} or (len(kinds) > 1 and "b" in kinds) else None
        known = pd.Index(categories, dtype=kind)
        found: NDArray[np.intp] = known.get_indexer(pd.Index(values, dtype=kind))
        missing = np.asarray(pd.isna(values)) if kind is object else np.zeros(0, dtype=bool)
        if missing.any():
            # pandas mixes up None and NaN where there is nothing else.
            kinds_of_missing = categories[np.asarray(pd.isna(categories))]
            first = len(categories) - len(kinds_of_missing)
            column = {str(label): first + n for n, label in enumerate(kinds_of_missing)}
            found[missing] = [column.get(str(value), -1) for value in values[missing]]
        return found


class OneHotRange(_OneHot):
    """One column per integer of a range.

    Parameters
    ----------
    strict : bool, default=False
        Whether a value outside the range is an error; else it is encoded as zeros, as
        missing values are.
    min_val, max_val : int, default=None
        Ends of the range, both included. Where `max_val` is given nothing has to be fitted:
        `min_val` is then 0 unless it is given too.
    sparse : bool, default=False
        Whether to give a scipy sparse array.
    dtype : dtype, default=np.float32
        Of the result.

    Attributes
    ----------
    min_val_, max_val_ : int
        Smallest and largest value seen in `fit`.

    Examples
    --------
    >>> import numpy as np
    >>> from skmegatron.layers import OneHotRange
    >>> OneHotRange(max_val=2).transform(np.array([2, 0]))
    array([[0., 0., 1.],
           [1., 0., 0.]], dtype=float32)
    """

    def __init__(
        self,
        strict: bool = False,
        min_val: int | None = None,
        max_val: int | None = None,
        sparse: bool = False,
        dtype: Any = np.float32,
    ) -> None:
        self.strict = strict
        self.min_val = min_val
        self.max_val = max_val
        self.sparse = sparse
        self.dtype = dtype

    @property
    def stateful(self) -> bool:  # type: ignore[override]  # a class constant elsewhere, depends on the parameters here
        """Whether an end of the range has to be learned."""
        return self.max_val is None

    @property
    def _remedy(self) -> str:  # type: ignore[override]  # a class constant elsewhere, depends on the parameters here
        return super()._remedy if self.stateful else f"Raise max_val={self.max_val}"

    def fit(self, *arrays: Any, **fit_only: Any) -> Self:
        """Find the range of the values.

        Parameters
        ----------
        *arrays : array-like of int of shape (n_rows, ...)
            One. Missing values (NaN, None) are passed over.
        **fit_only
            Nothing.

        Returns
        -------
        self

        Raises
        ------
        TypeError
            If a value is no whole number.
        ValueError
            If all values are missing.
        """
        super().fit(*arrays, **fit_only)
        if self.stateful and not hasattr(self, "max_val_"):
            raise ValueError(
                "OneHotRange saw no number to learn from. Fit on data that has some, or give "
                "min_val= and max_val=."
            )
        return self

    def partial_fit(self, X: Any) -> Self:
        """Widen the range to the values of one more batch.

        Parameters
        ----------
        X : array-like of int of shape (n_rows, ...)
            Missing values (NaN, None) are passed over.

        Returns
        -------
        self

        Raises
        ------
        TypeError
            If a value is no whole number.

        Examples
        --------
        >>> import numpy as np
        >>> from skmegatron.layers import OneHotRange
        >>> encoder = OneHotRange().partial_fit(np.array([3, 4])).partial_fit(np.array([1]))
        >>> encoder.min_val_, encoder.max_val_
        (1, 4)
        """
        values, known = _whole_numbers(_as_array(X).ravel())
        values = values[known]
        if len(values) and self.stateful:
            self._widen(int(values.min()), int(values.max()))
        return self

    def merge(self, other: OneHotRange) -> Self:
        """Widen the range to what another encoder has seen.

        Parameters
        ----------
        other : OneHotRange
            Fitted on other rows.

        Returns
        -------
        self
            As if fitted on both.

        Examples
        --------
        >>> import numpy as np
        >>> from skmegatron.layers import OneHotRange
        >>> low, high = OneHotRange().fit(np.array([0, 1])), OneHotRange().fit(np.array([2, 3]))
        >>> low.merge(high).transform(np.array([3]))
        array([[0., 0., 0., 1.]], dtype=float32)
        """
        if self.stateful:
            check_is_fitted(self)
            check_is_fitted(other)
            self._widen(other.min_val_, other.max_val_)
        return self

    def _widen(self, low: int, high: int) -> None:
        self.min_val_ = min(low, getattr(self, "min_val_", low))
        self.max_val_ = max(high, getattr(self, "max_val_", high))

    def _ends(self) -> tuple[int, int]:
        low, high = self.min_val, self.max_val
        if low is None:
            low = self.min_val_ if high is None else 0
        return operator.index(low), operator.index(self.max_val_ if high is None else high)

    def validate(self) -> None:
        """Check that the ends are integers in order."""
        for name, end in (("min_val", self.min_val), ("max_val", self.max_val)):
            if end is not None and not isinstance(end, int | np.integer):
                raise TypeError(f"OneHotRange takes an integer {name}, got {end!r}.")
        if not self.stateful:
            self._n_columns()

    def _labels(self) -> NDArray[Any]:
        low, high = self._ends()
        self._n_columns()
        return np.arange(low, high + 1)

    def _n_columns(self) -> int:
        low, high = self._ends()
        if low > high:
            raise ValueError(f"OneHotRange needs min_val <= max_val, got {low} and {high}.")
        if high - low >= _MOST_COLUMNS:
            raise ValueError(
                f"OneHotRange would need {high - low + 1} columns, one per integer from {low} to "
                f"{high}. OneHotLabels() has columns only for the values that occur."
            )
        return high - low + 1

    def _codes(self, values: NDArray[Any]) -> NDArray[np.intp]:
        values, known = _whole_numbers(values)
        n_columns = self._n_columns()
        places = _places(values, *self._ends())
        inside = known & (places < n_columns)
        return places if inside.all() else np.where(inside, places, -1)


def _as_array(X: Any) -> NDArray[Any]:
    """Give an array of a dtype that pandas can look up."""
    values: NDArray[Any] = np.asarray(X)
    if values.dtype.kind == "f" and values.dtype.itemsize not in (4, 8):
        return values.astype(np.float32 if values.dtype.itemsize == 2 else np.float64)
    return values.astype(object) if values.dtype.kind in "ST" else values


def _places(values: NDArray[Any], low: int, high: int) -> NDArray[np.intp]:
    """Give each value's distance from `low`; one past the end where it is out of range."""
    outside = (values < low) | (values > high)
    inside = values[~outside] if outside.any() else values
    distance: NDArray[np.intp]
    if inside.dtype.kind == "f":
        distance = (inside - low).astype(np.intp)
    elif inside.dtype.kind == "i" and -(2**63) <= low < 2**63:
        distance = np.subtract(inside, low, dtype=np.int64)
    else:
        # Modulo 2**64, where the ends of int64 and uint64 cannot overflow.
        distance = (inside.astype(np.uint64) - np.uint64(low % 2**64)).astype(np.intp)
    if len(inside) == len(values):
        return distance
    places = np.full(len(values), high - low + 1, dtype=np.intp)
    places[~outside] = distance
    return places


def _whole_numbers(values: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Give values as whole numbers, and which of them are not missing."""
    if values.dtype.kind in "iub":
        return values, np.ones(len(values), dtype=bool)
    known = ~np.asarray(pd.isna(values), dtype=bool)
    numbers = values[known]
    try:
        if numbers.dtype == object:  # by way of a list, so that integers stay exact
            numbers = np.asarray(numbers.tolist())
        if numbers.dtype.kind not in "iubfO":
            raise TypeError(f"{numbers.dtype} cannot be counted")
        if numbers.dtype.kind not in "iub":
            numbers = numbers.astype(np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise TypeError(
            f"OneHotRange takes whole numbers, got {values.dtype} values that are none ({error}). "
            "Cast(int) reads numbers from text; OneHotLabels takes anything."
        ) from error
    if numbers.dtype.kind == "f":
        wrong = numbers[~np.isfinite(numbers) | (numbers != np.floor(numbers))]
        if len(wrong):
            raise TypeError(
                f"OneHotRange takes whole numbers, got {wrong[:3].tolist()}. OneHotLabels takes "
                "anything."
            )
        if (np.abs(numbers) < 2.0**63).all():
            numbers = numbers.astype(np.int64)
    filled = np.zeros(len(values), dtype=numbers.dtype)
    filled[known] = numbers
    return filled, known


def _joined(left: NDArray[Any], right: NDArray[Any]) -> NDArray[Any]:
    """Join labels, as objects where numpy would round integers to floats."""
    joined: NDArray[Any] = join([left, right], axis=0)
    if joined.dtype.kind == "f" and left.dtype.kind in "iu" and right.dtype.kind in "iu":
        return np.concatenate([left.astype(object), right.astype(object)])
    return joined


def _unique(values: NDArray[Any]) -> NDArray[Any]:
    return np.unique(values) if values.dtype.kind == "U" else np.asarray(pd.unique(values))


def _sorted(categories: NDArray[Any]) -> NDArray[Any]:
    """Sort: numbers before other things, text behind them, missing values last."""
    if categories.dtype != object:
        return np.sort(categories)
    missing = pd.isna(categories)
    groups: dict[tuple[int, str], list[Any]] = {}
    for label in categories[~missing].tolist():
        groups.setdefault(_group(label), []).append(label)
    ordered = [label for group in sorted(groups) for label in sorted(groups[group])]
    # None before NaN, whichever came first.
    last = sorted(categories[missing].tolist(), key=lambda label: type(label).__name__)
    result = np.empty(len(categories), dtype=object)
    result[:] = ordered + last
    return result


def _group(label: Any) -> tuple[int, str]:
    """Tell apart what cannot be compared."""
    if isinstance(label, Real | np.bool_):
        return 0, ""
    return (2, "") if isinstance(label, str) else (1, type(label).__name__)
