"""Arithmetic on arrays, and the operators of nodes that stand for it."""

from skmegatron.layers.numeric.arithmetic import (
    Add,
    Compare,
    Divide,
    Dot,
    ElementWiseMultiply,
    Normalize,
    ScalarArithmetic,
    ScalarMultiply,
    StaticDot,
    Subtract,
)
from skmegatron.layers.numeric.operators import draw_operator
from skmegatron.layers.numeric.whiten import Whiten

__all__ = [
    "Add",
    "Compare",
    "Divide",
    "Dot",
    "ElementWiseMultiply",
    "Normalize",
    "ScalarArithmetic",
    "ScalarMultiply",
    "StaticDot",
    "Subtract",
    "Whiten",
    "draw_operator",
]
