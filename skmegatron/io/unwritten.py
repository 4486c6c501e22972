"""Columns that are known but not written yet.

Where a step's value is only put beside others, writing it out first would cost its size in
memory and a second copy. So such a step may give an `Unwritten`, and `write_together` lets each
write its columns into the one array in which they end.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: So many bytes of the result are written by all before the next, to stay in the caches.
_BLOCK = 1 << 19


class Unwritten(ABC):
    """Columns that can be written anywhere.

    Attributes
    ----------
    shape : tuple of (int, int)
        Of the array that they make.
    dtype : dtype
        Of that array.
    """

    shape: tuple[int, int]
    dtype: np.dtype[Any]

    @abstractmethod
    def write(self, out: NDArray[Any], rows: slice) -> None:
        """Write some rows.

        Parameters
        ----------
        out : ndarray of shape (n_rows, n_columns)
            Of any dtype that holds the values; what it holds so far means nothing.
        rows : slice
            Which rows.
        """

    def written(self) -> NDArray[Any]:
        """Give the columns as an array of their own.

        Returns
        -------
        ndarray of shape (n_rows, n_columns)
        """
        out: NDArray[Any] = np.empty(self.shape, self.dtype)
        self.write(out, slice(0, self.shape[0]))
        return out


def write_together(blocks: Sequence[Any]) -> NDArray[Any]:
    """Put columns side by side.

    Parameters
    ----------
    blocks : sequence of {ndarray, Unwritten} of shape (n_rows, n_columns)
        Of as many rows each, and of numbers.

    Returns
    -------
    ndarray of shape (n_rows, n_columns)
        As numpy would concatenate them.
    """
    dtype = np.result_type(*(block.dtype for block in blocks))
    ends = np.cumsum([block.shape[1] for block in blocks]).tolist()
    n_rows = blocks[0].shape[0]
    result: NDArray[Any] = np.empty((n_rows, ends[-1]), dtype)
    step = max(_BLOCK // max(ends[-1] * dtype.itemsize, 1), 1)
    for begin in range(0, n_rows, step):
        rows = slice(begin, min(begin + step, n_rows))
        for block, start, end in zip(blocks, [0, *ends], ends, strict=False):
            out = result[rows, start:end]
            if isinstance(block, Unwritten):
                block.write(out, rows)
            else:
                out[...] = block[rows]
    return result
