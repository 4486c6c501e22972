"""Whitening: columns of mean 0 and standard deviation 1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import TransformerTags, assert_all_finite, check_array
from sklearn.utils.validation import check_is_fitted

from skmegatron.errors import ShapeError
from skmegatron.io.tables import as_columns, as_values
from skmegatron.io.unwritten import Unwritten
from skmegatron.layers.columns import Names, one_to_one
from skmegatron.layers.core import StatefulLayer


class Whiten(StatefulLayer):
    """Shift and scale every column to mean 0 and standard deviation 1.

    A constant column has no spread to scale by, so it is only shifted.

    Parameters
    ----------
    ddof : int, default=0
        Degrees of freedom taken off ``n_rows`` when measuring the spread.

    Attributes
    ----------
    mean_ : ndarray of shape (n_columns,)
        Mean of each column seen in `fit`.
    scale_ : ndarray of shape (n_columns,)
        Standard deviation of each column seen in `fit`; 1 where it was 0.
    n_rows_ : int
        How many rows have been seen.
    shift_, drift_, squares_ : ndarray of shape (n_columns,)
        The first row, the mean relative to it, and the sum of squares about the mean.

    Notes
    -----
    Batches are combined with the pairwise update of Chan, Golub and LeVeque (1979), so
    the result does not depend on how the rows were cut.

    Examples
    --------
    >>> import numpy as np
    >>> from skmegatron.layers import Whiten
    >>> heights = np.array([[150.0], [170.0], [190.0]])
    >>> Whiten().fit(heights).transform(heights).round(2)
    array([[-1.22],
           [ 0.  ],
           [ 1.22]])
    """

    def __init__(self, ddof: int = 0) -> None:
        self.ddof = ddof

    def partial_fit(self, X: Any) -> Self:
        """Take in one more batch.

        Parameters
        ----------
        X : array-like of shape (n_rows,) or (n_rows, n_columns)
            Numbers to learn from.

        Returns
        -------
        self

        Raises
        ------
        ShapeError
            If `X` has more than two axes, or another number of columns than before.

        Examples
        --------
        >>> import numpy as np
        >>> from skmegatron.layers import Whiten
        >>> Whiten().partial_fit(np.array([1.0, 2.0])).partial_fit(np.array([6.0])).mean_
        array([3.])
        """
        X = self._checked(X)
        if not hasattr(self, "shift_"):
            self.shift_ = X[0].astype(np.float64)
        # Relative to the first row, a constant column is exactly 0, however long it is.
        shifted = np.subtract(X, self.shift_, dtype=np.float64)
        mean = shifted.mean(axis=0)
        shifted -= mean
        self._combine(len(X), mean, np.einsum("ij,ij->j", shifted, shifted))
        return self

    def merge(self, other: Whiten) -> Self:
        """Add what another layer has learned.

        Parameters
        ----------
        other : Whiten
            Fitted on other rows of the same columns.

        Returns
        -------
        self
            As if fitted on both.

        Examples
        --------
        >>> import numpy as np
        >>> from skmegatron.layers import Whiten
        >>> here, there = Whiten().fit(np.array([1.0, 2.0])), Whiten().fit(np.array([6.0]))
        >>> here.merge(there).mean_
        array([3.])
        """
        check_is_fitted(self)
        check_is_fitted(other)
        if len(other.mean_) != len(self.mean_):
            raise ShapeError(
                f"Whiten of {len(self.mean_)} columns cannot be merged with one of "
                f"{len(other.mean_)}. Fit both on the same columns."
            )
        self._combine(other.n_rows_, other.shift_ - self.shift_ + other.drift_, other.squares_)
        return self

    def transform(self, X: Any) -> NDArray[Any]:
        """Shift and scale.

        Parameters
        ----------
        X : array-like of shape (n_rows,) or (n_rows, n_columns)

        Returns
        -------
        ndarray of the shape of `X`
            float32 where `X` is, else float64.
        """
        check_is_fitted(self)
        whitened = _whitened(self._checked(X), self.mean_, self.scale_)
        return whitened.ravel() if np.ndim(X) == 1 else whitened

    def unwritten(self, X: Any) -> Unwritten | NDArray[Any]:
        """Shift and scale when the columns are put beside others.

        Parameters
        ----------
        X : array-like of shape (n_rows,) or (n_rows, n_columns)

        Returns
        -------
        Unwritten of the shape of `X`, with a column axis
            Or what `transform` gives.
        """
        if np.ndim(X) == 1:
            return self.transform(X)
        check_is_fitted(self)
        return _Whitened(self._checked(X), self.mean_, self.scale_)

    def inverse_transform(self, X: Any) -> NDArray[Any]:
        """Go back to the original units.

        Parameters
        ----------
        X : array-like of shape (n_rows,) or (n_rows, n_columns)

        Returns
        -------
        ndarray of the shape of `X`

        Examples
        --------
        >>> import numpy as np
        >>> from skmegatron.layers import Whiten
        >>> Whiten().fit(np.array([10.0, 30.0])).inverse_transform(np.array([-1.0, 0.0, 1.0]))
        array([10., 20., 30.])
        """
        check_is_fitted(self)
        values = self._checked(X)
        original: NDArray[Any] = values * self.scale_.astype(values.dtype)
        np.add(original, self.mean_, out=original, casting="same_kind")
        return original.ravel() if np.ndim(X) == 1 else original

    def _combine(self, n_rows: int, mean: NDArray[Any], squares: NDArray[Any]) -> None:
        """Add the moments of more rows, their mean being relative to the shift."""
        if not hasattr(self, "n_rows_"):
            self.n_rows_, self.drift_, self.squares_ = n_rows, mean, squares
        else:
            total = self.n_rows_ + n_rows
            gap = mean - self.drift_
            self.drift_ = self.drift_ + gap * (n_rows / total)
            self.squares_ = self.squares_ + squares + gap**2 * (self.n_rows_ * n_rows / total)
            self.n_rows_ = total
        self.mean_ = self.shift_ + self.drift_
        spread = np.sqrt(self.squares_ / max(self.n_rows_ - self.ddof, 1))
        self.scale_ = np.where(spread == 0, 1.0, spread)

    def _checked(self, X: Any) -> NDArray[Any]:
        if np.ndim(X) not in (1, 2):
            raise ShapeError(
                f"Whiten takes shape (n_rows, n_columns), got {np.shape(X)}. "
                "AddDim() adds the column axis; Flatten() folds extra ones."
            )
        columns = as_columns(X) if np.ndim(X) == 1 else as_values(X, "X")
        values: NDArray[Any] = columns
        plain = type(columns) is np.ndarray and columns.dtype in (np.float64, np.float32)
        if plain and columns.size:  # a small batch takes longer to check_array than to whiten
            assert_all_finite(columns, estimator_name="Whiten", input_name="X")
        else:
            values = check_array(
                columns, dtype=[np.float64, np.float32], estimator="Whiten", input_name="X"
            )
        if hasattr(self, "mean_") and values.shape[1] != len(self.mean_):
            raise ShapeError(
                f"Whiten was fitted on {len(self.mean_)} columns, got {values.shape[1]} in "
                f"shape {np.shape(X)}. Pass the same columns as in fit."
            )
        return values

    def feature_names(self, name: str, inbound: Sequence[Names | None]) -> Names | None:
        """Pass the names on."""
        return one_to_one(inbound)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags = TransformerTags(preserves_dtype=["float64", "float32"])
        return tags


class _Whitened(Unwritten):
    """Columns that are shifted and scaled when they are written."""

    def __init__(self, values: NDArray[Any], mean: NDArray[Any], scale: NDArray[Any]) -> None:
        self.values = values
        self.mean = mean
        self.scale = scale
        self.shape = values.shape
        self.dtype = values.dtype

    def write(self, out: NDArray[Any], rows: slice) -> None:
        out[...] = _whitened(self.values[rows], self.mean, self.scale)


def _whitened(values: NDArray[Any], mean: NDArray[Any], scale: NDArray[Any]) -> NDArray[Any]:
    # Subtracted in float64: float32 is too coarse for columns far from 0.
    whitened: NDArray[Any] = np.empty_like(values)
    np.subtract(values, mean, out=whitened, casting="same_kind")
    whitened /= scale.astype(values.dtype)
    return whitened
