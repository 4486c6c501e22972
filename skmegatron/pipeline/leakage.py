"""Where a score would know what it should not.

`drawn_leaks` reads the drawing alone, in one walk down and one up. What only the rows can tell is
looked at in `pipeline.watching`.
"""

from __future__ import annotations

import warnings
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sklearn.ensemble import (
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.frozen import FrozenEstimator

from skmegatron.engine.plan import is_stateful
from skmegatron.errors import LeakageWarning
from skmegatron.io.seen import Seen
from skmegatron.layers.adapters import Sklearn
from skmegatron.layers.core import Layer
from skmegatron.layers.frozen import Frozen
from skmegatron.layers.wrapping import learns_labels
from skmegatron.nodes.core import Node, Step, StepNode, Target
from skmegatron.nodes.graph import Graph
from skmegatron.pipeline.outside import level_outside

_PREDICTIONS = {"predict", "predict_proba", "predict_log_proba", "decision_function"}
#: Their ``transform`` gives what the estimators in them predict.
_ENSEMBLES = (StackingClassifier, StackingRegressor, VotingClassifier, VotingRegressor)


@dataclass(frozen=True)
class Leak:
    """A way by which labels, or rows that are held out, get into a score.

    Attributes
    ----------
    kind : {"labels", "in-sample", "frozen", "rows"}
        What leaks: labels on the way to an output, predictions of the rows that were learned,
        rows that a frozen step was fitted on, or rows that no longer match the labels.
    node : str
        Name of the step or node where it happens.
    path : tuple of str
        Names of the nodes from where it begins to where it ends.
    message : str
        What is wrong.
    mend : str
        What to type instead.
    """

    kind: str
    node: str
    path: tuple[str, ...]
    message: str
    mend: str

    def __str__(self) -> str:
        return f"{self.message} {self.mend} ({self.kind}: {' -> '.join(self.path)})"


def warn_of(leaks: Sequence[Leak]) -> None:
    """Warn of each of some leaks.

    Parameters
    ----------
    leaks : sequence of Leak
    """
    for leak in leaks:
        warnings.warn(str(leak), LeakageWarning, stacklevel=level_outside())


def drawn_leaks(graph: Graph) -> list[Leak]:
    """List the leaks that can be told from the drawing, before there is any data.

    Parameters
    ----------
    graph : Graph

    Returns
    -------
    list of Leak
        Sorted by kind; each once.
    """
    ways = Ways(graph)
    return [*_labels(ways), *_in_sample(ways), *_frozen(ways), *_rows(ways)]


class Ways:
    """The ways through a graph that a prediction takes: along inbound nodes, to the outputs."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        #: Of each node on such a way, the next; an output is its own.
        self.onward: dict[Node, Node] = {node: node for node in graph.outputs}
        for step in reversed(graph.steps):
            made = next((n for n in graph.outputs_of[step] if n in self.onward), None)
            for node in step.inbound_nodes if made is not None else ():
                self.onward.setdefault(node, made)  # type: ignore[arg-type]  # there is one here

    def predicts(self, step: Step) -> bool:
        """Tell whether the value of a step is on a way to an output."""
        return any(node in self.onward for node in self.graph.outputs_of[step])

    def down(self, node: Node, onward: Mapping[Node, Node], end: Step | None = None) -> list[Node]:
        """Follow a way down, to an output or to the nodes of a step."""
        path = [node]
        while not (end is not None and isinstance(path[-1], StepNode) and path[-1].step is end):
            following = onward.get(path[-1], path[-1])
            if following is path[-1]:
                break
            path.append(following)
        return path

    def names(self, nodes: Sequence[Node]) -> tuple[str, ...]:
        """Name the nodes of a way."""
        return tuple(self.graph.node_names[node] for node in nodes)

    def to_output(self, node: Node) -> tuple[str, ...]:
        """Name the nodes on the way from one to an output."""
        return self.names(self.down(node, self.onward))

    def first(self, step: Step) -> Node:
        """Give the node of a step that a way goes on from."""
        nodes = self.graph.outputs_of[step]
        return next((node for node in nodes if node in self.onward), nodes[0])


def _up(node: Node, came_from: Mapping[Node, Node]) -> list[Node]:
    """Follow a way back to where it began, and give it in the order down."""
    path = [node]
    while came_from[path[-1]] is not path[-1]:
        path.append(came_from[path[-1]])
    return path[::-1]


def _labels(ways: Ways) -> list[Leak]:
    graph, leaks = ways.graph, []
    came_from: dict[Node, Node] = {n: n for n in graph.path if isinstance(n, Target)}
    data = {node for node in graph.path if not isinstance(node, Target | StepNode)}
    told: set[Node] = set()
    for step in graph.steps:
        nodes, read = graph.outputs_of[step], step.inbound_nodes
        labelled = next((node for node in read if node in came_from), None)
        if any(node in data for node in read):
            data.update(nodes)
        if labelled is None:
            continue
        came_from.update(dict.fromkeys(nodes, labelled))
        if any(node in told for node in read):
            told.update(nodes)
        elif ways.predicts(step) and (nodes[0] in data or _fitted_with_labels(step)):
            told.update(nodes)
            path = (*ways.names(_up(labelled, came_from)), *ways.to_output(ways.first(step)))
            leaks.append(_labels_leak(graph.names[step], path))
    return leaks


def _labels_leak(name: str, path: tuple[str, ...]) -> Leak:
    return Leak(
        "labels",
        name,
        path,
        f"The labels {path[0]!r} reach the output {path[-1]!r} through what step {name!r} reads "
        "on every run: predicting would need the labels, or be told them.",
        f"Hand them over for fitting only, layer(node, y={path[0]}), and turn predictions back "
        "into their units with encoded.inverse(prediction).",
    )


def _in_sample(ways: Ways) -> list[Leak]:
    graph = ways.graph
    learner: dict[Node, Step] = {}  # below each node, a step that is fitted with labels
    onward: dict[Node, Node] = {}
    leaks = []
    for step in reversed(graph.steps):
        nodes = graph.outputs_of[step]
        made = next((node for node in nodes if node in learner), None)
        if made is not None and _predicts_in_sample(step):
            path = ways.names(ways.down(made, onward, learner[made]))
            leaks.append(_in_sample_leak(step, path, graph.names[learner[made]]))
        if _fitted_with_labels(step):
            below, made = step, nodes[0]
        elif made is not None:
            below = learner[made]
        else:
            continue
        for node in step.inbound_nodes:
            if node not in learner:
                learner[node], onward[node] = below, made
    return leaks[::-1]


def _in_sample_leak(step: Step, path: tuple[str, ...], learner: str) -> Leak:
    kind, method = type(step.layer.wrapped).__name__, _method(step.layer)
    return Leak(
        "in-sample",
        path[0],
        path,
        f"Step {learner!r} is fitted on predictions that {path[0]!r} makes of the very rows it "
        "has learned, which are better than it can do on others.",
        f"Let it be fitted on out-of-fold predictions: Sklearn({kind}(...), method={method!r}, "
        "cv=5).",
    )


def _frozen(ways: Ways) -> list[Leak]:
    leaks = []
    for step in ways.graph.steps:
        if not is_frozen(step.layer) or seen_by(step.layer) is not None:
            continue
        thing = inside(step.layer)
        if not learns_labels(thing):
            continue
        name, kind = ways.graph.names[step], type(thing).__name__
        leaks.append(
            Leak(
                "frozen",
                name,
                ways.to_output(ways.first(step)),
                f"Step {name!r} is a {kind} that learned labels before it was frozen, and "
                "nobody knows of which rows: scored on those, it knows the answers.",
                f"Fit it as a layer, which remembers its rows: Sklearn({kind}(...)).fit(X, y=y)"
                f".freeze(); or in the graph: Sklearn({kind}(...))(node, y=label).",
            )
        )
    return leaks


def _rows(ways: Ways) -> list[Leak]:
    graph, leaks = ways.graph, []
    came_from: dict[Node, Node] = {}  # rows are taken away at the beginning of these ways
    predicted: set[Node] = set()
    for step in graph.steps:
        nodes, read = graph.outputs_of[step], step.inbound_nodes
        before = next((node for node in read if node in came_from), None)
        if before is not None:
            came_from.update(dict.fromkeys(nodes, before))
        elif getattr(step.layer, "changes_rows", False):
            came_from.update({node: node for node in nodes})
        if _predicts(step) or any(node in predicted for node in read):
            predicted.update(nodes)
    told: set[Node] = set()
    for output in graph.outputs:
        path = _up(output, came_from) if output in came_from and output in predicted else []
        if path and path[0] not in told:
            told.add(path[0])
            leaks.append(_fewer_rows_leak(ways.names(path)))
    return leaks


def _fewer_rows_leak(path: tuple[str, ...]) -> Leak:
    return Leak(
        "rows",
        path[0],
        path,
        f"{path[0]!r} takes rows away on the way to the output {path[-1]!r}: its predictions are "
        "fewer than the labels, and no longer beside them.",
        "Take the rows away before, fit(X[mask], y[mask]), or while fitting only: "
        "X, y = Resample(sampler)(X, y=y).",
    )


def is_frozen(layer: Any) -> bool:
    """Tell whether a layer came with what it has learned.

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
    """Give what a frozen layer remembers of the rows that it was fitted on.

    Parameters
    ----------
    layer : layer

    Returns
    -------
    Seen or None
    """
    return layer.seen if isinstance(layer, Frozen) else None


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


def _fitted_with_labels(step: Step) -> bool:
    layer = step.layer
    if "y" not in step.fit_only or not is_stateful(step) or is_frozen(layer):
        return False
    return not isinstance(layer, Sklearn) or learns_labels(layer.estimator)


def _predicts_in_sample(step: Step) -> bool:
    layer = step.layer
    if not isinstance(layer, Sklearn) or layer.cv is not None or not _fitted_with_labels(step):
        return False
    method = _method(layer)
    return method in _PREDICTIONS or (
        method == "transform" and _transforms_into_predictions(layer.estimator)
    )


def _transforms_into_predictions(estimator: Any) -> bool:
    """Tell whether ``transform`` after a fit gives predictions of the rows that were learned."""
    if isinstance(estimator, _ENSEMBLES):
        return True
    graph = getattr(estimator, "graph", None)
    if not isinstance(graph, Graph):
        return False
    ways = Ways(graph)
    return any(ways.predicts(step) and _predicts_in_sample(step) for step in graph.steps)


def _predicts(step: Step) -> bool:
    """Tell whether a step answers ``predict``, having learned labels."""
    layer = step.layer
    learned = _fitted_with_labels(step) or (is_frozen(layer) and learns_labels(inside(layer)))
    return learned and isinstance(layer, Layer) and hasattr(layer, "predict")


def _method(layer: Sklearn) -> str:
    if layer.method != "auto":
        return layer.method
    return layer.resolved_method if layer.gives_value else ""


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
    return tuple(
        (id(getattr(layer, "estimator", None)), getattr(layer, "method", ""), out_of_fold)
        for layer in layers
        for out_of_fold in (getattr(layer, "cv", None) is not None,)
    )
