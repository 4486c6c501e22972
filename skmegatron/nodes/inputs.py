"""Where data enters the graph: inputs, and the place of the labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from skmegatron.errors import NamingError, NodeTypeError, ShapeError
from skmegatron.io.tables import as_values
from skmegatron.nodes.core import Node, Token, glimpse


class InputNode(Node):
    """A place where data enters the graph. `Input` is its short name.

    Calling an input with an array gives a new, eager node: the layers called on it compute
    at once.

    Parameters
    ----------
    name : str
        Under which the data is fed.
    shape : tuple of int or None, default=()
        Shape of one observation, without the first axis. None matches any size:
        ``shape=(None,)`` takes a table with any number of columns.
    columns : list of str or int, default=None
        Bind these columns of a table as one 2-D array.

    Examples
    --------
    >>> import skmegatron as sm
    >>> sm.Input("image", shape=(8, 8))
    Input('image', shape=(8, 8))
    >>> sm.Input("sizes", columns=["height", "width"])
    Input('sizes', shape=(2,), columns=['height', 'width'])
    """

    __slots__ = ("columns", "shape", "token")
    name: str
    shape: tuple[int | None, ...]
    columns: tuple[str | int, ...] | None
    token: Token

    def __init__(
        self,
        name: str,
        shape: Sequence[int | None] = (),
        columns: Sequence[str | int] | None = None,
    ) -> None:
        if not isinstance(name, str) or not name:
            raise NamingError(
                f"An input needs a name to be fed by, got {name!r}. Write Input('age')."
            )
        if isinstance(columns, str):
            raise TypeError(f"columns takes a list, got {columns!r}. Write columns=[{columns!r}].")
        # one number is a shape with one axis; mypy knows only the wide type of the argument
        shape = tuple(shape) if isinstance(shape, list | tuple) else (shape,)  # type: ignore[assignment]
        if columns is not None:
            if shape not in ((), (None,), (len(columns),)):
                raise ShapeError(
                    f"Input {name!r} binds {len(columns)} columns as shape ({len(columns)},), "
                    f"got shape={shape}. Leave shape out where columns are given."
                )
            shape = (len(columns),)
        super().__init__(name)
        self._set(
            shape=shape,
            columns=None if columns is None else tuple(columns),
            token=Token(),
        )

    def validate_input(self, observations: Any) -> None:
        """Check an array against the declared shape.

        Parameters
        ----------
        observations : {ndarray, sparse matrix, dataframe} of shape (n_rows, ...)

        Raises
        ------
        ShapeError
            If the shapes do not match.

        Examples
        --------
        >>> import numpy as np, skmegatron as sm
        >>> sm.Input("signal", shape=(None, 3)).validate_input(np.zeros((10, 500, 3)))
        """
        got = tuple(observations.shape)
        if got and got[1:] == self.shape:
            return
        fits = len(got) == len(self.shape) + 1 and all(
            want is None or want == size for want, size in zip(self.shape, got[1:], strict=True)
        )
        if not fits:
            raise ShapeError(self._mismatch(got))

    def _mismatch(self, got: tuple[int, ...]) -> str:
        wanted = ", ".join(
            ["n_rows", *("any" if size is None else str(size) for size in self.shape)]
        )
        wanted += "," if not self.shape else ""
        if len(got) < 2 and len(self.shape) == 1:
            advice = (
                f"Expected 2D array, got {len(got)}D array instead. Reshape your data with "
                "X.reshape(-1, 1) if it is one column, or X.reshape(1, -1) if it is one row."
            )
        elif len(got) < 1:
            advice = "Put a single observation into a list: [x]."
        else:
            size = "(None,)" if len(got) == 2 else str(tuple(got[1:]))
            advice = f"Declare Input({self.name!r}, shape={size}) to take such data."
        return f"Input {self.name!r} expects shape ({wanted}), got {got}. {advice}"

    def __call__(self, observations: Any) -> InputNode:
        """Make an eager node.

        Parameters
        ----------
        observations : array-like of shape (n_rows, ...)

        Returns
        -------
        InputNode
            A new node that carries the array; this one stays as it is.

        Raises
        ------
        ShapeError
            If the array does not have the declared shape.
        """
        if isinstance(observations, Node) or hasattr(observations, "get_params"):
            raise NodeTypeError(
                f"{self!r} takes an array when called, got {observations!r}. To apply a "
                "layer to it, write SomeLayer()(node)."
            )
        values = as_values(observations, self.name)
        self.validate_input(values)
        return self._copy(output=values)

    def _copy(self, **changes: Any) -> InputNode:
        """Make another node, with an `output` or `token` of its own."""
        copy = type(self)(*self._given())
        copy._set(**changes)
        return copy

    def _given(self) -> tuple[Any, ...]:
        return self.name, self.shape, self.columns

    def __repr__(self) -> str:
        if self.eager:
            return f"<eager {type(self).__name__} {self.name!r}: {glimpse(self.output)}>"
        shape = f", shape={self.shape}" if self.shape else ""
        columns = f", columns={list(self.columns)}" if self.columns is not None else ""
        return f"Input({self.name!r}{shape}{columns})"


Input = InputNode


class Target(InputNode):
    """The place of the labels: fed by ``y`` in ``pipeline.fit(X, y)``.

    May also be fed by its name in ``X``, as in ``pipeline.fit({"image": ..., "label": ...})``.

    Parameters
    ----------
    name : str

    Examples
    --------
    >>> import skmegatron as sm
    >>> sm.Target("label")
    Target('label')
    """

    __slots__ = ()

    def __init__(self, name: str) -> None:
        super().__init__(name)

    def _given(self) -> tuple[Any, ...]:
        return (self.name,)

    def validate_input(self, observations: Any) -> None:
        """Accept labels of shape (n_rows,) or (n_rows, n_outputs).

        Examples
        --------
        >>> import numpy as np, skmegatron as sm
        >>> sm.Target("y").validate_input(np.zeros(4))
        >>> sm.Target("y").validate_input(np.zeros((4, 2, 2)))
        Traceback (most recent call last):
            ...
        skmegatron.errors.ShapeError: Target 'y' expects shape (n_rows,) or (n_rows, n_outputs),
        got (4, 2, 2). y should be a 1d array, or 2d for several outputs.
        """
        if len(observations.shape) not in (1, 2):
            raise ShapeError(
                f"Target {self.name!r} expects shape (n_rows,) or (n_rows, n_outputs), got "
                f"{tuple(observations.shape)}. y should be a 1d array, or 2d for several outputs."
            )

    def __repr__(self) -> str:
        return super().__repr__() if self.eager else f"Target({self.name!r})"
