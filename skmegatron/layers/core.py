"""What a layer is.

A layer is a template: an sklearn estimator whose `fit` and `transform` may take several
arrays. Calling it on nodes draws a step. It is never changed by being called, fitted in a
pipeline or searched; pipelines work on clones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, ClassVar, Self

import numpy as np

from skmegatron.errors import NodeTypeError
from skmegatron.io.saving import Portable, unwrapped
from skmegatron.layers.calling import Called
from skmegatron.layers.columns import Names, numbered
from skmegatron.nodes.base import Node, hooks
from skmegatron.nodes.core import Step, TransformationNode


class Layer(Called):
    """Base of every layer.

    Derive from `StatelessLayer` or `StatefulLayer`. Hyperparameters are explicit
    parameters of ``__init__``, stored as given; what is learned ends in ``_``.

    Attributes
    ----------
    n_outputs : int
        How many arrays `transform` returns: 1 means an array, more a tuple of them.
    stateful : bool
        Whether `fit` learns something.

    Examples
    --------
    >>> import numpy as np, skmegatron as sm
    >>> class Cumulate(sm.layers.Layer):
    ...     stateful = False
    ...     def transform(self, X):
    ...         return X.cumsum(axis=0)
    ...     def transform_batch(self, state, X):
    ...         sums = X.cumsum(axis=0) + (0 if state is None else state)
    ...         return sums, sums[-1]
    >>> x = sm.Input("x")
    >>> pipe = sm.Pipeline(x, Cumulate()(x))
    >>> [sums.tolist() for sums in pipe.transform_generator([{"x": [1, 2]}, {"x": [3]}])]
    [[1, 3], [6]]
    """

    n_outputs: int = 1
    stateful: bool = True
    #: Whether `transform` gives other rows than it takes; `kept_rows` then tells which.
    changes_rows: bool = False
    #: Whether it changes the rows while fitting, and elsewhere gives back what comes in.
    train_only: bool = False
    #: Whether `get_params` of a pipeline shows its hyperparameters: not of metrics and explorers.
    _has_params: bool = True
    #: Whether it came with what it has learned, and is never fitted.
    frozen: bool = False
    #: Whether `fit` itself remembers on which rows it has learned labels.
    notes_rows: bool = False

    @property
    def rowwise(self) -> bool:
        """Whether each row of the value comes from its own row of the arrays.

        Examples
        --------
        >>> from skmegatron.layers import Flatten, TimeSeries
        >>> Flatten().rowwise, TimeSeries(window_size=3).rowwise
        (True, False)
        """
        return not self.changes_rows and type(self).transform_batch is Layer.transform_batch

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Get the hyperparameters.

        Parameters
        ----------
        deep : bool, default=True
            Whether to add those of estimators among them, as ``name__parameter``.

        Returns
        -------
        dict of str to object

        Examples
        --------
        >>> from skmegatron.layers import RGBtoGrey
        >>> RGBtoGrey(keep_dim=True).get_params()
        {'keep_dim': True, 'method': 'luminosity'}
        """
        kind: Any = type(self)
        params = {name: getattr(self, name) for name in _param_names(kind)}
        for name, value in list(params.items()) if deep else ():
            if hasattr(value, "get_params") and not isinstance(value, type):
                inner = value.get_params().items()
                params.update((f"{name}__{key}", setting) for key, setting in inner)
        return params

    def validate(self) -> None:
        """Check the hyperparameters, before anything is fitted.

        Raises
        ------
        ValueError
            If one cannot be used.

        Examples
        --------
        >>> from skmegatron.layers import Compare
        >>> Compare("=>", 18).validate()
        Traceback (most recent call last):
            ...
        ValueError: operation must be one of ['<', '<=', '>', '>=', '==', '!='], got '=>'.
        """

    def freeze(self) -> Layer:
        """Make a step that has learned what this one has, and learns no more.

        Returns
        -------
        Frozen
            It holds a copy, and is not fitted again, in clones neither.

        Raises
        ------
        NotFittedError
            If there is nothing learned yet.

        Examples
        --------
        >>> import numpy as np
        >>> from skmegatron.layers import Whiten
        >>> frozen = Whiten().fit(np.array([[150.0], [170.0], [190.0]])).freeze()
        >>> frozen.fit(np.array([[1.0], [2.0]])).transform(np.array([[190.0]])).round(2)
        array([[1.22]])
        """
        frozen: Layer = hooks["freeze"](self)
        return frozen

    def fit(self, *arrays: Any, **fit_only: Any) -> Self:
        """Learn from data.

        Parameters
        ----------
        *arrays : array-like of shape (n_rows, ...)
        **fit_only : array-like of shape (n_rows,)
            Labels, weights and the like, where the step was drawn with them.

        Returns
        -------
        self

        Examples
        --------
        >>> import numpy as np
        >>> from skmegatron.layers import OneHotLabels
        >>> OneHotLabels().fit(np.array(["Rome", "Oslo"])).transform(np.array(["Oslo"]))
        array([[1., 0.]], dtype=float32)
        """
        return self

    def transform(self, *arrays: Any) -> Any:
        """Give the layer's value for data.

        Parameters
        ----------
        *arrays : array-like of shape (n_rows, ...)

        Returns
        -------
        array of shape (n_rows, ...), or a tuple of them

        Raises
        ------
        NotImplementedError
            If the layer's class does not define it.

        Examples
        --------
        >>> import numpy as np
        >>> from skmegatron.layers import Subtract
        >>> Subtract().transform(np.array([5, 7]), np.array([1, 2]))
        array([4, 5])
        """
        raise NotImplementedError(
            f"{type(self).__name__} must define transform(self, X) to be run."
        )

    def transform_batch(self, state: Any, *arrays: Any) -> tuple[Any, Any]:
        """Transform the next batch of a stream.

        Parameters
        ----------
        state : object
            What the layer gave for the batch before; None for the first.
        *arrays : array-like of shape (n_rows, ...)

        Returns
        -------
        tuple of (array, object)
            The value, and what the next batch needs to know of this one.

        Examples
        --------
        >>> import numpy as np
        >>> from skmegatron.layers import TimeSeries
        >>> windows = TimeSeries(window_size=2)
        >>> _, state = windows.transform_batch(None, np.array([1, 2]))
        >>> windows.transform_batch(state, np.array([3]))[0]
        array([[3, 2]])
        """
        return self.transform(*arrays), None

    def fit_transform(self, *arrays: Any, **fit_only: Any) -> Any:
        """Fit, then transform the same data.

        Parameters
        ----------
        *arrays : array-like of shape (n_rows, ...)
        **fit_only : array-like of shape (n_rows,)

        Returns
        -------
        array of shape (n_rows, ...), or a tuple of them

        Examples
        --------
        >>> import numpy as np
        >>> from skmegatron.layers import Whiten
        >>> Whiten().fit_transform(np.array([[150.0], [170.0]]))
        array([[-1.],
               [ 1.]])
        """
        return self.fit(*arrays, **fit_only).transform(*arrays)

    def feature_names(self, name: str, inbound: Sequence[Names | None]) -> Names | None:
        """Name the columns of the layer's value.

        Parameters
        ----------
        name : str
            Of the step.
        inbound : sequence of ndarray of str or None
            Column names of each inbound node; None where they are not known.

        Returns
        -------
        ndarray of str or None
            None where the layer cannot tell; the columns are then numbered.

        Examples
        --------
        >>> import numpy as np
        >>> from skmegatron.layers import Concatenate, Whiten
        >>> Whiten().feature_names("age_z", [np.array(["age"], dtype=object)])
        array(['age'], dtype=object)
        >>> Concatenate().feature_names("both", [None, np.array(["age"], dtype=object)]) is None
        True
        """
        return None


