"""A small sketch of the rows that something was fitted on, to know them again.

Up to 64 rows at even distances stand for all, each by a hash of its content. Numbers are hashed
as float64, so that it does not matter in which precision or container they come.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from skmegatron.io.rowhash import row_digests
from skmegatron.io.tables import as_values, is_frame, take_rows

#: How many rows stand for all.
MOST = 64


@dataclass(frozen=True, eq=False)
class Seen:
    """What is remembered of the rows that something was fitted on.

    Attributes
    ----------
    n_rows : int
        How many there were.
    rows : ndarray of uint64 of shape (n_remembered,)
        A hash of each row that stands for them.
    """

    n_rows: int
    rows: NDArray[np.uint64]

    @property
    def distinct(self) -> NDArray[np.uint64]:
        """The hashes, each once; none where too many rows are alike to tell rows apart."""
        found = np.unique(self.rows)
        return found if 2 * len(found) > len(self.rows) else found[:0]

    def found_in(self, arrays: Sequence[Any]) -> NDArray[np.uint64]:
        """Give the hashes of those that are among other rows.

        Parameters
        ----------
        arrays : sequence of array-like of shape (n_rows, ...)

        Returns
        -------
        ndarray of uint64
        """
        hashes = _hashes([as_values(array, "X") for array in arrays])
        return np.unique(hashes[np.isin(hashes, self.distinct)])


def seen_rows(arrays: Sequence[Any], before: Seen | None = None) -> Seen:
    """Remember rows.

    Parameters
    ----------
    arrays : sequence of array-like of shape (n_rows, ...)
    before : Seen, default=None
        What was seen earlier, which keeps its share of what is remembered.

    Returns
    -------
    Seen

    Examples
    --------
    >>> import numpy as np
    >>> from skmegatron.io.seen import seen_rows
    >>> seen = seen_rows([np.arange(1000).reshape(500, 2)])
    >>> len(seen.rows), len(seen.found_in([np.arange(500.0).reshape(250, 2)]))
    (64, 32)
    """
    values = [as_values(array, "X") for array in arrays]
    n_rows = int(values[0].shape[0])
    total = n_rows + (0 if before is None else before.n_rows)
    share = MOST if total <= MOST else max(1, round(MOST * n_rows / total))
    places = _evenly(n_rows, share)
    rows = _hashes([take_rows(value, places) for value in values])
    if before is not None:
        rows = np.concatenate([before.rows[_evenly(len(before.rows), MOST - len(rows))], rows])
    return Seen(total, rows)


def note_rows(
    layer: Any, arrays: Sequence[Any], fit_only: Mapping[str, Any], before: Seen | None = None
) -> None:
    """Let a layer that is fitted with labels remember on which rows.

    Parameters
    ----------
    layer : layer
        Left alone unless it says, with ``notes_rows = False``, that it does not do so itself.
    arrays : sequence of array of shape (n_rows, ...)
    fit_only : mapping of str to array
    before : Seen, default=None
        As for `seen_rows`.
    """
    if fit_only.get("y") is not None and not getattr(layer, "notes_rows", True):
        layer._seen = seen_rows(arrays, before)


def _evenly(n_rows: int, n_wanted: int) -> NDArray[np.intp]:
    wanted = min(n_rows, n_wanted)
    return np.linspace(0, n_rows - 1, wanted).astype(np.intp)


def _hashes(values: Sequence[Any]) -> NDArray[np.uint64]:
    plain = [_numbers(value) for value in values]
    if all(part is not None for part in plain):
        block = plain[0] if len(plain) == 1 else np.concatenate(plain, axis=1)
        digests = row_digests({"": block})
    else:
        digests = row_digests({str(k): _as_hashed(value) for k, value in enumerate(values)})
    # A copy: a view would hold on to twice as much, and hash unlike what is read from a file.
    return np.ascontiguousarray(digests).view(np.uint64)[:, 0].copy()


def _numbers(value: Any) -> Any:
    """Give a table of float64, or None for what is none."""
    if sparse.issparse(value):
        return None
    if isinstance(value, pd.DataFrame):
        value = value.to_numpy()
    elif is_frame(value):
        value = nw.from_native(value, eager_only=True).to_numpy()
    if value.dtype.kind not in "fiub":
        return None
    # Adding zero makes -0.0, which is equal to 0.0, the same bytes.
    return value.reshape(len(value), -1).astype(np.float64) + 0.0


def _as_hashed(value: Any) -> Any:
    return value.astype(np.float64) if sparse.issparse(value) else value
