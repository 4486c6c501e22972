"""The drawing: inputs, targets and the results of calling layers on them."""

from skmegatron.nodes.base import Node
from skmegatron.nodes.core import (
    ExploreNode,
    Input,
    InputNode,
    MetricNode,
    Target,
    TransformationNode,
)
from skmegatron.nodes.fromfile import from_csv, from_dataframe, from_parquet, from_sql
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
    "from_csv",
    "from_dataframe",
    "from_parquet",
    "from_sql",
]