class StatelessLayer(Layer):
    """Base of layers that learn nothing: define ``transform``.

    Examples
    --------
    >>> import numpy as np
    >>> from skmegatron.layers import StatelessLayer
    >>> class Square(StatelessLayer):
    ...     def transform(self, X):
    ...         return X**2
    >>> Square().transform(np.array([2, 3]))
    array([4, 9])
    """

    stateful = False
    #: Whether `transform` takes sparse matrices.
    takes_sparse: bool = False

    def _split_call(
        self, inbound: list[Node], fit_only: dict[str, Any]
    ) -> tuple[list[Node], dict[str, Any]]:
        if fit_only:
            raise NodeTypeError(
                f"{self!r} learns nothing, so {', '.join(f'{key}=' for key in fit_only)} would "
                "never be read. Pass the node among the others, or use a layer that learns."
            )
        return inbound, fit_only

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        tags.input_tags.allow_nan = True
        tags.input_tags.sparse = self.takes_sparse
        return tags


class StatefulLayer(Layer):
    """Base of layers that learn: define ``transform`` and ``fit`` or ``partial_fit``.

    Learned state is any attribute whose name ends in ``_``, or an entry of the
    dictionary `metadata`.

    Examples
    --------
    >>> import numpy as np
    >>> from skmegatron.layers import StatefulLayer
    >>> class Center(StatefulLayer):
    ...     def fit(self, X):
    ...         self.metadata["mean"] = X.mean(axis=0)
    ...         return self
    ...     def transform(self, X):
    ...         return X - self.metadata["mean"]
    >>> Center().fit_transform(np.array([1.0, 3.0]))
    array([-1.,  1.])
    """

    partial_fit: ClassVar[Callable[..., Any]]

    def fit(self, *arrays: Any, **fit_only: Any) -> Self:
        """Forget what was learned, and learn from data with ``partial_fit``.

        Parameters
        ----------
        *arrays : array-like of shape (n_rows, ...)
        **fit_only : array-like of shape (n_rows,)

        Returns
        -------
        self

        Raises
        ------
        NotImplementedError
            If the layer's class defines neither ``fit`` nor ``partial_fit``.
        """
        if not hasattr(self, "partial_fit"):
            raise NotImplementedError(
                f"{type(self).__name__} must define fit(self, X) or partial_fit(self, X)."
            )
        params = self._get_param_names()
        for learned in [n for n in vars(self) if n.endswith("_") and n not in params]:
            delattr(self, learned)
        self.partial_fit(*arrays, **fit_only)
        return self

    def fit_transform(self, *arrays: Any, **fit_only: Any) -> Any:
        """Fit, then transform the same data.

        Parameters
        ----------
        *arrays : array-like of shape (n_rows, ...)
        **fit_only : array-like of shape (n_rows,)

        Returns
        -------
        array of shape (n_rows, ...), or a tuple of them
        """
        # A user's fit need not return self: the manual's own example does not.
        self.fit(*arrays, **fit_only)
        return self.transform(*arrays)

    @property
    def metadata(self) -> dict[str, Any]:
        """Learned state by name, made on first use.

        Examples
        --------
        >>> import numpy as np
        >>> from skmegatron.layers import StatefulLayer
        >>> class Scale(StatefulLayer):
        ...     def fit(self, X):
        ...         self.metadata["largest"] = float(X.max())
        ...     def transform(self, X):
        ...         return X / self.metadata["largest"]
        >>> scale = Scale()
        >>> scale.fit_transform(np.array([1.0, 4.0])), scale.metadata
        (array([0.25, 1.  ]), {'largest': 4.0})
        """
        learned: dict[str, Any] = self.__dict__.setdefault("metadata_", {})
        return learned

    @metadata.setter
    def metadata(self, learned: dict[str, Any]) -> None:
        self.metadata_ = learned


