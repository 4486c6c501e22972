"""Layers for missing values.

What is to be replaced is first put into the terms of the array: 300 cannot occur in uint8,
nor NaN among whole numbers, nor text among numbers. Only what can occur is looked for, and
only its replacement can widen the dtype, so the dtype of the result follows from the dtype
of the input and the dictionary, never from the values of the day.
"""

from __future__ import annotations

import datetime
import sys
from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from skmegatron.io.tables import column_names, is_frame, select_block
from skmegatron.layers.columns import Names, one_to_one
from skmegatron.layers.core import StatelessLayer

Array = NDArray[Any]
DType = np.dtype[Any]

_OBJECT = np.dtype(object)
_MISSING_KINDS = {
    type(None): "None",
    type(pd.NA): "NA",
    type(pd.NaT): "NaT",
    np.datetime64: "NaT",
    np.timedelta64: "NaT",
}


class Impute(StatelessLayer):
    """Replace values by others, such as NaN by 0.

    Parameters
    ----------
    imputation_dict : dict
        ``{value to replace: replacement}``. Both are single values: NaN, None, NaT, numbers,
        text, dates.

    Notes
    -----
    All replacements are made at once: with ``{1: 2, 2: 1}`` the two change places.

    NaN stands for every missing value that has no key of its own: NaN, None, NaT and
    ``pandas.NA``. The other three stand for themselves only.

    The dtype stays where it holds the replacements of all keys that can occur in it; else
    it is the smallest wider one that holds them, at least float64 for a float among whole
    numbers, and object where there is none. Fractions are rounded as the array's own are. It
    does not depend on the values: ``{0: 0.5}`` turns every array of integers into float64,
    whether or not it has a 0.

    The 2019 library wrote into the array that it was given, took only numbers as keys,
    made one replacement after the other, and cut text off at the width of the array.

    Examples
    --------
    >>> import numpy as np
    >>> from skmegatron.layers import Impute
    >>> Impute({np.nan: 0, -999: 0}).transform(np.array([1.5, np.nan, -999]))
    array([1.5, 0. , 0. ])
    >>> Impute({"?": "unknown"}).transform(np.array(["yes", "?"]))
    array(['yes', 'unknown'], dtype='<U7')
    """

    def __init__(self, imputation_dict: Mapping[Any, Any]) -> None:
        self.imputation_dict = imputation_dict

    def transform(self, X: Any) -> Any:
        """Replace.

        Parameters
        ----------
        X : array-like or dataframe of shape (n_rows, ...)
            Never written to.

        Returns
        -------
        ndarray or pandas dataframe of the shape of `X`
            `X` itself where none of the keys can occur in its dtype. A pandas frame stays
            one, each column with a dtype of numpy: text is object. Other frames become an
            array.

        Raises
        ------
        TypeError
            If `imputation_dict` is not a dictionary of single values, or `X` is sparse.
        """
        plan = _Plan(self.imputation_dict)
        if isinstance(X, np.ndarray):
            return plan.apply(X)
        if sparse.issparse(X):
            raise TypeError(
                f"Impute takes an array, got a sparse matrix of shape {X.shape}. Put "
                "Lambda(lambda x: x.toarray())(node) in front."
            )
        if nw.dependencies.is_pandas_dataframe(X):
            columns = (X.iloc[:, place].to_numpy() for place in range(X.shape[1]))
            done = [plan.apply(column) for column in columns]
            series = [pd.Series(column, X.index, dtype=column.dtype) for column in done]
            return pd.DataFrame(dict(enumerate(series)), X.index).set_axis(X.columns, axis=1)
        if is_frame(X):
            X = select_block(X, range(len(column_names(X))))
        return plan.apply(np.asarray(X))

    def feature_names(self, name: str, inbound: Sequence[Names | None]) -> Names | None:
        """Pass the names on."""
        return one_to_one(inbound)


