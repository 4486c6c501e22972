"""What input is plain enough for a kernel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

#: What a kernel gives where the estimator itself must look at the input.
NOT_PLAIN: Any = object()

#: Takes the estimator, the input, and a dict for what it has derived from attributes.
Kernel = Callable[[Any, Any, dict[str, Any]], Any]

#: With more rows, what the checks cost does not matter, and how a product is split up might.
MOST_ROWS = 256

#: Of a sum of squares below this no term is infinite, missing, or too large for float32.
FINITE = 1e76

_FLOAT64, _FLOAT32 = np.dtype(np.float64), np.dtype(np.float32)


def is_finite(values: NDArray[Any]) -> bool:
    """Tell of an array of floats whether it holds nothing missing, infinite or close to it.

    Parameters
    ----------
    values : ndarray of float of any shape

    Returns
    -------
    bool
    """
    return float(np.vdot(values, values)) < FINITE


def as_floats(estimator: Any, X: Any, *, allow_nan: bool = False) -> NDArray[Any] | None:
    """Give a plain table of numbers as floats.

    Parameters
    ----------
    estimator : estimator
        Says how many columns it was fitted on.
    X : object
    allow_nan : bool, default=False

    Returns
    -------
    ndarray of float32 or float64 of shape (n_rows, n_columns) or None
        None where it is anything else, and where it holds what the estimator would refuse.
    """
    if type(X) is not np.ndarray or X.ndim != 2 or not 0 < X.shape[0] <= MOST_ROWS:
        return None
    if X.shape[1] != estimator.n_features_in_:
        return None
    dtype = X.dtype
    if dtype not in (_FLOAT64, _FLOAT32):
        try:
            # Shorter integers meet float32 coefficients as float32, longer ones as float64.
            if dtype.kind != "O" and not (dtype.kind in "iu" and dtype.itemsize >= 4):
                return None
            X = X.astype(_FLOAT64)
        except (TypeError, ValueError, OverflowError):  # the estimator tells what is wrong
            return None
    values: NDArray[Any] = X
    if not is_finite(values) and (not allow_nan or np.isinf(values).any()):
        return None
    return values


def as_operand(estimator: Any, X: Any) -> Any:
    """Give a plain table of numbers, or sparse rows, as they are multiplied by coefficients.

    Parameters
    ----------
    estimator : estimator
    X : object

    Returns
    -------
    {ndarray, csr_array, csr_matrix} of shape (n_rows, n_columns) or None
        None where it is anything else.
    """
    if type(X) is np.ndarray:
        return as_floats(estimator, X)
    if type(X) not in (sparse.csr_matrix, sparse.csr_array) or X.ndim != 2:
        return None
    n_rows, n_columns = X.shape
    if not 0 < n_rows <= MOST_ROWS or n_columns != estimator.n_features_in_:
        return None
    if X.dtype not in (_FLOAT64, _FLOAT32) or X.indices.dtype != np.int32:
        return None
    return X if is_finite(X.data) else None
