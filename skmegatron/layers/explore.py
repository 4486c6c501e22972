"""Explorers: looks at the data that belong to the graph and run only when asked."""

from __future__ import annotations

from skmegatron.layers.metrics import Metric
from skmegatron.nodes.core import ExploreNode


class Explorer(Metric):
    """Attach a function that looks at the values of nodes.

    Called by ``pipeline.explore``, and by nothing else.

    Parameters
    ----------
    metric_fn : callable
        Takes one array per node, and the keyword arguments.
    **kwargs
        Keyword arguments for `metric_fn`.

    Examples
    --------
    >>> import numpy as np, skmegatron as sm
    >>> x = sm.Input("x")
    >>> look = sm.layers.Explorer(np.max)(x, "largest")
    >>> sm.Pipeline(x, x * 2, explorers=look).explore([1.0, 5.0])
    {'largest': np.float64(5.0)}
    """

    _node_type = ExploreNode
