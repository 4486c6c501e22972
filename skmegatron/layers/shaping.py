"""Layers that change the shape of each observation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import sparse

from skmegatron.errors import ShapeError
from skmegatron.io.tables import columns_together, join
from skmegatron.layers.core import Names, StatelessLayer, one_to_one


class Flatten(StatelessLayer):
    """Lay each observation out as one row of numbers.

    Notes
    -----
    The first axis stays, as in Keras. The 2019 library flattened everything into one axis.

    Examples
    --------
    >>> import numpy as np
    >>> from skmegatron.layers import Flatten
    >>> Flatten().transform(np.zeros((5, 8, 8))).shape
    (5, 64)
    """

    takes_sparse = True

    def transform(self, X: Any) -> Any:
        """Flatten.

        Parameters
        ----------
        X : array-like of shape (n_rows, ...)

        Returns
        -------
        ndarray of shape (n_rows, n_columns)
            A view where numpy can give one. A sparse matrix comes back as it is.
        """
        if sparse.issparse(X):
            return X
        X = np.asarray(X)
        return X.reshape(X.shape[0], int(np.prod(X.shape[1:])))

    def feature_names(self, name: str, inbound: Sequence[Names | None]) -> Names | None:
        """Pass the names on: those of an image are numbered in the same order."""
        return one_to_one(inbound)


class Concatenate(StatelessLayer):
    """Join arrays along an axis.

    Parameters
    ----------
    axis : int, default=-1
        The axis to join along; -1 is the last. 1-D arrays become columns first.

    Notes
    -----
    Text beside numbers gives an object array, so that no number turns into a string.

    Examples
    --------
    >>> import numpy as np
    >>> from skmegatron.layers import Concatenate
    >>> Concatenate().transform(np.array([1, 2]), np.array([[3, 4], [5, 6]]))
    array([[1, 3, 4],
           [2, 5, 6]])
    """

    takes_sparse = True

    def __init__(self, axis: int = -1) -> None:
        self.axis = axis

    def transform(self, *arrays: Any) -> Any:
        """Join.

        Parameters
        ----------
        *arrays : {array-like, sparse matrix} of shape (n_rows, ...)
            Of equal shape but for `axis`.

        Returns
        -------
        {ndarray, sparse matrix} of shape (n_rows, ...)
            Sparse if one of them is.

        Raises
        ------
        ShapeError
            If the arrays do not fit together, or the axis is that of the observations.
        """
        if any(not sparse.issparse(array) and np.ndim(array) > 2 for array in arrays):
            blocks = [np.asarray(array) for array in arrays]
            n_axes = max(block.ndim for block in blocks)
        else:
            n_axes = 2
        axis = self.axis + n_axes if self.axis < 0 else self.axis
        if not 0 < axis < n_axes:
            raise ShapeError(
                f"Concatenate joins what belongs to each observation, got axis={self.axis} for "
                f"arrays with {n_axes} axes. Use axis=-1 for the last axis."
            )
        return columns_together(arrays) if n_axes == 2 else join(blocks, axis)

    def feature_names(self, name: str, inbound: Sequence[Names | None]) -> Names | None:
        """Join the names."""
        known = [names for names in inbound if names is not None]
        return np.concatenate(known) if len(known) == len(inbound) else None
