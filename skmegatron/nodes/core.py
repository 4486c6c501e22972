"""Nodes and steps: the drawing itself.

A node is a place that will hold an array. It is made by `Input`, by `Target`, or by
calling a layer, which makes a `Step` (the call) and one node per output of the layer. A
node knows where it comes from and never changes afterwards, so graphs cannot have cycles
and can be shared; runs keep their values elsewhere. Only eager nodes carry a value.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar, NoReturn

import numpy as np

from skmegatron.errors import FrozenNodeError, NamingError, NodeTypeError, ShapeError
from skmegatron.io.tables import as_values, describe

#: What nodes do with the help of higher floors, which fill this in: the layers give
#: `+`, `-`, `*`, `/`, `@` and `inverse`, the graph gives pickling and copying.
hooks: dict[str, Callable[..., Any]] = {}


class Drawn:
    """What has been drawn in this process.

    Attributes
    ----------
    last_end : object
        Another one since each metric or explorer that was drawn: they are attached to graphs
        that others may have walked already.
    """

    __slots__ = ("last_end",)

    def __init__(self) -> None:
        self.last_end = object()


drawn = Drawn()


class Frozen:
    """An object whose attributes are set once, by `_set`, and never again."""

    __slots__ = ()

    def _set(self, **attributes: Any) -> None:
        for name, value in attributes.items():
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: Any) -> NoReturn:
        raise FrozenNodeError(
            f"{name!r} of {self!r} cannot be set: nodes never change once they are drawn, "
            "which is also why a graph cannot have a cycle. Call a layer to make a new node."
        )

    def __delattr__(self, name: str) -> NoReturn:
        self.__setattr__(name, None)


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


class Node(Frozen):
    """A place in the graph that will hold an array.

    Nodes are made by `Input`, `Target` and by calling layers, not by this class.

    Attributes
    ----------
    name : str or None
        The name given by the user; None where the graph of a pipeline finds one.
    inbound_nodes : tuple of Node
        The nodes that this one is computed from.
    outbound_nodes : tuple of Node
        The nodes computed from this one that are still alive, in the order they were drawn.
    output : ndarray or None
        The value of an eager node; None everywhere else.

    Examples
    --------
    >>> import numpy as np, skmegatron as sm
    >>> age = sm.Input("age")
    >>> doubled = age * 2
    >>> doubled.inbound_nodes, age.outbound_nodes[0] is doubled
    ((Input('age'),), True)
    >>> (sm.Input("age")(np.array([31, 45])) * 2).output
    array([62, 90])
    """

    __slots__ = ("__weakref__", "_outbound", "name", "output")
    __array_ufunc__: ClassVar[None] = None  # so that numpy leaves `array + node` to the node
    name: str | None
    output: Any
    _outbound: list[Callable[[], Node | None]]

    def __init__(self, name: str | None, output: Any = None) -> None:
        self._set(name=_checked_name(name), output=output, _outbound=[])

    @property
    def inbound_nodes(self) -> tuple[Node, ...]:
        """Nodes that this one is computed from, in the order of the call.

        Examples
        --------
        >>> import skmegatron as sm
        >>> height, width = sm.Input("height"), sm.Input("width")
        >>> (height * width).inbound_nodes
        (Input('height'), Input('width'))
        >>> height.inbound_nodes
        ()
        """
        return ()

    @property
    def outbound_nodes(self) -> tuple[Node, ...]:
        """Nodes computed from this one that are still alive, in the order they were drawn.

        Examples
        --------
        >>> import skmegatron as sm
        >>> x = sm.Input("x")
        >>> kept, _ = sm.layers.Whiten()(x, "kept"), sm.layers.Whiten()(x, "dropped")
        >>> del _
        >>> [node.name for node in x.outbound_nodes]
        ['kept']
        """
        return tuple(node for ref in self._outbound if (node := ref()) is not None)

    @property
    def eager(self) -> bool:
        """Whether the node carries a value.

        Examples
        --------
        >>> import skmegatron as sm
        >>> x = sm.Input("x")
        >>> x.eager, x([1.0, 2.0]).eager
        (False, True)
        """
        return self.output is not None

    def traverse(self, *path: int) -> Node:
        """Walk to another node of the graph.

        Parameters
        ----------
        *path : int
            Each number is one move, counted from 1 from left to right: -2 to the second
            inbound node, 3 to the third outbound node.

        Returns
        -------
        Node
            Where the walk ends.

        Raises
        ------
        IndexError
            If a move leads nowhere; the message says which, and what there is.

        Examples
        --------
        >>> import skmegatron as sm
        >>> a, b = sm.Input("a"), sm.Input("b")
        >>> both = sm.layers.Concatenate()([a, b], "both")
        >>> both.traverse(-2).name, both.traverse(-1, 1).name
        ('b', 'both')
        """
        node: Node = self
        for position, move in enumerate(path, start=1):
            around = node.inbound_nodes if move < 0 else node.outbound_nodes
            side = "inbound" if move < 0 else "outbound"
            if move == 0 or abs(move) > len(around):
                raise IndexError(
                    f"Move {position} of traverse{path} is {move}, and {node!r} has "
                    f"{len(around)} {side} nodes. Moves count from 1: -1 is the first "
                    "inbound node, 1 the first outbound node."
                )
            node = around[abs(move) - 1]
        return node

    def inverse(self, other: Node) -> Any:
        """Undo, on another node, what made this one.

        Parameters
        ----------
        other : Node
            Values in the units of this node, such as predictions.

        Returns
        -------
        TransformationNode
            `other` put through the ``inverse_transform`` of the step that made this node,
            with the state that step has learned.

        Raises
        ------
        NodeTypeError
            If this node is an input, which nothing made, or `other` is not a node.

        Examples
        --------
        >>> import numpy as np, skmegatron as sm
        >>> from sklearn.linear_model import LinearRegression
        >>> from sklearn.preprocessing import StandardScaler
        >>> X, y = sm.Input("X", shape=(None,)), sm.Target("y")
        >>> scaled = sm.layers.Sklearn(StandardScaler())(y)
        >>> pred = sm.layers.Sklearn(LinearRegression())(X, y=scaled)
        >>> pipe = sm.Pipeline([X, y], scaled.inverse(pred))
        >>> pipe.fit(np.array([[1.0], [2.0], [3.0]]), [10.0, 20.0, 30.0]).predict([[4.0]]).round()
        array([40.])
        """
        raise NodeTypeError(
            f"{self!r} was not made by a step, so there is nothing to undo. Call inverse on "
            "the node that a layer with inverse_transform returned."
        )

    def _add_outbound(self, node: Node) -> None:
        # Only weakly: a drawing that nobody holds any more goes away. Metrics and explorers
        # end a branch and belong to what they measure, so they stay with it.
        stays = isinstance(node, MetricNode | ExploreNode)
        outbound = self._outbound
        outbound.append((lambda: node) if stays else weakref.ref(node, outbound.remove))
        if stays:
            drawn.last_end = object()

    def __reduce__(self) -> Any:
        return hooks["reduce"](self)

    def __deepcopy__(self, memo: dict[Any, Any]) -> Any:
        return hooks["deepcopy"](self, memo)

    def __copy__(self) -> Node:
        return self

    def __bool__(self) -> NoReturn:
        raise NodeTypeError(
            f"{self!r} has no truth value: it will hold an array once a pipeline runs. "
            "Write `node is None` to test for a node; put a condition on its values into a "
            "layer: Lambda(lambda x: x > 0)(node)."
        )

    def __iter__(self) -> NoReturn:
        raise NodeTypeError(
            f"{self!r} cannot be iterated: it will hold an array once a pipeline runs. "
            "Write Lambda(lambda x: x[:, 0])(node) to take part of it."
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Refuse to be called; only inputs take something, an array."""
        raise NodeTypeError(
            f"{self!r} is a node, not a layer, and cannot be called. To apply a layer to it, "
            "write SomeLayer()(node)."
        )

    def __add__(self, other: Any) -> Any:
        return hooks["add"](self, other)

    def __radd__(self, other: Any) -> Any:
        return hooks["add"](other, self)

    def __sub__(self, other: Any) -> Any:
        return hooks["subtract"](self, other)

    def __rsub__(self, other: Any) -> Any:
        return hooks["subtract"](other, self)

    def __mul__(self, other: Any) -> Any:
        return hooks["multiply"](self, other)

    def __rmul__(self, other: Any) -> Any:
        return hooks["multiply"](other, self)

    def __truediv__(self, other: Any) -> Any:
        return hooks["divide"](self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return hooks["divide"](other, self)

    def __matmul__(self, other: Any) -> Any:
        return hooks["matmul"](self, other)

    def __rmatmul__(self, other: Any) -> Any:
        return hooks["matmul"](other, self)

    def __neg__(self) -> Any:
        return hooks["multiply"](self, -1)

    def __lt__(self, other: Any) -> Any:
        return hooks["compare"]("<", self, other)

    def __le__(self, other: Any) -> Any:
        return hooks["compare"]("<=", self, other)

    def __gt__(self, other: Any) -> Any:
        return hooks["compare"](">", self, other)

    def __ge__(self, other: Any) -> Any:
        return hooks["compare"](">=", self, other)


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
        *,
        output: Any = None,
        token: Token | None = None,
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
        super().__init__(name, output)
        self._set(
            shape=shape,
            columns=None if columns is None else tuple(columns),
            token=token or Token(),
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
        return type(self)._copy_of(self, output=values)

    @classmethod
    def _copy_of(cls, node: InputNode, **changes: Any) -> InputNode:
        return cls(node.name, node.shape, node.columns, **changes)

    def __repr__(self) -> str:
        if self.eager:
            return f"<eager {type(self).__name__} {self.name!r}: {_glimpse(self.output)}>"
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

    def __init__(self, name: str, *, output: Any = None, token: Token | None = None) -> None:
        super().__init__(name, output=output, token=token)

    @classmethod
    def _copy_of(cls, node: InputNode, **changes: Any) -> InputNode:
        return cls(node.name, **changes)

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
            return f"<eager node {label}{_glimpse(self.output)}>"
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

    def __init__(self, step: Step, output: Any = None) -> None:
        super().__init__(step, step.name, output)


def _checked_name(name: str | None) -> str | None:
    if name is None:
        return None
    if not isinstance(name, str) or not name:
        raise NamingError(f"A node's name is a string, got {name!r}.")
    if "__" in name:
        raise NamingError(
            f"The name {name!r} contains '__', which separates a step from its parameters "
            f"in set_params. Write {name.replace('__', '_')!r}."
        )
    return name


def _glimpse(value: Any) -> str:
    if isinstance(value, np.ndarray):
        few = ", ".join(str(item) for item in value.ravel()[:3])
        return f"{describe(value)} [{few}{', ...' if value.size > 3 else ''}]"
    return describe(value)
