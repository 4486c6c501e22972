"""Layers: what is called on nodes."""

from skmegatron.layers.adapters import Sklearn
from skmegatron.layers.core import Lambda, Layer, StatefulLayer, StatelessLayer
from skmegatron.layers.explore import Correlate, Describe, Explorer, Histogram, Scatter
from skmegatron.layers.frozen import Frozen
from skmegatron.layers.image import Downsample, RGBtoBinary, RGBtoGrey, Upsample
from skmegatron.layers.keras import Keras, KerasClassifier, KerasRegressor
from skmegatron.layers.metrics import Metric
from skmegatron.layers.missing import Impute
from skmegatron.layers.numeric import (
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
    Whiten,
)
from skmegatron.layers.rows import Resample, TrainOnly
from skmegatron.layers.shaping import (
    AddDim,
    Cast,
    Concatenate,
    Filter,
    Flatten,
    OneHotLabels,
    OneHotRange,
    Reshape,
    Slice,
    SplitDict,
    TimeSeries,
)
from skmegatron.layers.text import RemoveStopwords

__all__ = [
    "Add",
    "AddDim",
    "Cast",
    "Compare",
    "Concatenate",
    "Correlate",
    "Describe",
    "Divide",
    "Dot",
    "Downsample",
    "ElementWiseMultiply",
    "Explorer",
    "Filter",
    "Flatten",
    "Frozen",
    "Histogram",
    "Impute",
    "Keras",
    "KerasClassifier",
    "KerasRegressor",
    "Lambda",
    "Layer",
    "Metric",
    "Normalize",
    "OneHotLabels",
    "OneHotRange",
    "RGBtoBinary",
    "RGBtoGrey",
    "RemoveStopwords",
    "Resample",
    "Reshape",
    "ScalarArithmetic",
    "ScalarMultiply",
    "Scatter",
    "Sklearn",
    "Slice",
    "SplitDict",
    "StatefulLayer",
    "StatelessLayer",
    "StaticDot",
    "Subtract",
    "TimeSeries",
    "TrainOnly",
    "Upsample",
    "Whiten",
]
