"""The ways of predictions through a graph, and what the steps on them have learned of labels."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from sklearn.ensemble import (
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline as SklearnPipeline

from skmegatron.engine.plan import is_stateful
from skmegatron.io.seen import Seen
from skmegatron.layers.adapters import Sklearn
from skmegatron.layers.core import Layer
from skmegatron.layers.frozen import Frozen
from skmegatron.layers.keras.core import Keras
from skmegatron.layers.wrapping import learns_labels
from skmegatron.nodes.base import Node
from skmegatron.nodes.core import InputNode, Step, StepNode, TransformationNode
from skmegatron.nodes.graph import Graph
from skmegatron.nodes.walk import sort

#: The number of the leaf that a row falls into tells what the tree predicts for it.
_PREDICTIONS = {"predict", "predict_proba", "predict_log_proba", "decision_function", "apply"}
#: Their ``transform`` gives what the estimators in them predict.
_ENSEMBLES = (StackingClassifier, StackingRegressor, VotingClassifier, VotingRegressor)


class Ways:
    """The ways through a graph that a prediction takes.

    Parameters
    ----------
    graph : Graph

    Attributes
    ----------
    onward : dict of Node to Node
        Of each node on a way to an output, the next one; an output is its own.
    learner : dict of Node to Step
        Of each node on a way to a step that is fitted with labels, that step.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.onward: dict[Node, Node] = {node: node for node in graph.outputs}
        self.learner: dict[Node, Step] = {}
        self._to_learner: dict[Node, Node] = {}
        for step in reversed(graph.steps):
            nodes = graph.outputs_of[step]
            learns = fitted_with_labels(step)
            for node in nodes:
                for source in sources(node):
                    if node in self.onward:
                        self.onward.setdefault(source, node)
                    if source not in self.learner and (learns or node in self.learner):
                        self.learner[source] = step if learns else self.learner[node]
                        self._to_learner[source] = node

    def predicts(self, step: Step) -> bool:
        """Tell whether the value of a step is on a way to an output."""
        return any(node in self.onward for node in self.graph.outputs_of[step])

    def names(self, nodes: Sequence[Node]) -> tuple[str, ...]:
        """Name nodes."""
        return tuple(self.graph.node_names[node] for node in nodes)

    def to_output(self, node: Node) -> tuple[str, ...]:
        """Name the nodes from one to an output."""
        path = [node]
        while self.onward.get(path[-1], path[-1]) is not path[-1]:
            path.append(self.onward[path[-1]])
        return self.names(path)

    def to_learner(self, step: Step) -> tuple[str, ...]:
        """Name the nodes from a step to one that is fitted with labels on its value.

        Empty where there is none.
        """
        nodes = self.graph.outputs_of[step]
        begin: Node | None = next((node for node in nodes if node in self.learner), None)
        if begin is None:
            return ()
        path, end = [begin], self.learner[begin]
        while not (isinstance(path[-1], StepNode) and path[-1].step is end):
            path.append(self._to_learner[path[-1]])
        return self.names(path)

    def first(self, step: Step) -> Node:
        """Give the node of a step that a way goes on from."""
        nodes = self.graph.outputs_of[step]
        return next((node for node in nodes if node in self.onward), nodes[0])


def sources(node: StepNode) -> tuple[Node, ...]:
    """Give the nodes that the value of a node is made of when something is predicted.

    Parameters
    ----------
    node : StepNode

    Returns
    -------
    tuple of Node
        One for a step that changes the rows while fitting only: what it hands on.
    """
    handed_on = getattr(node, "handed_on", None)
    return node.step.inbound_nodes if handed_on is None else (handed_on,)


def is_frozen(layer: Any) -> bool:
    """Tell whether a layer is never fitted again.

    Parameters
    ----------
    layer : layer

    Returns
    -------
    bool
    """
    wraps_frozen = isinstance(layer, Sklearn) and isinstance(layer.estimator, FrozenEstimator)
    return wraps_frozen or bool(getattr(layer, "frozen", False))


def seen_by(layer: Any) -> Seen | None:
    """Give what a frozen layer remembers of the rows that it has learned the labels of.

    Parameters
    ----------
    layer : layer

    Returns
    -------
    Seen or None
        None where nothing is remembered by which one row could be told from another.
    """
    seen = layer.seen if isinstance(layer, Frozen) else None
    return seen if seen is not None and len(seen.distinct) else None


def inside(layer: Any) -> Any:
    """Give what is frozen in a layer.

    Parameters
    ----------
    layer : layer

    Returns
    -------
    estimator or layer
    """
    named = layer.named_after
    return named.estimator if isinstance(named, FrozenEstimator) else named


