"""Where the batches of a fit come in, and what every fit looks at first."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.base import clone

from skmegatron.engine.batches import split_batch
from skmegatron.engine.feed import Feed
from skmegatron.engine.plan import plan
from skmegatron.engine.run import run
from skmegatron.engine.stream import BatchFit, Pass
from skmegatron.errors import UnusedInputWarning
from skmegatron.nodes.core import Step, Target
from skmegatron.nodes.graph import Graph
from skmegatron.pipeline.keywords import check_keywords
from skmegatron.pipeline.outside import level_outside
from skmegatron.pipeline.running import Edge, Running
from skmegatron.pipeline.watching import Watch


class Intake:
    """Take batches into the layers of a draft of the pipeline.

    Parameters
    ----------
    draft : Running
        Learns from the first batch what the input looks like, so that the others are held
        to it.
    graph : Graph
    """

    def __init__(self, draft: Running, graph: Graph) -> None:
        for name in ("steps_", "n_features_in_", "feature_names_in_"):
            draft.__dict__.pop(name, None)
        layers = {name: clone(step.layer) for step, name in own_steps(graph)}
        self.draft = draft
        self.graph = graph
        self.work = BatchFit(layers, graph)
        self.watch = Watch(graph)
        self.first = Feed()
        self.edge: Edge | None = None
        self._last: tuple[Any, ...] = (None, None, {})
        self._column_labels = False
        self._number = 0

    def begin(self, one: Pass) -> None:
        """Get ready for a pass."""
        self._number += 1
        self.work.begin(one.learn)
        self.edge = self.draft._edge(self.graph, one.plan, fitting=True)

    def look(self, batch: Any) -> None:
        """Note what the columns of a batch are called, and nothing more."""
        self.edge = self.draft._edge(self.graph, plan(self.graph, (), fit=True), fitting=True)
        self._fed(*split_batch(batch))

    def take(self, one: Pass, batch: Any) -> None:
        """Put a batch through."""
        X, y, extra = split_batch(batch)
        feed = self._fed(X, y, extra)
        self.work.rows = feed.rows
        if all(value is None or value.shape[0] for value in feed.values.values()):
            self._last = (X, y, extra)
        if self._number == 1:  # all passes read the same rows
            self.watch.look(feed.values)
        values = run(one.plan, dict(feed.values), self.work)
        for step in one.collect:
            self.work.gather(step, values)

    def _fed(self, X: Any, y: Any, extra: dict[str, Any]) -> Feed:
        assert self.edge is not None  # begin was called
        known = hasattr(self.draft, "steps_")
        feed = self.draft._feed(self.graph, self.edge, X, y, extra, fitting=not known)
        labels = [node for node in feed.values if isinstance(node, Target)]
        if not known:
            self.first = feed
            self.draft._keep({}, feed, {})
            # What fitting whole makes of labels that come as a column: a plain row of them.
            self._column_labels = np.ndim(y) == 2 and all(feed.values[n].ndim == 1 for n in labels)
        elif self._column_labels:
            feed.values.update({node: np.ravel(feed.values[node]) for node in labels})
        return feed

    def finish(self, late: Sequence[Step]) -> None:
        """Fit, on the last batch, what no pass has: it has nothing to learn."""
        self.work.finish()
        if not late:
            return
        planned = plan(self.graph, (), learning=frozenset(late))
        self.edge = self.draft._edge(self.graph, planned, fitting=True)
        self.work.begin()
        run(planned, self._fed(*self._last).values, self.work)


def validate_layers(graph: Graph) -> None:
    """Check the hyperparameters of every layer, and the keywords it is called with.

    Parameters
    ----------
    graph : Graph

    Raises
    ------
    ValueError
        If one cannot be used.
    TypeError
        If a layer's ``fit`` does not take a keyword.
    """
    for step in graph.steps:
        if hasattr(step.layer, "validate"):
            step.layer.validate()
    check_keywords(graph)


class Unfitted(dict[str, Any]):
    """Clones of the layers of a graph, each made when it is first asked for.

    What a cache holds needs none.

    Parameters
    ----------
    graph : Graph
    warm : mapping of str to layer, default={}
        Layers that go on from an earlier fit, in the place of clones.
    """

    def __init__(self, graph: Graph, warm: Mapping[str, Any] | None = None) -> None:
        super().__init__(warm or {})
        self.templates = {name: step.layer for step, name in own_steps(graph)}

    def __missing__(self, name: str) -> Any:
        layer = self[name] = clone(self.templates[name])
        return layer

    def get(self, name: str, default: Any = None) -> Any:
        """Give a layer; `default` for what is none of the graph's."""
        return self[name] if name in self.templates else default

    def whole(self) -> dict[str, Any]:
        """Give all of them, in the order of the graph.

        Returns
        -------
        dict of str to layer
        """
        return {name: self[name] for name in self.templates}


def own_steps(graph: Graph) -> list[tuple[Step, str]]:
    """List the steps that have a layer to fit or run, with their names.

    Parameters
    ----------
    graph : Graph

    Returns
    -------
    list of (Step, str)
    """
    return [(step, graph.names[step]) for step in graph.steps if step.state_of is None]


def warn_unused(graph: Graph) -> None:
    """Warn of inputs that nothing reads.

    Parameters
    ----------
    graph : Graph
    """
    for node in graph.unused_inputs:
        warnings.warn(
            f"Input {node.name!r} is read by no output, metric or explorer of this "
            "pipeline. Take it out of inputs, or call a layer on it.",
            UnusedInputWarning,
            stacklevel=level_outside(),
        )
