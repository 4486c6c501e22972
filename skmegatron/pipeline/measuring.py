"""Metrics and explorers, which look at values and give none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from skmegatron.engine.run import where
from skmegatron.io.tables import guarded
from skmegatron.nodes.base import Node
from skmegatron.pipeline.learned import Learned
from skmegatron.pipeline.names import node_columns


class Measuring(Learned):
    """The methods of a pipeline that look at its values."""

    def evaluate(
        self, X: Any, y: Any = None, prune: bool = True, **fit_only: Any
    ) -> dict[str, Any]:
        """Compute the graph's metrics.

        ``GridSearchCV(pipe, grid, scoring=sm.Pipeline.evaluate, refit="acc")`` scores with
        them.

        Parameters
        ----------
        X : array-like, sparse matrix, dataframe or mapping of str to array-like
        y : array-like of shape (n_rows,) or (n_rows, n_outputs), default=None
        prune : bool, default=True
            As in `transform`.
        **fit_only : array-like of shape (n_rows,)
            Further inputs that the metrics read, by name.

        Returns
        -------
        dict of str to float

        Examples
        --------
        >>> import skmegatron as sm
        >>> from sklearn.linear_model import LinearRegression
        >>> X, y = sm.Input("X", shape=(None,)), sm.Target("y")
        >>> line = sm.layers.Sklearn(LinearRegression())(X, y=y)
        >>> error = sm.metrics.MeanAbsoluteError()([y, line], "error")
        >>> pipe = sm.Pipeline([X, y], line).fit([[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0])
        >>> round(pipe.evaluate([[3.0], [4.0]], [7.0, 10.0])["error"], 6)
        0.5
        """
        return self._measure(self._valid_graph().metrics, X, y, prune, fit_only)

    def explore(
        self, X: Any, y: Any = None, prune: bool = True, **fit_only: Any
    ) -> dict[str, Any]:
        """Run the graph's explorers.

        Parameters
        ----------
        X : array-like, sparse matrix, dataframe or mapping of str to array-like
        y : array-like of shape (n_rows,) or (n_rows, n_outputs), default=None
        prune : bool, default=True
            As in `transform`.
        **fit_only : array-like of shape (n_rows,)
            Further inputs that the explorers read, by name.

        Returns
        -------
        dict of str to object
            What each explorer gives, by name.

        Examples
        --------
        >>> import skmegatron as sm
        >>> age = sm.Input("age")
        >>> table = sm.layers.Describe()(age, "table")
        >>> sm.Pipeline(age, age * 12).explore({"age": [31, 45]})["table"]["mean"]
        age    38.0
        Name: mean, dtype: float64
        """
        return self._measure(self._valid_graph().explorers, X, y, prune, fit_only)

    def _measure(
        self, ends: Sequence[Any], X: Any, y: Any, prune: bool, extra: Mapping[str, Any]
    ) -> dict[str, Any]:
        ready = self._ready_for(X, self.graph, read_by(ends), prune=prune)
        values, _ = self._put_through(ready, X, y, extra)
        return self._results(ends, values)

    def _results(self, ends: Sequence[Any], values: Mapping[Node, Any]) -> dict[str, Any]:
        """Let metrics and explorers look at the values of their nodes."""
        graph, results = self.graph, {}
        for end, (arrays, keywords) in arrays_for(ends, values).items():
            if getattr(end.layer, "takes_names", False):
                keywords["names"] = self._names_for(end)
            name = graph.names[end.step]
            try:
                results[name] = end.layer.evaluate(*arrays, **keywords)
            except Exception as error:
                named = [graph.node_names[node] for node in end.inbound_nodes]
                given = list(zip(named, arrays, strict=True))
                error.add_note(where(name, end.layer, "evaluating", given))
                raise
        return results

    def _names_for(self, end: Any) -> list[tuple[str, Any]]:
        """Give the name of each node that an end reads, and of its columns."""
        graph, learned = self.graph, vars(self)
        columns = {name: names for name, (_, names) in learned.get("_columns", {}).items()}
        layers, shapes = learned.get("steps_", {}), learned.get("_shapes", {})
        read = list(end.step.parents)
        found = node_columns(graph, read, layers, columns, shapes)
        return [(graph.node_names[node], found[node]) for node in read]


def read_by(ends: Sequence[Any]) -> list[Node]:
    """List the nodes that metrics and explorers read.

    Parameters
    ----------
    ends : sequence of MetricNode or ExploreNode

    Returns
    -------
    list of Node
    """
    return list(dict.fromkeys(node for end in ends for node in end.step.parents))


def arrays_for(
    ends: Sequence[Any], values: Mapping[Node, Any]
) -> dict[Any, tuple[list[Any], dict[str, Any]]]:
    """Give the values that each metric or explorer reads.

    Parameters
    ----------
    ends : sequence of MetricNode or ExploreNode
    values : mapping of Node to array

    Returns
    -------
    dict of node to (list of array, dict of str to array)
        By position, and by keyword.
    """
    return {
        end: (
            [guarded(values[node]) for node in end.inbound_nodes],
            {key: guarded(values[node]) for key, node in end.step.fit_only.items()},
        )
        for end in ends
    }
