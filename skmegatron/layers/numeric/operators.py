"""What the operators of nodes draw."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from skmegatron.errors import NodeTypeError
from skmegatron.layers.numeric.arithmetic import (
    Add,
    Compare,
    Divide,
    Dot,
    ElementWiseMultiply,
    ScalarArithmetic,
    ScalarMultiply,
    StaticDot,
    Subtract,
)
from skmegatron.nodes.base import Node, hooks


def draw_operator(name: str, layer: Callable[[], Any]) -> Callable[[Any, Any], Any]:
    """Make the function that draws an arithmetic operator.

    Parameters
    ----------
    name : {"add", "subtract", "multiply", "divide"}
    layer : callable
        Makes the layer for two nodes.

    Returns
    -------
    callable
        Takes a node and a node or a number, in either order.

    Examples
    --------
    >>> import skmegatron as sm
    >>> from skmegatron.layers.numeric import draw_operator
    >>> subtract = draw_operator("subtract", sm.layers.Subtract)
    >>> x = sm.Input("x")([1.0, 2.0])
    >>> subtract(10, x).output
    array([9., 8.])
    """

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


def _compare(operation: str, left: Node, right: Any) -> Any:
    if isinstance(right, Node):
        return Compare(operation)(left, right)
    if np.ndim(right) != 0:
        raise NodeTypeError(
            f"A node can be compared with a node or a single value, got {type(right).__name__} of "
            f"shape {np.shape(right)}. Draw sm.Input(...) for an array."
        )
    return Compare(operation, right)(left)


def _matmul(left: Any, right: Any) -> Any:
    if isinstance(left, Node) and isinstance(right, Node):
        return Dot()(left, right)
    if isinstance(left, Node) and np.ndim(right) in (1, 2):
        return StaticDot(right)(left)
    raise NodeTypeError(
        f"@ takes node @ node or node @ matrix, got {type(left).__name__} @ "
        f"{type(right).__name__}. The observations are the rows, so the node stands left."
    )


hooks["add"] = draw_operator("add", Add)
hooks["subtract"] = draw_operator("subtract", Subtract)
hooks["multiply"] = draw_operator("multiply", ElementWiseMultiply)
hooks["divide"] = draw_operator("divide", Divide)
hooks["matmul"] = _matmul
hooks["compare"] = _compare
