"""Arithmetic, element by element and as matrices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial, reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from skmegatron.errors import ShapeError
from skmegatron.layers.columns import Names, numbered, one_to_one
from skmegatron.layers.core import StatelessLayer


class _ElementWise(StatelessLayer):
    """Arithmetic that keeps the shape of what comes in."""

    def feature_names(self, name: str, inbound: Sequence[Names | None]) -> Names | None:
        """Name the columns after the step, as many as the first inbound node has."""
        first = one_to_one(inbound)
        return None if first is None or first.ndim > 1 else numbered(name, len(first))


class Add(_ElementWise):
    """Add arrays element by element.

    Examples
    --------
    >>> import numpy as np
    >>> from skmegatron.layers import Add
    >>> Add().transform(np.array([1, 2]), np.array([10, 20]))
    array([11, 22])
    """

    def transform(self, *arrays: Any) -> Any:
        """Sum the arrays.

        Parameters
        ----------
        *arrays : ndarray of shape (n_rows, ...)
            All of one shape, or shapes that numpy broadcasts.

        Returns
        -------
        ndarray of shape (n_rows, ...)
        """
        return reduce(lambda left, right: left + right, _dense(arrays))


class Subtract(_ElementWise):
    """Subtract the second array from the first.

    Examples
    --------
    >>> import numpy as np
    >>> from skmegatron.layers import Subtract
    >>> Subtract().transform(np.array([10, 20]), np.array([1, 2]))
    array([ 9, 18])
    """

    def transform(self, X1: Any, X2: Any) -> Any:
        """Take the difference.

        Parameters
        ----------
        X1, X2 : ndarray of shape (n_rows, ...)

        Returns
        -------
        ndarray of shape (n_rows, ...)
        """
        left, right = _dense((X1, X2))
        return left - right


class ElementWiseMultiply(_ElementWise):
    """Multiply two arrays element by element.

    Examples
    --------
    >>> import numpy as np
    >>> from skmegatron.layers import ElementWiseMultiply
    >>> ElementWiseMultiply().transform(np.array([1, 2]), np.array([10, 20]))
    array([10, 40])
    """

    def transform(self, X: Any, Y: Any) -> Any:
        """Multiply.

        Parameters
        ----------
        X, Y : ndarray of shape (n_rows, ...)

        Returns
        -------
        ndarray of shape (n_rows, ...)
        """
        left, right = _dense((X, Y))
        return left * right


class Divide(_ElementWise):
    """Divide the first array by the second, element by element.

    Parameters
    ----------
    impute : float or None, default=0
        What stands where the divisor is 0; None leaves numpy's inf or NaN there.

    Notes
    -----
    Computed in the precision of the arrays, float64 for integers. The 2019 library used
    float16, which holds three digits and overflows past 65504.

    Examples
    --------
    >>> import numpy as np
    >>> from skmegatron.layers import Divide
    >>> Divide().transform(np.array([1, 2]), np.array([4, 0]))
    array([0.25, 0.  ])
    """

    def __init__(self, impute: float | None = 0) -> None:
        self.impute = impute

    def transform(self, X1: Any, X2: Any) -> Any:
        """Divide.

        Parameters
        ----------
        X1, X2 : ndarray of shape (n_rows, ...)

        Returns
        -------
        ndarray of shape (n_rows, ...)
        """
        left, right = _dense((X1, X2))
        return _divided(left, right, impute=self.impute)


class Dot(StatelessLayer):
    """Multiply arrays as matrices, from left to right.

    The rows of the first array are the observations; the others are matrices to multiply
    by.

    Examples
    --------
    >>> import numpy as np
    >>> from skmegatron.layers import Dot
    >>> Dot().transform(np.array([[1, 2]]), np.array([[3], [4]]))
    array([[11]])
    """

    takes_sparse = True

    def transform(self, *arrays: Any) -> Any:
        """Multiply.

        Parameters
        ----------
        *arrays : {ndarray, sparse matrix}
            Shapes as numpy's ``@`` takes them.

        Returns
        -------
        {ndarray, sparse matrix}
        """
        operands = [array if sparse.issparse(array) else np.asarray(array) for array in arrays]
        return reduce(lambda left, right: left @ right, operands)


class ScalarMultiply(StatelessLayer):
    """Multiply an array by a number.

    Parameters
    ----------
    factor : float

    Examples
    --------
    >>> import numpy as np
    >>> from skmegatron.layers import ScalarMultiply
    >>> ScalarMultiply(10).transform(np.array([1, 2]))
    array([10, 20])
    """

    takes_sparse = True

    def __init__(self, factor: float) -> None:
        self.factor = factor

    def transform(self, X: Any) -> Any:
        """Multiply.

        Parameters
        ----------
        X : {ndarray, sparse matrix} of shape (n_rows, ...)

        Returns
        -------
        same type as `X`
        """
        return (X if sparse.issparse(X) else np.asarray(X)) * self.factor

    def feature_names(self, name: str, inbound: Sequence[Names | None]) -> Names | None:
        """Pass the names on."""
        return one_to_one(inbound)


class ScalarArithmetic(StatelessLayer):
    """Combine an array with a number; what ``node + 1`` or ``1 / node`` draws.

    Parameters
    ----------
    operation : {"add", "subtract", "divide"}
    value : float
    reflected : bool, default=False
        Whether the number stands on the left.

    Examples
    --------
    >>> import numpy as np
    >>> from skmegatron.layers import ScalarArithmetic
    >>> ScalarArithmetic("subtract", 1, reflected=True).transform(np.array([0.25, 1.0]))
    array([0.75, 0.  ])
    """

    def __init__(self, operation: str, value: float, reflected: bool = False) -> None:
        self.operation = operation
        self.value = value
        self.reflected = reflected

    def transform(self, X: Any) -> Any:
        """Compute.

        Parameters
        ----------
        X : ndarray of shape (n_rows, ...)

        Returns
        -------
        ndarray of shape (n_rows, ...)

        Raises
        ------
        ValueError
            If `operation` is not one of the three.
        """
        operations: dict[str, Callable[[Any, Any], Any]] = {
            "add": np.add,
            "subtract": np.subtract,
            "divide": partial(_divided, impute=0),
        }
        if self.operation not in operations:
            raise ValueError(
                f"operation must be one of {list(operations)}, got {self.operation!r}."
            )
        X = _dense((X,))[0]
        pair = (self.value, X) if self.reflected else (X, self.value)
        return operations[self.operation](*pair)

    def feature_names(self, name: str, inbound: Sequence[Names | None]) -> Names | None:
        """Pass the names on."""
        return one_to_one(inbound)


class Compare(_ElementWise):
    """Compare arrays element by element, giving masks; what ``node > 0`` draws.

    Parameters
    ----------
    operation : {"<", "<=", ">", ">=", "==", "!="}
    value : scalar, default=None
        What to compare with, where the layer is called on one node.

    Examples
    --------
    >>> import numpy as np
    >>> from skmegatron.layers import Compare
    >>> Compare(">", 1).transform(np.array([1, 2]))
    array([False,  True])
    """

    def __init__(self, operation: str, value: Any = None) -> None:
        self.operation = operation
        self.value = value

    def validate(self) -> None:
        """Check the operation."""
        if self.operation not in _COMPARISONS:
            raise ValueError(
                f"operation must be one of {list(_COMPARISONS)}, got {self.operation!r}."
            )

    def transform(self, *arrays: Any) -> NDArray[np.bool_]:
        """Compare.

        Parameters
        ----------
        *arrays : ndarray of shape (n_rows, ...)
            One, to compare with `value`, or two.

        Returns
        -------
        ndarray of bool of shape (n_rows, ...)
        """
        self.validate()
        left, *rest = _dense(arrays)
        mask: NDArray[np.bool_] = _COMPARISONS[self.operation](left, *(rest or [self.value]))
        return mask


_COMPARISONS: dict[str, Callable[..., Any]] = {
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
    "==": np.equal,
    "!=": np.not_equal,
}


class Normalize(StatelessLayer):
    """Divide each row by its total, so that it sums to one.

    A row whose total is 0 becomes uniform.

    Notes
    -----
    The 2019 library took tables only, and made rows with a negative total uniform, too.

    Examples
    --------
    >>> import numpy as np
    >>> from skmegatron.layers import Normalize
    >>> Normalize().transform(np.array([[1, 3], [0, 0]]))
    array([[0.25, 0.75],
           [0.5 , 0.5 ]])
    """

    takes_sparse = True

    def transform(self, X: Any) -> Any:
        """Divide.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_rows, n_columns, ...)

        Returns
        -------
        {ndarray, csr_array} of the shape of `X`
            In the precision of `X`, float64 for integers.

        Raises
        ------
        ShapeError
            If rows have no entries to sum.
        """
        if sparse.issparse(X):
            return _normalized_sparse(X.tocsr())
        X = np.asarray(X)
        if X.ndim < 2:
            raise ShapeError(
                f"Normalize takes shape (n_rows, n_columns), got {X.shape}: a single value per "
                "row has nothing to be a part of. Concatenate the columns first."
            )
        axes = tuple(range(1, X.ndim))
        totals = X.sum(axis=axes, keepdims=True)
        empty = totals == 0
        if not empty.any():
            return X / totals
        shares = X / np.where(empty, 1, totals)
        return np.where(empty, np.asarray(1 / max(X[0].size, 1), dtype=shares.dtype), shares)

    def feature_names(self, name: str, inbound: Sequence[Names | None]) -> Names | None:
        """Pass the names on."""
        return one_to_one(inbound)


def _normalized_sparse(X: Any) -> Any:
    totals = np.asarray(X.sum(axis=1)).ravel()
    empty = totals == 0
    shares = sparse.csr_array(sparse.diags_array(1 / np.where(empty, 1, totals)) @ X)
    if not empty.any():
        return shares
    n_columns = X.shape[1]
    even = np.where(empty[:, None], 1 / n_columns, 0.0)[empty].astype(shares.dtype)
    rows = np.repeat(np.flatnonzero(empty), n_columns)
    columns = np.tile(np.arange(n_columns), int(empty.sum()))
    kept = sparse.csr_array(sparse.diags_array((~empty).astype(shares.dtype)) @ shares)
    kept.eliminate_zeros()
    filled = np.broadcast_to(even, (int(empty.sum()), n_columns)).ravel()
    return kept + sparse.csr_array((filled, (rows, columns)), shape=X.shape)


class StaticDot(StatelessLayer):
    """Multiply an array by a given matrix.

    Parameters
    ----------
    W : ndarray of shape (n_columns, n_columns_out)

    Examples
    --------
    >>> import numpy as np
    >>> from skmegatron.layers import StaticDot
    >>> StaticDot(np.array([[3], [4]])).transform(np.array([[1, 2]]))
    array([[11]])
    """

    takes_sparse = True

    def __init__(self, W: Any) -> None:
        self.W = W

    def transform(self, X: Any) -> Any:
        """Multiply.

        Parameters
        ----------
        X : {ndarray, sparse matrix} of shape (n_rows, n_columns)

        Returns
        -------
        ndarray of shape (n_rows, n_columns_out)
        """
        return (X if sparse.issparse(X) else np.asarray(X)) @ self.W

    def feature_names(self, name: str, inbound: Sequence[Names | None]) -> Names | None:
        """Name the columns after the step."""
        shape = np.shape(self.W)
        return numbered(name, shape[1]) if len(shape) == 2 else None


def _dense(arrays: Sequence[Any]) -> Sequence[NDArray[Any]]:
    if (
        len(arrays) == 1 and type(arrays[0]) is np.ndarray
    ):  # the most common case, and nothing to do
        return arrays
    for array in arrays:
        if sparse.issparse(array):
            raise TypeError(
                f"Sparse data of shape {np.shape(array)} cannot be combined element by element. "
                "Put Lambda(lambda x: x.toarray())(node) in front."
            )
    blocks = [np.asarray(array) for array in arrays]
    # The first axis is the observations: (n,) and (n, k) meet row by row, not along columns.
    n_axes = max(block.ndim for block in blocks)
    return [
        block.reshape(block.shape + (1,) * (n_axes - block.ndim)) if block.ndim else block
        for block in blocks
    ]


def _divided(left: Any, right: Any, impute: float | None) -> Any:
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.true_divide(left, right)
    if impute is None:
        return ratio
    return np.where(np.equal(right, 0), np.asarray(impute, dtype=ratio.dtype), ratio)