class _Plan:
    """A checked dictionary, with the missing values among its keys apart."""

    def __init__(self, imputation_dict: Any) -> None:
        if not isinstance(imputation_dict, Mapping):
            raise TypeError(
                "imputation_dict must be a dictionary {value to replace: replacement}, got "
                f"{imputation_dict!r} of type {type(imputation_dict).__name__}. Write "
                "Impute({np.nan: 0})."
            )
        self.missing: dict[str, Any] = {}
        self.present: dict[Any, Any] = {}
        for key, value in imputation_dict.items():
            for role, thing in (("key", key), ("replacement", value)):
                if hasattr(thing, "__len__") and not isinstance(thing, str | bytes):
                    raise TypeError(
                        f"imputation_dict takes single values, got the {role} {thing!r} of type "
                        f"{type(thing).__name__}. Give each value its own entry, and each column "
                        "that needs its own replacement its own Impute."
                    )
            if pd.isna(key):
                self.missing[_kind_of_missing(key)] = value
            else:
                self.present[key] = value

    def apply(self, X: Array) -> Array:
        """Replace in an array, which is not written to."""
        if X.dtype.kind == "O":
            return self._among_objects(X)
        if X.dtype.kind == "T":
            done = self._among_objects(X.astype(object))
            values = (*self.missing.values(), *self.present.values())
            return done.astype(X.dtype) if all(isinstance(v, str) for v in values) else done
        targets = self._targets(X.dtype)
        if not targets:
            return X
        replacements = [value for _, value in targets]
        # Whole numbers last: beside a float they are floats, however large they are.
        dtype = reduce(_widened, sorted(replacements, key=_is_whole), X.dtype)
        wide = _as_objects(X) if dtype == _OBJECT else X
        (target, value), *others = targets
        result = np.where(_found(X, target), _filler(value, dtype), wide)
        for target, value in others:
            np.copyto(result, _filler(value, dtype), where=_found(X, target))
        return result

    def _targets(self, dtype: DType) -> list[tuple[Any, Any]]:
        """List what can occur in an array, in its terms; None stands for its missing value."""
        holes = {"f": ("NaN",), "c": ("NaN",), "M": ("NaT", "NaN"), "m": ("NaT", "NaN")}
        names = [name for name in holes.get(dtype.kind, ()) if name in self.missing]
        targets: list[tuple[Any, Any]] = [(None, self.missing[name]) for name in names[:1]]
        for key, value in self.present.items():
            held = _held(key, dtype)
            if held is not None:
                targets.append((held, value))
        return targets

    def _among_objects(self, X: Array) -> Array:
        result = X.copy()
        if self.present:
            values = X.ravel().tolist()
            try:
                looked_up = map(self.present.get, values, values)
                result = np.fromiter(looked_up, object, X.size).reshape(X.shape)
            except TypeError:  # lists and other things without a hash equal no key
                done = [self._in_place_of(value) for value in values]
                result = np.fromiter(done, object, X.size).reshape(X.shape)
        if self.missing:
            holes = pd.isna(X)
            if self.missing.keys() == {"NaN"}:
                result[holes] = self.missing["NaN"]
            else:
                gaps = X[holes]
                kinds = [_kind_of_missing(gap) for gap in gaps]
                others = [self.missing.get("NaN", gap) for gap in gaps]
                filled = map(self.missing.get, kinds, others)
                result[holes] = np.fromiter(filled, object, len(gaps))
        return result

    def _in_place_of(self, value: Any) -> Any:
        try:
            return self.present.get(value, value)
        except TypeError:
            return value


def _kind_of_missing(value: Any) -> str:
    return _MISSING_KINDS.get(type(value), "NaN")


def _found(X: Array, target: Any) -> Array:
    if target is None:
        target_is_here: Array = np.isnat(X) if X.dtype.kind in "mM" else np.isnan(X)
    else:
        target_is_here = np.equal(X, target)
    return target_is_here


def _held(value: Any, dtype: DType) -> Any:
    """Give a value as an array of `dtype` holds it, None where it cannot."""
    number = _number(value)
    if number is not None:
        return _held_number(number, dtype)
    if dtype.kind in "US":
        fits = isinstance(value, str if dtype.kind == "U" else bytes)
        return value if fits and np.asarray(value).itemsize <= dtype.itemsize else None
    time = _time(value, dtype.kind)
    if time is None:
        return None
    held = time.astype(dtype)
    # There and back, for numpy cuts dates off and overflows without a word.
    kept = np.isnat(time) or held.astype(time.dtype) == time
    return held if kept and held.dtype == dtype else None