class Lambda(StatelessLayer):
    """Apply a function to the values of nodes.

    Parameters
    ----------
    fn : callable
        Takes one array per node, and the keyword arguments.
    n_outputs : int, default=1
        How many arrays `fn` returns.
    **kwargs
        Keyword arguments for `fn`. They are hyperparameters, so
        ``set_params(lambda__alpha=2)`` works.

    Notes
    -----
    A lambda or a function defined in ``__main__`` is saved by value, with its code.

    Examples
    --------
    >>> import numpy as np
    >>> from skmegatron.layers import Lambda
    >>> Lambda(np.clip, a_min=0, a_max=1).transform(np.array([-1, 5]))
    array([0, 1])
    """

    takes_sparse = True

    def __init__(self, fn: Callable[..., Any], n_outputs: int = 1, **kwargs: Any) -> None:
        self.fn = fn
        self.n_outputs = n_outputs
        self.kwargs = kwargs

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Get the function, the number of outputs, and the keyword arguments.

        Parameters
        ----------
        deep : bool, default=True
            Has no effect: there is nothing nested.

        Returns
        -------
        dict
        """
        return {"fn": self.fn, "n_outputs": self.n_outputs, **self.kwargs}

    def set_params(self, **params: Any) -> Self:
        """Set the function, the number of outputs, or keyword arguments.

        Parameters
        ----------
        **params
            A keyword that the layer does not have yet is added.

        Returns
        -------
        self

        Examples
        --------
        >>> import numpy as np
        >>> from skmegatron.layers import Lambda
        >>> Lambda(np.clip, a_min=0, a_max=9).set_params(a_max=3).transform(np.array([-1, 5]))
        array([0, 3])
        """
        self.fn = params.pop("fn", self.fn)
        self.n_outputs = params.pop("n_outputs", self.n_outputs)
        self.kwargs = {**self.kwargs, **params}
        return self

    def transform(self, *arrays: Any) -> Any:
        """Call the function.

        Parameters
        ----------
        *arrays : array-like of shape (n_rows, ...)

        Returns
        -------
        whatever the function returns
        """
        return self.fn(*arrays, **self.kwargs)

    def __getstate__(self) -> dict[str, Any]:
        state = dict(vars(self))
        return state | {"fn": Portable(state["fn"]), "kwargs": Portable(state["kwargs"])}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update({key: unwrapped(value) for key, value in state.items()})

    def __repr__(self, N_CHAR_MAX: int = 700) -> str:
        label = getattr(self.fn, "__name__", None) or repr(self.fn)
        kwargs = "".join(f", {key}={value!r}" for key, value in self.kwargs.items())
        return f"Lambda({label}{kwargs})"


class Inverse(StatelessLayer):
    """The step that ``node.inverse(other)`` draws; it uses the state of another step."""

    def feature_names(self, name: str, inbound: Sequence[Names | None]) -> Names | None:
        """Name the columns after the step: the units are no longer those that came in."""
        (names,) = inbound
        if names is None:
            return None
        return np.array([name], dtype=object) if len(names) == 1 else numbered(name, len(names))


def _draw_inverse(node: TransformationNode, other: Node) -> TransformationNode:
    if not hasattr(node.step.layer, "inverse_transform"):
        raise NodeTypeError(
            f"{node!r} has no inverse: {node.step.layer!r} does not define "
            "inverse_transform(self, X), or knows no way back. Use a layer that does: "
            "Sklearn(FunctionTransformer(np.log, np.exp)) undoes a logarithm."
        )
    output = None
    if other.eager and node.step.fitted is not None:
        output = node.step.fitted.inverse_transform(other.output)
    step = Step(Inverse(), [other], state_of=node, fitted=node.step.fitted)
    return TransformationNode(step, output=output)


hooks["inverse"] = _draw_inverse


@cache
def _param_names(kind: Any) -> list[str]:
    """Name the parameters of a class, which its signature need tell only once."""
    return list(kind._get_param_names())
