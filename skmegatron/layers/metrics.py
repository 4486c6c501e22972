"""Metrics: measurements that belong to the graph and run only when asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from skmegatron.layers.core import Layer
from skmegatron.nodes.core import ExploreNode, MetricNode, Node, Step


class Metric(Layer):
    """Attach a function of the values of nodes to the graph.

    Called by ``pipeline.evaluate``, and by nothing else.

    Parameters
    ----------
    metric_fn : callable
        Takes one array per node, and the keyword arguments; usually
        ``metric_fn(y_true, y_pred)``.
    **kwargs
        Keyword arguments for `metric_fn`.

    Examples
    --------
    >>> import numpy as np, skmegatron as sm
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.metrics import accuracy_score
    >>> X, y = sm.Input("X", shape=(None,)), sm.Target("y")
    >>> pred = sm.layers.Sklearn(LogisticRegression())(X, y=y)
    >>> acc = sm.metrics.Metric(accuracy_score)([y, pred], "acc")
    >>> pipe = sm.Pipeline([X, y], pred, metrics=[acc])
    >>> data, labels = np.array([[0.0], [1.0], [2.0], [3.0]]), [0, 0, 1, 1]
    >>> pipe.fit(data, labels).evaluate(data, labels)
    {'acc': 1.0}
    """

    stateful = False
    _node_type: type[MetricNode | ExploreNode] = MetricNode

    def __init__(self, metric_fn: Callable[..., Any], **kwargs: Any) -> None:
        self.metric_fn = metric_fn
        self.kwargs = kwargs

    def _draw(
        self, inbound: list[Node], fit_only: dict[str, Node], name: str | Sequence[str] | None
    ) -> Any:
        return self._node_type(Step(self, inbound, fit_only, name if name is None else str(name)))

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Get the function and its keyword arguments.

        Parameters
        ----------
        deep : bool, default=True
            Has no effect: there is nothing nested.

        Returns
        -------
        dict
        """
        return {"metric_fn": self.metric_fn, **self.kwargs}

    def evaluate(self, *arrays: Any) -> Any:
        """Call the function.

        Parameters
        ----------
        *arrays : ndarray of shape (n_rows, ...)

        Returns
        -------
        whatever the function returns, usually a float
        """
        return self.metric_fn(*arrays, **self.kwargs)

    transform = evaluate

    def __repr__(self, N_CHAR_MAX: int = 700) -> str:
        label = getattr(self.metric_fn, "__name__", None) or repr(self.metric_fn)
        return f"{type(self).__name__}({label})"