def _held_number(number: complex, dtype: DType) -> Any:
    if isinstance(number, complex) and dtype.kind != "c":
        if number.imag:
            return None
        number = number.real
    if dtype.kind in "biu":
        if isinstance(number, float) and not number.is_integer():
            return None
        low, high = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
        return dtype.type(number) if low <= number.real <= high else None
    if dtype.kind not in "fc":
        return None
    try:
        with np.errstate(over="ignore", under="ignore"):
            held = dtype.type(number)
    except OverflowError:
        return None
    if isinstance(number, int):
        return held if np.isfinite(held) and int(held.real) == number else None
    # A fraction is rounded as the array's own were, but not to zero or to infinity.
    kept = bool(held) == bool(number) and np.isfinite(held) == np.isfinite(number)
    return held if kept else None


def _widened(dtype: DType, value: Any) -> DType:
    """Give the smallest dtype that holds an array of `dtype` and a value."""
    if dtype == _OBJECT:
        return dtype
    number = _number(value)
    if number is not None and dtype.kind in "biufc":
        return _widened_to_number(dtype, number)
    if dtype.kind in "US" and isinstance(value, str if dtype.kind == "U" else bytes):
        return np.promote_types(dtype, np.asarray(value).dtype)
    time = _time(value, dtype.kind)
    if time is not None:
        for candidate in (dtype, np.promote_types(dtype, time.dtype)):
            if _held(time, candidate) is not None:
                return candidate
    return _OBJECT


def _widened_to_number(dtype: DType, number: complex) -> DType:
    if isinstance(number, bool):
        return dtype
    if not isinstance(number, int):
        dtype = np.dtype(np.float64) if dtype.kind in "biu" else dtype
        return np.promote_types(dtype, np.min_scalar_type(number))
    if dtype.kind in "fc":
        return _float_for(number, dtype)
    dtype = np.dtype(np.int64) if dtype.kind == "b" else dtype
    # Signed beside signed: numpy would give int32 for int8 and 300, which int16 holds.
    mirrored = -1 - number if dtype.kind == "i" and number >= 0 else number
    wider = np.promote_types(dtype, np.min_scalar_type(mirrored))
    return wider if wider.kind in "iu" else _OBJECT


def _float_for(number: int, dtype: DType) -> DType:
    """Give the smallest float dtype that holds a whole number exactly, if any does."""
    for other in (dtype, np.dtype(np.float32), np.dtype(np.float64)):
        wider = np.promote_types(dtype, other)
        if _held_number(number, wider) is not None:
            return wider
    return wider if abs(number) <= sys.float_info.max else _OBJECT


def _is_whole(value: Any) -> bool:
    return isinstance(_number(value), int)


def _number(value: Any) -> complex | None:
    """Give a bool, int, float or complex of Python, None for anything else."""
    if isinstance(value, np.longdouble | np.clongdouble):
        return float(value) if isinstance(value, np.longdouble) else complex(value)
    if isinstance(value, np.number | np.bool_) and not isinstance(value, np.timedelta64):
        value = value.item()
    return value if isinstance(value, bool | int | float | complex) else None


def _time(value: Any, kind: str) -> Any:
    """Give a date (kind M) or a span of time (m) in numpy's terms, None for anything else."""
    if value is pd.NaT and kind in "mM":
        return np.datetime64("NaT") if kind == "M" else np.timedelta64("NaT")
    if kind == "M" and isinstance(value, datetime.date | np.datetime64):
        if getattr(value, "tzinfo", None) is not None:
            return None
        # Nanoseconds get lost on the way through the datetime that a Timestamp is, too.
        return np.datetime64(getattr(value, "to_datetime64", lambda: value)())
    if kind == "m" and isinstance(value, datetime.timedelta | np.timedelta64):
        return np.timedelta64(getattr(value, "to_timedelta64", lambda: value)())
    return None


def _filler(value: Any, dtype: DType) -> Array:
    filler = np.empty((), dtype)
    filler[()] = _time(value, dtype.kind) if dtype.kind in "mM" else value
    return filler


def _as_objects(X: Array) -> Array:
    if X.dtype.kind not in "mM":
        return X.astype(object)
    # Dates stay dates: numpy would turn nanoseconds into plain integers.
    return np.fromiter(X.ravel(), object, X.size).reshape(X.shape)
