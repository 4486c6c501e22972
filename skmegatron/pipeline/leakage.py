"""Where a score would know what it should not.

`drawn_leaks` reads the drawing alone, in one walk down and one up. `Watch` looks at the rows: it
compares those that frozen steps were fitted on with those that they read now.
"""

from __future__ import annotations

import warnings
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.frozen import FrozenEstimator

from skmegatron.engine.plan import is_stateful
from skmegatron.errors import LeakageWarning
from skmegatron.io.seen import Seen
from skmegatron.layers.adapters import Sklearn
from skmegatron.layers.core import Layer
from skmegatron.layers.frozen import Frozen
from skmegatron.layers.wrapping import learns_labels
from skmegatron.nodes.core import Node, Step, StepNode, Target, TransformationNode
from skmegatron.nodes.graph import Graph

_PREDICTIONS = {"predict", "predict_proba", "predict_log_proba", "decision_function"}
#: Of the remembered rows, as many may turn up by chance: rows of small tables are often equal.
_BY_CHANCE = 0.05


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
        warnings.warn(str(leak), LeakageWarning, stacklevel=5)


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
    ways = _Ways(graph)
    return [*_labels(ways), *_in_sample(ways), *_frozen(ways), *_rows(ways)]


class _Ways:
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
        return tuple(self.graph.node_names[node] for node in nodes)

    def to_output(self, node: Node) -> tuple[str, ...]:
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


def _labels(ways: _Ways) -> list[Leak]:
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


def _in_sample(ways: _Ways) -> list[Leak]:
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


def _frozen(ways: _Ways) -> list[Leak]:
    leaks = []
    for step in ways.graph.steps:
        if not _is_frozen(step.layer) or _seen(step.layer) is not None:
            continue
        thing = _inside(step.layer)
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


def _rows(ways: _Ways) -> list[Leak]:
    graph, leaks = ways.graph, []
    came_from: dict[Node, Node] = {}  # rows are taken away at the beginning of these ways
    predicted: set[Node] = set()
    for step in graph.steps:
        nodes, read = graph.outputs_of[step], step.inbound_nodes
        before = next((node for node in read if node in came_from), None)
        if before is not None:
            came_from.update(dict.fromkeys(nodes, before))
        elif getattr(step.layer, "changes_rows", False) and not _only_in_training(step):
            came_from.update({node: node for node in nodes})
        if _predicts(step) or any(node in predicted for node in read):
            predicted.update(nodes)
        for node in nodes if _only_in_training(step) else ():
            if node in ways.onward and node.layer_out_index >= len(read):
                leaks.append(_label_output_leak(ways.to_output(node)))
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


def _label_output_leak(path: tuple[str, ...]) -> Leak:
    return Leak(
        "rows",
        path[0],
        path,
        f"{path[0]!r} are labels that exist while fitting only, and the output {path[-1]!r} is "
        "computed from them.",
        f"Hand them over for fitting only: layer(node, y={path[0].split('[')[0]}).",
    )


