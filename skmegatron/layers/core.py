"""What a layer is, and what calling one does.

A layer is a template: an sklearn estimator whose `fit` and `transform` may take several
arrays. Calling it on nodes draws a step. It is never changed by being called, fitted in a
pipeline or searched; pipelines work on clones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, clone

from skmegatron.engine.run import as_labels, split_outputs, where
from skmegatron.errors import NamingError, NodeTypeError
from skmegatron.io.saving import Portable, unwrapped
from skmegatron.io.tables import guarded, released
from skmegatron.nodes.choices import choice_in
from skmegatron.nodes.core import (
    ExploreNode,
    MetricNode,
    Node,
    Step,
    StepNode,
    TransformationNode,
    hooks,
)
from skmegatron.nodes.settling import Settled, keep_choices, settled_layer, settled_once

Names = NDArray[Any]


class Layer(BaseEstimator):
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

    def __call__(
        self,
        *nodes: Any,
        name: str | Sequence[str] | None = None,
        y: Node | None = None,
        **fit_only_nodes: Node,
    ) -> Any:
        """Draw one step: this layer applied to nodes.

        Parameters
        ----------
        *nodes : Node, list of Node
            What the step reads on every run: one node, a list of them, or several. A string
            after them is the name.
        name : str or sequence of str, default=None
            Name of the step; one name per output for a layer with several.
        y : Node, default=None
            Labels, read only while fitting.
        **fit_only_nodes : Node
            Anything else that the layer's ``fit`` takes, such as ``sample_weight``.

        Returns
        -------
        TransformationNode or tuple of TransformationNode
            One node per output. Eager nodes are computed at once.

        Raises
        ------
        NodeTypeError
            If something other than nodes is given.
        TypeError
            If something is left open that a search could not set.
        """
        fit_only = {"y": y} if y is not None else {}
        return self._called(nodes, name, fit_only | fit_only_nodes)

    def _called(
        self, nodes: Sequence[Any], name: str | Sequence[str] | None, fit_only: dict[str, Node]
    ) -> Any:
        layer, choices = self._settled()
        if choices:
            return keep_choices(layer._called(nodes, name, fit_only), choices)
        inbound, name = self._read_call(nodes, name)
        for key, node in fit_only.items():
            if not isinstance(node, Node):
                raise NodeTypeError(
                    f"{key}= of {self!r} takes a node, got {_say(node)}. Draw "
                    f"{key}_node = sm.Input({key!r}), pass that, and feed the values by name: "
                    f"fit(X, y, {key}=values)."
                )
        inbound, fit_only = self._split_call(inbound, fit_only)
        return self._draw(inbound, fit_only, name)

    def _settled(self) -> Settled:
        """Give the layer with values in the place of choices, and the choices."""
        choice = choice_in(self)
        if choice is None:
            return self, {}
        if not self._has_params:
            raise TypeError(
                f"{self!r} is no step, so no search can set its parameters, and {choice!r} among "
                "them stays open. Write the value itself."
            )
        return settled_once(self, settled_layer)

    def _read_call(
        self, nodes: Sequence[Any], name: str | Sequence[str] | None
    ) -> tuple[list[Node], str | Sequence[str] | None]:
        given = list(nodes)
        if name is None and given and _is_name(given[-1]):
            name = given.pop()
        parts = name if isinstance(name, list | tuple) else [name]
        for part in parts:
            if name is not None and not isinstance(part, str):
                raise NamingError(f"A step's name is a string, got {part!r}.")
        single = self.n_outputs == 1 and not self.train_only
        if name is not None and not isinstance(name, str) and single:
            raise NamingError(f"{self!r} has one output, whose name is a string, got {name!r}.")
        flat: list[Any] = []
        for item in given:
            flat.extend(item) if isinstance(item, list | tuple) else flat.append(item)
        if not flat:
            raise NodeTypeError(f"{self!r} was called on nothing. Write layer(node).")
        for item in flat:
            if not isinstance(item, Node):
                raise NodeTypeError(f"{self!r} is called on nodes, got {_say(item)}.")
            if isinstance(item, MetricNode | ExploreNode):
                raise NodeTypeError(
                    f"{item!r} ends a branch: it has no value that a layer could read. Call "
                    f"{self!r} on the nodes that it measures."
                )
        return flat, name

    def _split_call(
        self, inbound: list[Node], fit_only: dict[str, Any]
    ) -> tuple[list[Node], dict[str, Any]]:
        """Let a layer read trailing nodes as labels, as the 2019 spelling has it."""
        return inbound, fit_only

    def _draw(
        self, inbound: list[Node], fit_only: dict[str, Node], name: str | Sequence[str] | None
    ) -> Any:
        n_outputs = self._n_drawn(inbound, fit_only)
        output_names = self._output_names(name, n_outputs)
        single_name = name if isinstance(name, str) else None
        fitted, outputs = None, [None] * n_outputs
        if all(node.eager for node in (*inbound, *fit_only.values())):
            fitted, outputs = self._compute(inbound, fit_only, name)
        step = Step(self, inbound, fit_only, single_name, output_names=output_names, fitted=fitted)
        drawn = tuple(
            TransformationNode(step, place, output) for place, output in enumerate(outputs)
        )
        return drawn[0] if n_outputs == 1 else drawn

    def _n_drawn(self, inbound: Sequence[Node], fit_only: dict[str, Node]) -> int:
        """Tell how many nodes a call on nodes gives."""
        return self.n_outputs

    def _output_names(
        self, name: str | Sequence[str] | None, n_outputs: int
    ) -> Sequence[str] | None:
        if name is None or isinstance(name, str):
            return None
        if len(name) != n_outputs:
            raise NodeTypeError(
                f"{self!r} gives {n_outputs} outputs, got {len(name)} names {list(name)}. "
                "Give one name per output."
            )
        return name

    def _compute(
        self, inbound: list[Node], fit_only: dict[str, Node], name: Any
    ) -> tuple[Layer, list[Any]]:
        layer = clone(self)
        arrays = [guarded(node.output) for node in inbound]
        try:
            if self.stateful:
                kwargs = {key: _fit_value(key, node) for key, node in fit_only.items()}
                result = layer.fit_transform(*arrays, **kwargs)
            else:
                result = layer.transform(*arrays)
            outputs = split_outputs(layer, result)
        except Exception as error:  # whatever a layer raises is told with its place, and raised
            given = [(node.name or _class_name(node), node.output) for node in inbound]
            label = name if isinstance(name, str) else type(self.named_after).__name__.lower()
            error.add_note(where(label, self, "eagerly", given))
            raise
        return layer, [released(output) for output in outputs]

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

    @property
    def wrapped(self) -> Any:
        """What the user sees as the step: the layer itself, or the estimator it wraps.

        Examples
        --------
        >>> from sklearn.decomposition import PCA
        >>> from skmegatron.layers import Flatten, Sklearn
        >>> Flatten().wrapped, Sklearn(PCA(2)).wrapped
        (Flatten(), PCA(n_components=2))
        """
        return self

    @property
    def named_after(self) -> Any:
        """What a step without a name of its own has the name of.

        Examples
        --------
        >>> import skmegatron as sm
        >>> from sklearn.decomposition import PCA
        >>> layer = sm.layers.Sklearn(PCA(2))
        >>> X = sm.Input("X", shape=(None,))
        >>> layer.named_after, list(sm.Pipeline(X, layer(X)).graph.by_name)
        (PCA(n_components=2), ['pca'])
        """
        return self.wrapped

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


def numbered(name: str, n_columns: int) -> Names:
    """Give columns the name of their step and a number: ``pca0``, ``pca1``, ...

    Parameters
    ----------
    name : str
    n_columns : int

    Returns
    -------
    ndarray of str, of dtype object
    """
    return np.array([f"{name}{place}" for place in range(n_columns)], dtype=object)


def distinct_names(prefixes: Sequence[str], names: Sequence[Names]) -> Names:
    """Join the column names of several nodes, keeping them distinct.

    Parameters
    ----------
    prefixes : sequence of str
        Name of each node.
    names : sequence of ndarray of str
        Its column names.

    Returns
    -------
    ndarray of str, of dtype object
        The names as they are where all differ; else each with its node's name and ``__``
        in front, and a number where even that is not enough.
    """
    joined = [str(name) for block in names for name in block]
    if len(set(joined)) < len(joined):
        joined = [
            f"{p}__{name}" for p, block in zip(prefixes, names, strict=True) for name in block
        ]
    taken: dict[str, int] = dict.fromkeys(joined, 0)
    given: dict[str, None] = {}
    for name in joined:
        new = name
        while new in given or (new != name and new in taken):
            taken[name] += 1
            new = f"{name}-{taken[name]}"
        given[new] = None
    return np.array(list(given), dtype=object)


def one_to_one(inbound: Sequence[Names | None]) -> Names | None:
    """Pass on the names of the first inbound node."""
    return inbound[0]


@cache
def _param_names(kind: Any) -> list[str]:
    """Name the parameters of a class, which its signature need tell only once."""
    return list(kind._get_param_names())


def _is_name(thing: Any) -> bool:
    if isinstance(thing, list | tuple):
        return bool(thing) and all(isinstance(part, str) for part in thing)
    return isinstance(thing, str)


def _fit_value(key: str, node: Node) -> Any:
    return guarded(as_labels(node, node.output) if key == "y" else node.output)


def _class_name(node: Node) -> str:
    return (
        type(node.step.layer.named_after).__name__.lower() if isinstance(node, StepNode) else "?"
    )


def _say(thing: Any) -> str:
    if isinstance(thing, type):
        return f"the class {thing.__name__}; write {thing.__name__}() to make a layer"
    if isinstance(thing, BaseEstimator) or hasattr(thing, "get_params"):
        return f"{thing!r}, which is a layer or estimator; call it on a node first: layer(node)"
    if isinstance(thing, np.ndarray):
        return (
            f"an array of shape {thing.shape}; draw sm.Input('x', shape={thing.shape[1:]}), and "
            "call that with the array for an eager node"
        )
    return f"{thing!r} of type {type(thing).__name__}"
