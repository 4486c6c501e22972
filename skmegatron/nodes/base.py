"""What all nodes have in common.

A node is a place that will hold an array. It knows where it comes from and never changes
afterwards, so graphs cannot have cycles and can be shared; runs keep their values elsewhere.
Only eager nodes carry a value.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any, ClassVar, NoReturn

import numpy as np

from skmegatron.errors import FrozenNodeError, NamingError, NodeTypeError
from skmegatron.io.tables import describe

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
    #: Whether it only looks at other nodes, and has no value that a layer could read.
    ends_branch: ClassVar[bool] = False
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
        outbound = self._outbound
        stays = node.ends_branch
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


def glimpse(value: Any) -> str:
    """Show the first few numbers of a value.

    Parameters
    ----------
    value : object

    Returns
    -------
    str
    """
    if isinstance(value, np.ndarray):
        few = ", ".join(str(item) for item in value.ravel()[:3])
        return f"{describe(value)} [{few}{', ...' if value.size > 3 else ''}]"
    return describe(value)
