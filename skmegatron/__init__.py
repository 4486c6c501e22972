"""skmegatron: draw a graph of data transformations, get a scikit-learn estimator."""

from skmegatron import io, layers, layertools, metrics, nodes, visuals
from skmegatron._version import __version__
from skmegatron.io.caching import FolderCache, MemoryCache
from skmegatron.io.dataset import Dataset
from skmegatron.layers.choices import choose
from skmegatron.nodes.base import Node
from skmegatron.nodes.core import Input, Target
from skmegatron.pipeline import Pipeline, describe, load_pipeline

__all__ = [
    "Dataset",
    "FolderCache",
    "Input",
    "MemoryCache",
    "Node",
    "Pipeline",
    "Target",
    "__version__",
    "choose",
    "describe",
    "io",
    "layers",
    "layertools",
    "load_pipeline",
    "metrics",
    "nodes",
    "visuals",
]
