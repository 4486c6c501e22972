"""Layers that change the shape of each observation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import sparse

from skmegatron.errors import ShapeError
from skmegatron.io.tables import columns_together
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
        dims = {np.ndim(array) if not sparse.issparse(array) else 2 for array in arrays}
        if self.axis == 0 or -self.axis > max(dims):
            raise ShapeError(
                f"Concatenate joins what belongs to each observation, got axis={self.axis} for "
                f"arrays with {max(dims)} axes. Use axis=-1 for the last axis."
            )
        if dims <= {1, 2} and self.axis in (-1, 1):
            return columns_together(arrays)
        try:
            return np.concatenate([np.asarray(array) for array in arrays], axis=self.axis)
        except ValueError as error:
            shapes = [tuple(np.shape(array)) for array in arrays]
            raise ShapeError(
                f"Concatenate(axis={self.axis}) takes arrays of equal shape but for that axis, "
                f"got {shapes}. Flatten() lays each observation out as one row first."
            ) from error

    def feature_names(self, name: str, inbound: Sequence[Names | None]) -> Names | None:
        """Join the names."""
        known = [names for names in inbound if names is not None]
        return np.concatenate(known) if len(known) == len(inbound) else None