class Watch:
    """Compare the rows that frozen steps were fitted on with those that they read.

    Parameters
    ----------
    graph : Graph

    Attributes
    ----------
    reads : tuple of Node
        Whose values are to be looked at.
    """

    def __init__(self, graph: Graph) -> None:
        seen = {step: _seen(step.layer) for step in graph.steps if _is_frozen(step.layer)}
        self._seen: dict[Step, Seen] = {
            step: rows for step, rows in seen.items() if rows is not None and len(rows.distinct)
        }
        self._graph = graph
        self._found: dict[Step, NDArray[np.uint64]] = {}
        read = (node for step in self._seen for node in step.inbound_nodes)
        self.reads: tuple[Node, ...] = tuple(dict.fromkeys(read))

    def look(self, values: Mapping[Node, Any]) -> None:
        """Look at the rows that are read, or at a batch of them.

        Parameters
        ----------
        values : mapping of Node to array
            A step of which a value is missing is left out.
        """
        for step, seen in self._seen.items():
            if any(values.get(node) is None for node in step.inbound_nodes):
                continue
            found = seen.found_in([values[node] for node in step.inbound_nodes])
            before = self._found.get(step, found[:0])
            self._found[step] = np.union1d(before, found)

    def held_out(self) -> list[Leak]:
        """List the frozen steps of whose rows a fit has read some, so that others are held out.

        Returns
        -------
        list of Leak
        """
        leaks = []
        for step, found in self._found.items():
            n_all = len(self._seen[step].distinct)
            refitted = _refitted_above(step)
            if not len(found) and refitted:
                names = [self._graph.names[other] for other in refitted]
                leaks.append(self._unknown(step, names))
            elif _BY_CHANCE * n_all < len(found) < n_all:
                leaks.append(self._partly(step, len(found), n_all))
        return leaks

    def shared(self) -> list[Leak]:
        """List the frozen steps that were fitted on some of the rows that were looked at.

        Returns
        -------
        list of Leak
        """
        leaks = []
        for step, found in self._found.items():
            if len(found):
                name, n_all = self._graph.names[step], len(self._seen[step].distinct)
                told = (
                    f"Step {name!r} was fitted, with labels, on {len(found)} of {n_all} "
                    "remembered rows that are in this data: cross-validating over these rows "
                    "would test on what it has learned."
                )
                leaks.append(self._leak(step, told, self._thaw(step)))
        return leaks

    def _partly(self, step: Step, n_found: int, n_all: int) -> Leak:
        name = self._graph.names[step]
        told = (
            f"Step {name!r} was fitted, with labels, on rows of which {n_found} of {n_all} "
            "remembered ones are among these and the others are not: a score on rows that are "
            "held out tests on what it has learned."
        )
        return self._leak(step, told, self._thaw(step))

    def _unknown(self, step: Step, above: Sequence[str]) -> Leak:
        name = self._graph.names[step]
        told = (
            f"Step {name!r} is frozen and {above} above it were fitted anew, so it reads other "
            "numbers than it has learned, and nobody can tell whether on other rows."
        )
        frozen = ", ".join(f"{other}=pipeline.steps_[{other!r}].freeze()" for other in above)
        return self._leak(step, told, f"Freeze those too: set_params({frozen}).")

    def _thaw(self, step: Step) -> str:
        kind, name = type(_inside(step.layer)).__name__, self._graph.names[step]
        return (
            f"Fit it in the graph, set_params({name}=Sklearn({kind}(...))) with y=, or freeze "
            "one that was fitted on other rows."
        )

    def _leak(self, step: Step, message: str, mend: str) -> Leak:
        ways = _Ways(self._graph)
        path = ways.to_output(ways.first(step))
        return Leak("frozen", self._graph.names[step], path, message, mend)


def _refitted_above(step: Step) -> list[Step]:
    """List the steps that learn anew on the ways to a step."""
    found: dict[Step, None] = {}
    waiting, known = list(step.inbound_nodes), set(step.inbound_nodes)
    while waiting:
        node = waiting.pop()
        if not isinstance(node, TransformationNode):
            continue
        if is_stateful(node.step) and not _is_frozen(node.step.layer):
            found[node.step] = None
        above = [parent for parent in node.step.inbound_nodes if parent not in known]
        known.update(above)
        waiting.extend(above)
    return list(found)


def _is_frozen(layer: Any) -> bool:
    wraps_frozen = isinstance(layer, Sklearn) and isinstance(layer.estimator, FrozenEstimator)
    return wraps_frozen or bool(getattr(layer, "frozen", False))


def _seen(layer: Any) -> Seen | None:
    return layer.seen if isinstance(layer, Frozen) else None


def _inside(layer: Any) -> Any:
    """Give what is frozen in a layer."""
    named = layer.named_after
    return named.estimator if isinstance(named, FrozenEstimator) else named


def _fitted_with_labels(step: Step) -> bool:
    layer = step.layer
    if "y" not in step.fit_only or not is_stateful(step) or _is_frozen(layer):
        return False
    return not isinstance(layer, Sklearn) or learns_labels(layer.estimator)


def _predicts_in_sample(step: Step) -> bool:
    layer = step.layer
    if not isinstance(layer, Sklearn) or layer.cv is not None or not _fitted_with_labels(step):
        return False
    return _method(layer) in _PREDICTIONS


def _predicts(step: Step) -> bool:
    """Tell whether a step answers ``predict``, having learned labels."""
    layer = step.layer
    learned = _fitted_with_labels(step) or (_is_frozen(layer) and learns_labels(_inside(layer)))
    return learned and isinstance(layer, Layer) and hasattr(layer, "predict")


def _method(layer: Sklearn) -> str:
    if layer.method != "auto":
        return layer.method
    return layer.resolved_method if layer.gives_value else ""


def _only_in_training(step: Step) -> bool:
    return bool(getattr(step.layer, "train_only", False))


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
