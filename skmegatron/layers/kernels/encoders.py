"""Kernels of encoders: each cell is looked up in a dict of its column's categories."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from math import isfinite
from operator import is_
from typing import Any

import numpy as np
from sklearn import get_config

from skmegatron.io.fewrows import canonical_csr
from skmegatron.layers.kernels.core import MOST_ROWS, NOT_PLAIN

#: What scipy's sparse matrices can hold, which scikit-learn makes even of dense one-hot columns.
_HELD = tuple(map(np.dtype, "?bBhHiIlLqQfd"))


@dataclass(frozen=True)
class Lookup:
    """The places of categories.

    Attributes
    ----------
    categories : list of ndarray
        From which it was made.
    tables : list of dict
        Place of each category of a column.
    starts : list of int
        First one-hot column of each column, and their number at the end.
    kinds : set of str
        What the categories are, as numpy's kinds say.
    has_gaps : bool
        Whether a missing value is among the categories.
    """

    categories: list[Any]
    tables: list[dict[Any, int]]
    starts: list[int]
    kinds: set[str]
    has_gaps: bool

    def is_of(self, categories: list[Any]) -> bool:
        """Tell whether these are the arrays from which it was made."""
        own = self.categories
        return len(own) == len(categories) and all(map(is_, own, categories))


def _lookup(encoder: Any, notes: dict[str, Any]) -> Lookup | None:
    """Make the lookup of an encoder, once for the same categories; None for special ones."""
    categories = encoder.categories_
    known: Lookup | None = notes.get("lookup")
    if known is not None and known.is_of(categories):
        return known
    if hasattr(encoder, "infrequent_categories_"):
        return None
    if getattr(encoder, "drop_idx_", None) is not None:
        return None
    lists = [array.tolist() for array in categories]
    tables = [{value: place for place, value in enumerate(values)} for values in lists]
    starts = [0, *accumulate(map(len, lists))]
    kinds = {"f" if array.dtype.kind == "f" else array.dtype.str for array in categories}
    kinds = {"O" if kind[1:2] in "OU" and kind != "f" else kind for kind in kinds}
    has_gaps = any(value is None or value != value for values in lists for value in values)
    made = Lookup(list(categories), tables, starts, kinds, has_gaps)
    notes["lookup"] = made
    return made


def _plain(encoder: Any, lookup: Lookup | None, X: Any) -> bool:
    if lookup is None or type(X) is not np.ndarray or X.ndim != 2:
        return False
    if not 0 < X.shape[0] <= MOST_ROWS or X.shape[1] != len(lookup.tables):
        return False
    if encoder.min_frequency is not None or encoder.max_categories is not None:
        return False
    kind = X.dtype.kind
    # Numbers of different kinds are compared as numpy promotes them: not here.
    return lookup.kinds == {"O" if kind in "OU" else "f" if kind == "f" else X.dtype.str}


def _places(X: Any, lookup: Lookup, *, strict: bool) -> list[list[int]] | None:
    """Give the place of each cell, -1 where there is none; None where it is not plain."""
    rows = X.tolist()
    try:
        places = [
            [table.get(value, -1) for table, value in zip(lookup.tables, row, strict=True)]
            for row in rows
        ]
    except TypeError:  # what cannot be hashed is nobody's category
        return None
    for row, found in zip(rows, places, strict=True):
        if -1 in found and (strict or not _new(row, found)):
            return None
    return places


def _new(row: list[Any], found: list[int]) -> bool:
    """Tell whether all that was not found is new, and nothing is missing or infinite."""
    unknown = [value for value, place in zip(row, found, strict=True) if place < 0]
    return all(
        isinstance(value, str | int) or (isinstance(value, float) and isfinite(value))
        for value in unknown
    )


def one_hot(encoder: Any, X: Any, notes: dict[str, Any]) -> Any:
    """Encode as `OneHotEncoder` does.

    Parameters
    ----------
    encoder : OneHotEncoder
    X : object
    notes : dict

    Returns
    -------
    {csr_matrix, csr_array, ndarray} of shape (n_rows, n_categories) or NOT_PLAIN
    """
    lookup = _lookup(encoder, notes)
    if not _plain(encoder, lookup, X) or lookup is None or encoder.drop is not None:
        return NOT_PLAIN
    if encoder.handle_unknown not in ("error", "ignore") or np.dtype(encoder.dtype) not in _HELD:
        return NOT_PLAIN
    places = _places(X, lookup, strict=encoder.handle_unknown == "error")
    if places is None:
        return NOT_PLAIN
    columns: list[int] = []
    ends = [0]
    for row in places:
        columns += [
            start + place for start, place in zip(lookup.starts, row, strict=False) if place >= 0
        ]
        ends.append(len(columns))
    shape = len(places), lookup.starts[-1]
    if not encoder.sparse_output:
        encoded = np.zeros(shape, dtype=encoder.dtype)
        encoded[np.repeat(np.arange(shape[0]), np.diff(ends)), columns] = 1
        return encoded
    ones = np.ones(len(columns), dtype=encoder.dtype)
    is_array = get_config()["sparse_interface"] == "sparray"
    return canonical_csr(ones, columns, ends, shape, is_array=is_array)


def ordinal(encoder: Any, X: Any, notes: dict[str, Any]) -> Any:
    """Encode as `OrdinalEncoder` does.

    Parameters
    ----------
    encoder : OrdinalEncoder
    X : object
    notes : dict

    Returns
    -------
    ndarray of shape (n_rows, n_columns) or NOT_PLAIN
    """
    lookup = _lookup(encoder, notes)
    if not _plain(encoder, lookup, X) or lookup is None or lookup.has_gaps:
        return NOT_PLAIN
    strict = encoder.handle_unknown == "error"
    places = _places(X, lookup, strict=strict)
    if places is None:
        return NOT_PLAIN
    found = np.array(places)
    encoded = found.astype(encoder.dtype, copy=False)
    if not strict:
        encoded[found < 0] = encoder.unknown_value
    return encoded
