"""The drawing: inputs, targets and the results of calling layers on them."""

from skmegatron.nodes.core import Node
from skmegatron.nodes.fromfile import from_csv, from_dataframe, from_parquet, from_sql
from skmegatron.nodes.graph import Graph
from skmegatron.nodes.inputs import Input, InputNode, Target
from skmegatron.nodes.made import ExploreNode, MetricNode, TransformationNode

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
