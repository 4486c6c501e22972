"""Arithmetic on arrays, and the operators of nodes that stand for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial, reduce
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.utils import TransformerTags, check_array
from sklearn.utils.validation import check_is_fitted

from skmegatron.errors import NodeTypeError, ShapeError
from skmegatron.io.tables import as_columns, as_values
from skmegatron.layers.core import Names, StatefulLayer, StatelessLayer, numbered, one_to_one
from skmegatron.nodes.core import Node, hooks


class _ElementWise(StatelessLayer):
    """Arithmetic that keeps the shape of what comes in."""

    def feature_names(self, name: str, inbound: Sequence[Names | None]) -> Names | None:
        """Name the columns after the step, as many as the first inbound node has."""
        first = one_to_one(inbound)
        return None if first is None else numbered(name, len(first))


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
        return (X if sparse.issparse(X) else _dense((X,))[0]) * self.factor

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
        (X,) = _dense((X,))
        pair = (self.value, X) if self.reflected else (X, self.value)
        return operations[self.operation](*pair)

    def feature_names(self, name: str, inbound: Sequence[Names | None]) -> Names | None:
        """Pass the names on."""
        return one_to_one(inbound)


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
        values = self._checked(X)
        # Subtracted in float64: float32 is too coarse for columns far from 0.
        whitened: NDArray[Any] = np.empty_like(values)
        np.subtract(values, self.mean_, out=whitened, casting="same_kind")
        whitened /= self.scale_.astype(values.dtype)
        return whitened.ravel() if np.ndim(X) == 1 else whitened

    def inverse_transform(self, X: Any) -> NDArray[Any]:
        """Go back to the original units.

        Parameters
        ----------
        X : array-like of shape (n_rows,) or (n_rows, n_columns)

        Returns
        -------
        ndarray of the shape of `X`
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
        values: NDArray[Any] = check_array(
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


def _dense(arrays: Sequence[Any]) -> list[NDArray[Any]]:
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


def _operator(name: str, layer: Callable[[], Any]) -> Callable[[Any, Any], Any]:
    def draw(left: Any, right: Any) -> Any:
        if isinstance(left, Node) and isinstance(right, Node):
            return layer()(left, right)
        node, value, reflected = (
            (left, right, False) if isinstance(left, Node) else (right, left, True)
        )
        if np.ndim(value) != 0 or not np.issubdtype(np.asarray(value).dtype, np.number):
            raise NodeTypeError(
                f"A node can be combined with a node or a number, got {value!r} of type "
                f"{type(value).__name__}. Draw sm.Input(...) for an array, or use "
                "Lambda(lambda x: ...)(node)."
            )
        if name == "multiply":
            return ScalarMultiply(value)(node)
        return ScalarArithmetic(name, value, reflected)(node)

    return draw


def _matmul(left: Any, right: Any) -> Any:
    if isinstance(left, Node) and isinstance(right, Node):
        return Dot()(left, right)
    if isinstance(left, Node) and np.ndim(right) in (1, 2):
        return StaticDot(right)(left)
    raise NodeTypeError(
        f"@ takes node @ node or node @ matrix, got {type(left).__name__} @ "
        f"{type(right).__name__}. The observations are the rows, so the node stands left."
    )


hooks["add"] = _operator("add", Add)
hooks["subtract"] = _operator("subtract", Subtract)
hooks["multiply"] = _operator("multiply", ElementWiseMultiply)
hooks["divide"] = _operator("divide", Divide)
hooks["matmul"] = _matmul
