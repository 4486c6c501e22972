"""Layers: what is called on nodes."""

from skmegatron.layers.adapters import Sklearn
from skmegatron.layers.core import Lambda, Layer, StatefulLayer, StatelessLayer
from skmegatron.layers.explore import Explorer
from skmegatron.layers.metrics import Metric
from skmegatron.layers.numeric import (
    Add,
    Divide,
    Dot,
    ElementWiseMultiply,
    ScalarArithmetic,
    ScalarMultiply,
    StaticDot,
    Subtract,
    Whiten,
)
from skmegatron.layers.shaping import Concatenate, Flatten

__all__ = [
    "Add",
    "Concatenate",
    "Divide",
    "Dot",
    "ElementWiseMultiply",
    "Explorer",
    "Flatten",
    "Lambda",
    "Layer",
    "Metric",
    "ScalarArithmetic",
    "ScalarMultiply",
    "Sklearn",
    "StatefulLayer",
    "StatelessLayer",
    "StaticDot",
    "Subtract",
    "Whiten",
]
