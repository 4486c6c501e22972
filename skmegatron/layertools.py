"""Ways of using layers: one per node, one over many, one per observation, now and then."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.utils import check_random_state

from skmegatron.errors import NodeTypeError, ShapeError
from skmegatron.io.tables import take_rows
from skmegatron.layers.columns import Names, one_to_one
from skmegatron.layers.core import Lambda, Layer

__all__ = ["Maybe", "Vectorize", "apply", "map", "maybe", "vectorize"]


def apply(layer: Callable[..., Layer], nodes: Any, **hyperparameters: Any) -> Any:
    """Call a new layer on each node, so that each has its own hyperparameters.

    Parameters
    ----------
    layer : class or callable
        Makes a layer from `hyperparameters`.
    nodes : dict of str to Node, or list of Node
    **hyperparameters
        For each of the layers.

    Returns
    -------
    dict of str to Node, or list of Node
        As `nodes` is. The steps of a dict are named after its keys and the layer.

    Raises
    ------
    NodeTypeError
        If `nodes` is a single node.

    Examples
    --------
    >>> import skmegatron as sm
    >>> from skmegatron import layertools
    >>> ages = {"his": sm.Input("his"), "hers": sm.Input("hers")}
    >>> layertools.apply(sm.layers.Whiten, ages, ddof=1)["his"].name
    'his_whiten'
    """
    if isinstance(layer, Layer):
        raise NodeTypeError(
            f"apply makes a layer per node, so it takes a class, got {layer!r}. Write "
            f"apply({type(layer).__name__}, nodes), or map(layer, nodes) to share one."
        )
    return _over(nodes, lambda node, name: _call(layer(**hyperparameters), node, name), "apply")


def map(layer: Layer, nodes: Any) -> Any:
    """Call one layer on each node: the steps share its hyperparameters, not their state.

    Parameters
    ----------
    layer : Layer
    nodes : dict of str to Node, or list of Node

    Returns
    -------
    dict of str to Node, or list of Node
        As `nodes` is. The steps of a dict are named after its keys and the layer.

    Raises
    ------
    NodeTypeError
        If `nodes` is a single node.

    Examples
    --------
    >>> import skmegatron as sm
    >>> from skmegatron import layertools
    >>> a, b = layertools.map(sm.layers.Whiten(), [sm.Input("a"), sm.Input("b")])
    >>> a.layer is b.layer
    True
    """
    return _over(nodes, lambda node, name: _call(layer, node, name), "map")


def _over(nodes: Any, call: Callable[[Any, str | None], Any], what: str) -> Any:
    if isinstance(nodes, Mapping):
        return {key: call(node, str(key)) for key, node in nodes.items()}
    if isinstance(nodes, list | tuple):
        return [call(node, None) for node in nodes]
    raise NodeTypeError(
        f"{what} takes a dict or a list of nodes, got {nodes!r}. Call the layer itself on one."
    )


def _call(layer: Layer, node: Any, name: str | None) -> Any:
    kind = type(getattr(layer, "named_after", layer)).__name__.lower()
    return layer(node) if name is None else layer(node, name=f"{name}_{kind}")


class Vectorize(Lambda):
    """Apply a function to each observation, and stack what it returns.

    Parameters
    ----------
    fn : callable
        Takes one observation per node, and the keyword arguments.
    n_outputs : int, default=1
        How many values `fn` returns.
    **kwargs
        Keyword arguments for `fn`; they are hyperparameters.

    Examples
    --------
    >>> import numpy as np
    >>> from skmegatron.layertools import Vectorize
    >>> Vectorize(lambda row: row.max()).transform(np.array([[1, 5], [7, 2]]))
    array([5, 7])
    """

    def transform(self, *arrays: Any) -> Any:
        """Call the function on each observation.

        Parameters
        ----------
        *arrays : array-like of shape (n_rows, ...)

        Returns
        -------
        ndarray of shape (n_rows, ...), or a tuple of them
        """
        rows = [self.fn(*row, **self.kwargs) for row in zip(*arrays, strict=True)]
        if self.n_outputs == 1:
            return np.asarray(rows)
        return tuple(np.asarray(column) for column in zip(*rows, strict=True)) or tuple(
            np.empty(0) for _ in range(self.n_outputs)
        )

    def __repr__(self, N_CHAR_MAX: int = 700) -> str:
        return super().__repr__().replace("Lambda", "Vectorize", 1)


def vectorize(fn: Callable[..., Any], n_outputs: int = 1, **kwargs: Any) -> Vectorize:
    """Make a layer of a function of one observation; serves as a decorator too.

    Parameters
    ----------
    fn : callable
        Takes one observation per node, and the keyword arguments.
    n_outputs : int, default=1
        How many values `fn` returns.
    **kwargs
        Keyword arguments for `fn`; they are hyperparameters.

    Returns
    -------
    Vectorize

    Examples
    --------
    >>> import numpy as np
    >>> from skmegatron.layertools import vectorize
    >>> @vectorize
    ... def initials(name):
    ...     return "".join(part[0] for part in name.split())
    >>> initials.transform(np.array(["Ada Lovelace", "Alan Turing"]))
    array(['AL', 'AT'], dtype='<U2')
    """
    return Vectorize(fn, n_outputs=n_outputs, **kwargs)


class Maybe(Layer):
    """Apply a layer to a random part of the observations while fitting: augmentation.

    At `transform` every observation passes unchanged.

    Parameters
    ----------
    layer : Layer
        Takes one array and keeps its shape.
    p : float, default=0.5
        Probability for each observation.
    random_state : int, RandomState instance or None, default=None
        Which observations are chosen.

    Examples
    --------
    >>> import numpy as np
    >>> from skmegatron.layers import ScalarMultiply
    >>> from skmegatron.layertools import Maybe
    >>> flip = Maybe(ScalarMultiply(-1), p=0.5, random_state=0)
    >>> flip.fit_transform(np.ones(6)), flip.transform(np.ones(2))
    (array([ 1.,  1.,  1.,  1., -1.,  1.]), array([1., 1.]))
    """

    def __init__(self, layer: Layer, p: float = 0.5, random_state: Any = None) -> None:
        self.layer = layer
        self.p = p
        self.random_state = random_state

    def validate(self) -> None:
        """Check the layer and the probability."""
        if not isinstance(self.layer, Layer):
            raise TypeError(
                f"Maybe takes a layer, got {self.layer!r}. Write Maybe(Flip(), p=0.5)."
            )
        if not 0 <= self.p <= 1:
            raise ValueError(f"p is a probability between 0 and 1, got {self.p!r}.")

    def partial_fit(self, *arrays: Any, **fit_only: Any) -> Self:
        """Learn nothing, so that a stream can pass.

        Parameters
        ----------
        *arrays : array-like of shape (n_rows, ...)
        **fit_only : array-like

        Returns
        -------
        self

        Examples
        --------
        >>> import numpy as np
        >>> from skmegatron.layers import ScalarMultiply
        >>> from skmegatron.layertools import Maybe
        >>> flip = Maybe(ScalarMultiply(-1), p=0.5, random_state=0)
        >>> flip.partial_fit(np.arange(3.0)) is flip
        True
        """
        return self

    def fit_transform(self, *arrays: Any, **fit_only: Any) -> Any:
        """Apply the layer to the observations that chance chooses.

        Parameters
        ----------
        *arrays : array-like of shape (n_rows, ...)
            One array.
        **fit_only : array-like

        Returns
        -------
        ndarray of shape (n_rows, ...)

        Raises
        ------
        ShapeError
            If the layer changes the shape of an observation.
        """
        self.validate()
        X: NDArray[Any] = np.asarray(arrays[0])
        chosen = check_random_state(self.random_state).random_sample(len(X)) < self.p
        if not chosen.any():
            return X
        changed = np.asarray(clone(self.layer).fit_transform(take_rows(X, chosen)))
        if changed.shape != (int(chosen.sum()), *X.shape[1:]):
            raise ShapeError(
                f"Maybe needs a layer that keeps the shape, and {self.layer!r} made "
                f"{changed.shape} of {(int(chosen.sum()), *X.shape[1:])}."
            )
        result = X.astype(np.result_type(X, changed), copy=True)
        result[chosen] = changed
        return result

    def transform(self, *arrays: Any) -> Any:
        """Give the observations back unchanged.

        Parameters
        ----------
        *arrays : array-like of shape (n_rows, ...)

        Returns
        -------
        the first of `arrays`
        """
        return arrays[0]

    def feature_names(self, name: str, inbound: Sequence[Names | None]) -> Names | None:
        """Pass the names on."""
        return one_to_one(inbound)


def maybe(layer: Layer, p: float = 0.5, random_state: Any = None) -> Maybe:
    """Apply a layer to a random part of the observations, while fitting only.

    Parameters
    ----------
    layer : Layer
        Takes one array and keeps its shape.
    p : float, default=0.5
        Probability for each observation.
    random_state : int, RandomState instance or None, default=None
        Which observations are chosen.

    Returns
    -------
    Maybe

    Examples
    --------
    >>> from skmegatron.layers import ScalarMultiply
    >>> from skmegatron.layertools import maybe
    >>> maybe(ScalarMultiply(-1), p=0.1)
    Maybe(layer=ScalarMultiply(factor=-1), p=0.1)
    """
    return Maybe(layer, p=p, random_state=random_state)
