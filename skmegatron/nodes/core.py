"""Nodes and steps: the drawing itself.

A node is made by `Input`, by `Target`, or by calling a layer, which makes a `Step` (the call) and
one node per output of the layer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from skmegatron.errors import NamingError, NodeTypeError, ShapeError
from skmegatron.io.tables import as_values
from skmegatron.nodes.base import Frozen, Node, glimpse, hooks


class Token:
    """What a node or step and all its copies have in common.

    Attributes
    ----------
    restored : dict
        While one pickle is loaded: what has been made for this token already.
    """

    __slots__ = ("restored",)

    def __init__(self) -> None:
        self.restored: dict[Any, Any] = {}

    def __deepcopy__(self, memo: dict[Any, Any]) -> Token:
        return self

    def __reduce__(self) -> tuple[type[Token], tuple[()]]:
        return Token, ()


_NO_CHOICES: Mapping[str, Any] = MappingProxyType({})


class Step(Frozen):
    """One call of a layer.

    Parameters
    ----------
    layer : object with ``fit`` and ``transform``
        The template; a pipeline fits clones of it.
    inbound_nodes : sequence of Node
        What the step reads on every run.
    fit_only : mapping of str to Node
        What it reads while fitting, by the keyword of the layer's ``fit``.
    name : str or None
        None leaves the name to the graph.
    output_names : sequence of str or None
        One name per output, for layers with several.
    state_of : TransformationNode or None
        For `Node.inverse`: the node whose step's learned state is used.
    token : Token or None
        Stays the same when a graph is copied, so that a node finds its copy.
    choices : mapping of str to Choice or None
        What the call left open, by the path of the parameter; ``""`` is the step itself.
    """

    __slots__ = (
        "__weakref__",
        "choices",
        "fit_only",
        "fitted",
        "inbound_nodes",
        "layer",
        "name",
        "output_names",
        "state_of",
        "token",
    )
    layer: Any
    inbound_nodes: tuple[Node, ...]
    fit_only: Mapping[str, Node]
    name: str | None
    output_names: tuple[str, ...] | None
    state_of: TransformationNode | None
    token: Token
    fitted: Any
    choices: Mapping[str, Any]

    def __init__(
        self,
        layer: Any,
        inbound_nodes: Sequence[Node],
        fit_only: Mapping[str, Node] | None = None,
        name: str | None = None,
        *,
        output_names: Sequence[str] | None = None,
        state_of: TransformationNode | None = None,
        token: Token | None = None,
        fitted: Any = None,
        choices: Mapping[str, Any] | None = None,
    ) -> None:
        self._set(
            layer=layer,
            inbound_nodes=tuple(inbound_nodes),
            fit_only=MappingProxyType(dict(fit_only or {})),
            name=name,
            output_names=None if output_names is None else tuple(output_names),
            state_of=state_of,
            token=token or Token(),
            fitted=fitted,
            choices=MappingProxyType(dict(choices)) if choices else _NO_CHOICES,
        )

    @property
    def parents(self) -> Iterator[Node]:
        """Every node that comes before the step, fit-only ones included."""
        yield from self.inbound_nodes
        yield from self.fit_only.values()
        if self.state_of is not None:
            yield self.state_of

    @property
    def train_only(self) -> bool:
        """Whether it changes the rows while fitting, and elsewhere hands on what it reads."""
        return bool(getattr(self.layer, "train_only", False))

    @property
    def n_outputs(self) -> int:
        """How many arrays it gives: where it is `train_only`, one for each that it is drawn on."""
        if self.train_only:
            return len(self.inbound_nodes) + len(self.fit_only)
        return int(getattr(self.layer, "n_outputs", 1))

    def __repr__(self) -> str:
        return f"<step {self.name or type(self.layer).__name__.lower()!r}>"


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


class StepNode(Node):
    """A node that a step made: a transformation, a metric or an explorer.

    Attributes
    ----------
    step : Step
        The call that made it.
    """

    __slots__ = ("step",)
    step: Step

    def __init__(self, step: Step, name: str | None, output: Any = None) -> None:
        super().__init__(name, output)
        self._set(step=step)
        for parent in dict.fromkeys((*step.inbound_nodes, *step.fit_only.values())):
            parent._add_outbound(self)

    @property
    def inbound_nodes(self) -> tuple[Node, ...]:
        """Nodes that this one is computed from, in the order of the call."""
        return self.step.inbound_nodes

    @property
    def layer(self) -> Any:
        """The layer whose call made this node.

        Examples
        --------
        >>> import skmegatron as sm
        >>> sm.layers.OneHotRange(max_val=9)(sm.Input("digit")).layer
        OneHotRange(max_val=9)
        """
        return self.step.layer

    def __repr__(self) -> str:
        label = "" if self.name is None else f"{self.name!r}: "
        if self.eager:
            return f"<eager node {label}{glimpse(self.output)}>"
        given = ", ".join(repr(node.name or "...") for node in self.step.inbound_nodes)
        return f"<{type(self).__name__} {label}{type(self.layer).__name__} of {given}>"


class TransformationNode(StepNode):
    """The place of what a step gives.

    Made by calling a layer.

    Parameters
    ----------
    step : Step
        The call that made it.
    layer_out_index : int, default=0
        Which of the layer's outputs it holds.

    Examples
    --------
    >>> import skmegatron as sm
    >>> node = sm.layers.Whiten()(sm.Input("age"), "age_z")
    >>> node
    <TransformationNode 'age_z': Whiten of 'age'>
    >>> type(node).__name__, node.layer_out_index
    ('TransformationNode', 0)
    """

    __slots__ = ("layer_out_index",)
    layer_out_index: int

    def __init__(self, step: Step, layer_out_index: int = 0, output: Any = None) -> None:
        names = step.output_names
        super().__init__(step, step.name if names is None else names[layer_out_index], output)
        self._set(layer_out_index=layer_out_index)

    @property
    def transformation(self) -> Any:
        """The layer, under the name that the 2019 library gave it.

        Examples
        --------
        >>> import skmegatron as sm
        >>> node = sm.layers.Flatten()(sm.Input("image", shape=(8, 8)))
        >>> node.transformation is node.layer
        True
        """
        return self.step.layer

    @property
    def handed_on(self) -> Node | None:
        """The node whose value this one has wherever nothing is fitted.

        None but for steps that change the rows while fitting only.

        Examples
        --------
        >>> import skmegatron as sm
        >>> from imblearn.under_sampling import RandomUnderSampler
        >>> X, y = sm.Input("X", shape=(None,)), sm.Target("y")
        >>> fewer, labels = sm.layers.Resample(RandomUnderSampler())(X, y=y)
        >>> fewer.handed_on, labels.handed_on
        (Input('X', shape=(None,)), Target('y'))
        """
        if not self.step.train_only:
            return None
        return (*self.step.inbound_nodes, *self.step.fit_only.values())[self.layer_out_index]

    @property
    def is_fitted(self) -> bool:
        """Whether the node is eager, so that its step has been fitted and run.

        Examples
        --------
        >>> import skmegatron as sm
        >>> x = sm.Input("x")
        >>> sm.layers.Whiten()(x).is_fitted, sm.layers.Whiten()(x([1.0, 2.0])).is_fitted
        (False, True)
        """
        return self.step.fitted is not None

    def inverse(self, other: Node) -> Any:  # noqa: D102 - documented on Node
        if not isinstance(other, Node):
            raise NodeTypeError(f"inverse takes a node, got {type(other).__name__}.")
        return hooks["inverse"](self, other)


class MetricNode(StepNode):
    """A measurement attached to the graph; computed by ``pipeline.evaluate`` only.

    Parameters
    ----------
    step : Step
        The call that made it.

    Examples
    --------
    >>> import skmegatron as sm
    >>> y, guess = sm.Target("y"), sm.Input("guess")
    >>> error = sm.metrics.MeanAbsoluteError()([y, guess], "error")
    >>> error
    <MetricNode 'error': MeanAbsoluteError of 'y', 'guess'>
    >>> sm.Pipeline([y, guess], guess).evaluate({"y": [1.0, 2.0], "guess": [1.5, 2.0]})
    {'error': 0.25}
    """

    __slots__ = ()
    ends_branch = True

    def __init__(self, step: Step, output: Any = None) -> None:
        super().__init__(step, step.name, output)


class ExploreNode(StepNode):
    """A look at the data attached to the graph; computed by ``pipeline.explore`` only.

    Parameters
    ----------
    step : Step
        The call that made it.

    Examples
    --------
    >>> import skmegatron as sm
    >>> age = sm.Input("age")
    >>> oldest = sm.layers.Explorer(max)(age, "oldest")
    >>> oldest
    <ExploreNode 'oldest': Explorer of 'age'>
    >>> sm.Pipeline(age, age).explore({"age": [31, 45]})
    {'oldest': np.int64(45)}
    """

    __slots__ = ()
    ends_branch = True

    def __init__(self, step: Step, output: Any = None) -> None:
        super().__init__(step, step.name, output)
