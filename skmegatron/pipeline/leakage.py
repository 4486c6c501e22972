"""Where a score would know what it should not.

`drawn_leaks` reads the drawing alone, in one walk down and one up. What only the rows can tell is
looked at in `pipeline.watching`.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from skmegatron.errors import LeakageWarning
from skmegatron.layers.adapters import Sklearn
from skmegatron.layers.wrapping import learns_labels
from skmegatron.nodes.base import Node
from skmegatron.nodes.core import Step, StepNode, Target
from skmegatron.nodes.graph import Graph
from skmegatron.pipeline.outside import level_outside
from skmegatron.pipeline.ways import (
    Ways,
    fitted_with_labels,
    frozen_parts,
    inside,
    is_frozen,
    nested_graph,
    predicts,
    predicts_in_sample,
    seen_by,
    sources,
    value_method,
)


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


def nested_leaks(graph: Graph) -> list[Leak]:
    """List such leaks in the pipelines that are steps of a graph; these warn of them when fitted.

    Parameters
    ----------
    graph : Graph

    Returns
    -------
    list of Leak
        Their nodes are called as parameters are: ``step__node``.
    """
    leaks = []
    for step in graph.steps:
        name, nested = graph.names[step], nested_graph(step.layer)
        for leak in [] if nested is None else [*drawn_leaks(nested), *nested_leaks(nested)]:
            path = tuple(f"{name}__{node}" for node in leak.path)
            told = f"In the pipeline {name!r}: {leak.message}"
            leaks.append(replace(leak, node=f"{name}__{leak.node}", path=path, message=told))
    return leaks


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
        nodes = graph.outputs_of[step]
        for node in nodes:
            labelled = next((source for source in sources(node) if source in came_from), None)
            if labelled is not None:
                came_from[node] = labelled
            if any(source in data for source in sources(node)):
                data.add(node)
            if any(source in told for source in sources(node)):
                told.add(node)
        begins = nodes[0] in came_from and nodes[0] not in told and not step.train_only
        if begins and ways.predicts(step) and (nodes[0] in data or fitted_with_labels(step)):
            told.update(nodes)
            path = (*ways.names(_up(nodes[0], came_from)[:-1]), *ways.to_output(ways.first(step)))
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
    leaks = []
    for step in ways.graph.steps:
        path = ways.to_learner(step) if predicts_in_sample(step) else ()
        if path:
            leaks.append(_in_sample_leak(step, path))
    return leaks


def _in_sample_leak(step: Step, path: tuple[str, ...]) -> Leak:
    return Leak(
        "in-sample",
        path[0],
        path,
        f"Step {path[-1]!r} is fitted on predictions that {path[0]!r} makes of the very rows it "
        "has learned, which are better than it can do on others.",
        _in_sample_mend(step.layer),
    )


def _in_sample_mend(layer: Any) -> str:
    """Say how a step is written that gives predictions of rows that it has not learned."""
    kind = type(layer.wrapped).__name__
    if isinstance(layer, Sklearn) and value_method(layer) == "apply":
        return (
            "Leaves of different folds cannot be compared, so let the trees learn other rows, and "
            f"freeze them: Sklearn({kind}(...), method='apply').fit(other, y=labels).freeze()."
        )
    begin = "Let it be fitted on out-of-fold predictions: "
    if isinstance(layer, Sklearn):
        return f"{begin}Sklearn({kind}(...), method={value_method(layer)!r}, cv=5)."
    method = "predict_proba" if hasattr(layer, "predict_proba") else "predict"
    return (
        f"{begin}make a pipeline of the network alone, inner = Pipeline([x, y], {kind}(...)(x, "
        f"y=y)), and call Sklearn(inner, method={method!r}, cv=5)(node, y=label)."
    )


def _frozen(ways: Ways) -> list[Leak]:
    leaks = []
    for step in ways.graph.steps:
        whole = is_frozen(step.layer) and seen_by(step.layer) is None
        if whole and learns_labels(inside(step.layer)):
            kind = type(inside(step.layer)).__name__
            mend = (
                f"Fit it as a layer, which remembers its rows: Sklearn({kind}(...)).fit(X, y=y)"
                f".freeze(); or in the graph: Sklearn({kind}(...))(node, y=label)."
            )
            leaks.append(_unknown_leak(ways, step, f"is a {kind}", mend))
        for part in filter(learns_labels, frozen_parts(step.layer)):
            kind = type(part).__name__
            mend = f"Let it be fitted there: {kind}(...) in the place of FrozenEstimator(...)."
            leaks.append(_unknown_leak(ways, step, f"holds a {kind}", mend))
    return leaks


def _unknown_leak(ways: Ways, step: Step, what: str, mend: str) -> Leak:
    name = ways.graph.names[step]
    return Leak(
        "frozen",
        name,
        ways.to_output(ways.first(step)),
        f"Step {name!r} {what} that learned labels before it was frozen, and nobody knows of "
        "which rows: scored on those, it knows the answers.",
        mend,
    )


def _rows(ways: Ways) -> list[Leak]:
    graph, leaks = ways.graph, []
    came_from: dict[Node, Node] = {}  # rows are taken away at the beginning of these ways
    predicted: set[Node] = set()
    for step in graph.steps:
        nodes = graph.outputs_of[step]
        for node in nodes:
            before = next((source for source in sources(node) if source in came_from), None)
            if before is not None:
                came_from[node] = before
            elif getattr(step.layer, "changes_rows", False) and not step.train_only:
                came_from[node] = node
            if predicts(step) or any(source in predicted for source in sources(node)):
                predicted.add(node)
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
