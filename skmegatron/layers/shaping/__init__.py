"""Layers that change the shape of each observation."""

from skmegatron.layers.shaping.axes import AddDim, Cast, Concatenate, Flatten, Reshape
from skmegatron.layers.shaping.onehot import OneHotLabels, OneHotRange
from skmegatron.layers.shaping.parts import Filter, Slice, SplitDict
from skmegatron.layers.shaping.windows import TimeSeries

__all__ = [
    "AddDim",
    "Cast",
    "Concatenate",
    "Filter",
    "Flatten",
    "OneHotLabels",
    "OneHotRange",
    "Reshape",
    "Slice",
    "SplitDict",
    "TimeSeries",
]
