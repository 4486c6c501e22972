"""Which rows frozen steps have learned, beside the rows that they read now.

A layer that is fitted with labels remembers some of its rows (`io.seen`), and carries them along
when it is frozen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skmegatron.io.seen import Seen
from skmegatron.nodes.base import Node
from skmegatron.nodes.core import Step, TransformationNode
from skmegatron.nodes.graph import Graph
from skmegatron.pipeline.leakage import Leak
from skmegatron.pipeline.ways import (
    Ways,
    gives_predictions,
    inside,
    refitted_above,
    seen_by,
    sources,
    value_method,
)

#: Of the remembered rows, as many may turn up by chance: rows of small tables are often equal.
_BY_CHANCE = 0.05


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
        seen = {step: seen_by(step.layer) for step in graph.steps}
        self._seen: dict[Step, Seen] = {s: rows for s, rows in seen.items() if rows is not None}
        self._graph = graph
        self._found: dict[Step, NDArray[np.uint64]] = {}
        # A test fold is told by the rows that are fed, not by those of them that a layer picks.
        self._read = {
            step: [_before_changes(node) for node in step.inbound_nodes] for step in self._seen
        }
        read = (node for nodes in self._read.values() for node in nodes)
        self.reads: tuple[Node, ...] = tuple(dict.fromkeys(read))

    def look(self, values: Mapping[Node, Any]) -> None:
        """Look at the rows that are read, or at a batch of them.

        Parameters
        ----------
        values : mapping of Node to array
            A step of which a value is missing is left out.
        """
        for step, seen in self._seen.items():
            read = [values.get(node) for node in self._read[step]]
            if any(value is None for value in read):
                continue
            found = seen.found_in(read)
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
            refitted = refitted_above(step)
            if not len(found) and refitted:
                names = [self._graph.names[other] for other in refitted]
                leaks.append(self._unknown(step, names))
            elif len(found) == n_all:
                leaks += self._in_sample(step)
            elif len(found) > _BY_CHANCE * n_all:
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

    def _in_sample(self, step: Step) -> list[Leak]:
        """Tell if a step has learned from what a frozen one predicts of the rows it knows."""
        path = Ways(self._graph).to_learner(step) if gives_predictions(step.layer) else ()
        if not path:
            return []
        kind, method = type(inside(step.layer)).__name__, value_method(step.layer)
        told = (
            f"Step {path[-1]!r} is fitted on predictions that {path[0]!r}, which is frozen, makes "
            "of the very rows it has learned, which are better than it can do on others."
        )
        mend = (
            f"Fit it in the graph, out of fold: Sklearn({kind}(...), method={method!r}, cv=5)"
            "(node, y=label); or freeze one that was fitted on other rows."
        )
        return [Leak("in-sample", path[0], path, told, mend)]

    def _unknown(self, step: Step, above: Sequence[str]) -> Leak:
        name = self._graph.names[step]
        told = (
            f"Step {name!r} is frozen and {above} above it were fitted anew, so it reads other "
            "numbers than it has learned, and nobody can tell whether on other rows."
        )
        frozen = ", ".join(f"{other}=pipeline.steps_[{other!r}].freeze()" for other in above)
        return self._leak(step, told, f"Freeze those too: set_params({frozen}).")

    def _thaw(self, step: Step) -> str:
        kind, name = type(inside(step.layer)).__name__, self._graph.names[step]
        return (
            f"Fit it in the graph, set_params({name}=Sklearn({kind}(...))) with y=, or freeze "
            "one that was fitted on other rows."
        )

    def _leak(self, step: Step, message: str, mend: str) -> Leak:
        ways = Ways(self._graph)
        path = ways.to_output(ways.first(step))
        return Leak("frozen", self._graph.names[step], path, message, mend)


def _before_changes(node: Node) -> Node:
    """Give the node whose value is `node`'s where nothing is fitted."""
    while isinstance(node, TransformationNode) and node.step.train_only:
        (node,) = sources(node)
    return node
