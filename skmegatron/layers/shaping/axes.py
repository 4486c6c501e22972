"""Layers that lay each observation out in another way."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from skmegatron.errors import ShapeError
from skmegatron.io.tables import as_columns, columns_together, join
from skmegatron.io.unwritten import Unwritten, write_together
from skmegatron.layers.columns import Names, one_to_one
from skmegatron.layers.core import StatelessLayer


class AddDim(StatelessLayer):
    """Add an axis of length 1.

    Parameters
    ----------
    axis : int, default=-1
        Where the new axis stands in the result; -1 is the last. 0 would be the
        observations', and is refused.

    Examples
    --------
    >>> import numpy as np
    >>> from skmegatron.layers import AddDim
    >>> AddDim().transform(np.zeros((5, 8, 8))).shape
    (5, 8, 8, 1)
    """

    def __init__(self, axis: int = -1) -> None:
        self.axis = axis

    def transform(self, X: Any) -> NDArray[Any]:
        """Add the axis.

        Parameters
        ----------
        X : array-like of shape (n_rows, ...)

        Returns
        -------
        ndarray of shape (n_rows, ..., 1, ...)
            A view.

        Raises
        ------
        ShapeError
            If there is no such place, or it is the observations'.
        """
        X = as_dense(self, X)
        place = self.axis + X.ndim + 1 if self.axis < 0 else self.axis
        if not 0 < place <= X.ndim:
            raise ShapeError(
                f"AddDim adds an axis to each observation of shape {X.shape[1:]}: axis must be "
                f"1 to {X.ndim}, or -1 to {-X.ndim}, got {self.axis}."
            )
        return np.expand_dims(X, place)

    def feature_names(self, name: str, inbound: Sequence[Names | None]) -> Names | None:
        """Pass the names on."""
        return one_to_one(inbound)


class Cast(StatelessLayer):
    """Change the data type.

    Parameters
    ----------
    new_type : type, dtype or str
        Anything that `numpy.dtype` takes.

    Examples
    --------
    >>> import numpy as np
    >>> from skmegatron.layers import Cast
    >>> Cast(int).transform(np.array([1.0, 2.0]))
    array([1, 2])
    """

    takes_sparse = True

    def __init__(self, new_type: Any) -> None:
        self.new_type = new_type

    def transform(self, X: Any) -> Any:
        """Cast.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_rows, ...)

        Returns
        -------
        {ndarray, sparse matrix} of the shape of `X`

        Raises
        ------
        ValueError
            If NaN, an infinity or a number that is out of range would become an integer, or
            text does not read as a number.
        """
        X = X if sparse.issparse(X) else np.asarray(X)
        new_type = np.dtype(self.new_type)
        values = X.tocoo().data if sparse.issparse(X) else X
        if values.dtype.kind == "f" and new_type.kind in "iu":
            # float64: the ends of integers overflow float16 and float32.
            low, high = np.float64(np.iinfo(new_type).min), np.float64(np.iinfo(new_type).max)
            whole = np.trunc(values)
            wrong = values[~((low <= whole) & (whole < high + 1))]
            if wrong.size:
                raise ValueError(
                    f"{self!r} cannot turn {wrong[:3].tolist()} into {new_type}. Put "
                    "Impute({np.nan: 0}) in front for what is missing, and "
                    "Lambda(np.clip, a_min=..., a_max=...) for what is out of range."
                )
        return X.astype(new_type)

    def feature_names(self, name: str, inbound: Sequence[Names | None]) -> Names | None:
        """Pass the names on."""
        return one_to_one(inbound)


class Reshape(StatelessLayer):
    """Give each observation another shape.

    Parameters
    ----------
    new_shape : tuple of int
        Without the axis of the observations. One entry may be -1, which is worked out.

    Notes
    -----
    The first axis stays, as in Keras. The 2019 library reshaped the whole array.

    Examples
    --------
    >>> import numpy as np
    >>> from skmegatron.layers import Reshape
    >>> Reshape((8, -1)).transform(np.zeros((5, 64))).shape
    (5, 8, 8)
    """

    def __init__(self, new_shape: Sequence[int]) -> None:
        self.new_shape = new_shape

    def transform(self, X: Any) -> NDArray[Any]:
        """Reshape.

        Parameters
        ----------
        X : array-like of shape (n_rows, ...)

        Returns
        -------
        ndarray of shape (n_rows,) + new_shape
            A view where numpy can give one.

        Raises
        ------
        ShapeError
            If the sizes do not match.
        """
        X = as_dense(self, X)
        asked: Any = self.new_shape
        shape = tuple(asked) if isinstance(asked, Iterable) else (int(asked),)
        size = math.prod(X.shape[1:])
        known = math.prod(part for part in shape if part != -1)
        if shape.count(-1) == 1 and known > 0 and size % known == 0:
            shape = tuple(size // known if part == -1 else part for part in shape)
        if min(shape, default=0) < 0 or math.prod(shape) != size:
            raise ShapeError(
                f"Reshape({self.new_shape!r}) takes observations of {known} values (a multiple, "
                f"with one -1), got shape {X.shape[1:]}, {size} values. The axis of the "
                "observations is left out of new_shape."
            )
        reshaped: NDArray[Any] = X.reshape(X.shape[0], *shape)
        return reshaped

    def feature_names(self, name: str, inbound: Sequence[Names | None]) -> Names | None:
        """Pass the names on, in the same order."""
        return one_to_one(inbound)


def as_dense(layer: StatelessLayer, X: Any) -> NDArray[Any]:
    """Give an array, for a layer whose result may have more axes than a sparse matrix can.

    Parameters
    ----------
    layer : StatelessLayer
        To be named in an error.
    X : array-like of shape (n_rows, ...)

    Returns
    -------
    ndarray of shape (n_rows, ...)

    Raises
    ------
    TypeError
        If `X` is sparse.
    """
    if sparse.issparse(X):
        raise TypeError(
            f"{layer!r} takes arrays, got a sparse matrix of shape {X.shape}. Put "
            "Lambda(lambda x: x.toarray())(node) in front."
        )
    array: NDArray[Any] = np.asarray(X)
    return array


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
        return X.reshape(X.shape[0], math.prod(X.shape[1:]))

    def feature_names(self, name: str, inbound: Sequence[Names | None]) -> Names | None:
        """Pass the names on: those of an image are numbered in the same order."""
        names = one_to_one(inbound)
        return None if names is None else names.ravel()


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

    @property
    def takes_unwritten(self) -> bool:
        """Whether steps in front may leave it to this one to write their columns."""
        return type(self).transform is Concatenate.transform and self.axis in (-1, 1)

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
        if any(isinstance(array, Unwritten) for array in arrays):
            if self.takes_unwritten and _plain_columns(arrays):
                return write_together([_as_block(array) for array in arrays])
            arrays = tuple(a.written() if isinstance(a, Unwritten) else a for a in arrays)
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
        plain = len(known) == len(inbound) and all(names.ndim == 1 for names in known)
        return np.concatenate(known) if plain else None


def _plain_columns(arrays: Sequence[Any]) -> bool:
    """Tell whether all are columns of numbers, of as many rows."""
    plain = all(
        isinstance(array, Unwritten)
        or (type(array) is np.ndarray and array.ndim in (1, 2) and array.dtype.kind in "biufc")
        for array in arrays
    )
    return plain and len({array.shape[0] for array in arrays}) == 1


def _as_block(array: Any) -> Any:
    return array if isinstance(array, Unwritten) else as_columns(array)
