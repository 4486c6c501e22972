"""The drawing: inputs, targets and the results of calling layers on them."""

from skmegatron.nodes.core import (
    ExploreNode,
    Input,
    InputNode,
    MetricNode,
    Node,
    Target,
    TransformationNode,
)
from skmegatron.nodes.graph import Graph

__all__ = [
    "ExploreNode",
    "Graph",
    "Input",
    "InputNode",
    "MetricNode",
    "Node",
    "Target",
    "TransformationNode",
]