def frozen_parts(layer: Any) -> Iterator[Any]:
    """Give what is frozen as a part of an estimator that is fitted.

    Parameters
    ----------
    layer : layer

    Yields
    ------
    estimator
    """
    if isinstance(layer, Sklearn) and nested_graph(layer) is None and not is_frozen(layer):
        params: dict[str, Any] = getattr(layer.estimator, "get_params", dict)()
        frozen = {id(p): p.estimator for p in params.values() if isinstance(p, FrozenEstimator)}
        yield from frozen.values()


def nested_graph(layer: Any) -> Graph | None:
    """Give the graph of the pipeline that a layer fits.

    Parameters
    ----------
    layer : layer

    Returns
    -------
    Graph or None
    """
    nested = None if is_frozen(layer) else getattr(getattr(layer, "wrapped", None), "graph", None)
    return nested if isinstance(nested, Graph) else None


def fitted_with_labels(step: Step) -> bool:
    """Tell whether what a step learns depends on labels.

    Parameters
    ----------
    step : Step

    Returns
    -------
    bool
    """
    layer = step.layer
    if "y" not in step.fit_only or not is_stateful(step) or is_frozen(layer) or step.train_only:
        return False
    return not isinstance(layer, Sklearn) or learns_labels(layer.estimator)


def predicts_in_sample(step: Step) -> bool:
    """Tell whether a step gives predictions of the rows that it learns while it does so.

    Parameters
    ----------
    step : Step

    Returns
    -------
    bool
    """
    layer = step.layer
    if not fitted_with_labels(step):
        return False
    if isinstance(layer, Keras):
        return not _learns_its_inputs(step)
    return isinstance(layer, Sklearn) and layer.cv is None and gives_predictions(layer)


def _learns_its_inputs(step: Step) -> bool:
    """Tell whether what a step learns to give comes from where its inputs come from."""
    read, learned = (
        {node for node in sort(nodes) if isinstance(node, InputNode)}
        for nodes in (step.inbound_nodes, tuple(step.fit_only.values()))
    )
    return learned <= read


def gives_predictions(layer: Any) -> bool:
    """Tell whether the value of a layer that has learned labels is a prediction of them.

    Parameters
    ----------
    layer : layer

    Returns
    -------
    bool
    """
    method = value_method(layer)
    if method == "transform":
        return _transforms_into_predictions(inside(layer))
    return method in _PREDICTIONS


def _transforms_into_predictions(estimator: Any) -> bool:
    estimator = getattr(estimator, "wrapped", estimator)
    if isinstance(estimator, SklearnPipeline) and estimator.steps:
        return _transforms_into_predictions(estimator.steps[-1][1])
    if isinstance(estimator, _ENSEMBLES):
        return True
    graph = getattr(estimator, "graph", None)
    if not isinstance(graph, Graph):
        return False
    ways = Ways(graph)
    return any(ways.predicts(step) and predicts_in_sample(step) for step in graph.steps)


def predicts(step: Step) -> bool:
    """Tell whether a step answers ``predict``, having learned labels.

    Parameters
    ----------
    step : Step

    Returns
    -------
    bool
    """
    layer = step.layer
    learned = fitted_with_labels(step) or (is_frozen(layer) and learns_labels(inside(layer)))
    return learned and isinstance(layer, Layer) and hasattr(layer, "predict")


def value_method(layer: Any) -> str:
    """Name the method that gives the value of a layer.

    Parameters
    ----------
    layer : layer

    Returns
    -------
    str
        Empty where there is none.
    """
    method: str = getattr(layer, "method", "transform")
    if method != "auto":
        return method
    if isinstance(layer, Frozen):
        inner = layer.fitted
        return value_method(inner if isinstance(inner, Layer) else Sklearn(inner))
    return layer.resolved_method if layer.gives_value else ""


def refitted_above(step: Step) -> list[Step]:
    """List the steps that learn anew on the ways to a step.

    Parameters
    ----------
    step : Step

    Returns
    -------
    list of Step
    """
    found: dict[Step, None] = {}
    waiting, known = list(step.inbound_nodes), set(step.inbound_nodes)
    while waiting:
        node = waiting.pop()
        if not isinstance(node, TransformationNode):
            continue
        refitted = is_stateful(node.step) and not is_frozen(node.step.layer)
        if refitted and not node.step.train_only:
            found[node.step] = None
        above = [parent for parent in sources(node) if parent not in known]
        known.update(above)
        waiting.extend(above)
    return list(found)


def looks(layers: Collection[Any]) -> tuple[Any, ...]:
    """Note what findings depend on that somebody may change in a layer.

    Parameters
    ----------
    layers : collection of layer

    Returns
    -------
    tuple
        Equal as long as nothing has changed.
    """
    return tuple(map(_look, layers))


def _look(layer: Any) -> tuple[Any, ...]:
    # The objects themselves are held: of those that are gone, another could have the id.
    if isinstance(layer, Frozen):
        return layer.fitted, layer.method
    if isinstance(layer, Sklearn):
        return layer.estimator, layer.method, layer.cv is None
    return ()
