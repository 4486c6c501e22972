"""What is known of the rows that a fit holds out.

They are put through the steps that are already fitted whenever a step asks for them. A value
that another step will ask for, too, or that its values are made of, is kept until then; so each
is computed once, and only where somebody asks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from skmegatron.engine.plan import Plan, plan
from skmegatron.nodes.base import Node
from skmegatron.nodes.core import Step
from skmegatron.nodes.graph import Graph


class HeldOut:
    """Values of the held-out rows.

    Parameters
    ----------
    graph : Graph
    fed : mapping of Node to array
        Values of inputs; the weights of the rows may be missing.

    Attributes
    ----------
    values : dict of Node to array
        Those that somebody will ask for.
    """

    def __init__(self, graph: Graph, fed: Mapping[Node, Any]) -> None:
        self.values = dict(fed)
        self._graph = graph
        self._asking = {
            step: self._wanted(step)
            for step in graph.steps
            if getattr(step.layer, "takes_validation", False)
        }

    def _wanted(self, step: Step) -> tuple[Node, ...]:
        labels, weights = step.fit_only.get("y"), step.fit_only.get("sample_weight")
        wanted = [*step.inbound_nodes, *([] if labels is None else [labels]), *other_labels(step)]
        if weights is not None:
            above = plan(self._graph, [weights]).inputs
            told = all(self.values.get(node) is not None for node in above)
            wanted += [weights] if told else []
        return tuple(wanted)

    def asked_by(self, step: Step) -> tuple[tuple[Node, ...], Plan]:
        """Tell what a step asks for, and how to compute it from the values.

        Parameters
        ----------
        step : Step

        Returns
        -------
        tuple of (tuple of Node, Plan)
            What it reads, its labels, and the weights if they are known; and a plan that also
            keeps what others will ask for.
        """
        wanted = self._asking.pop(step)
        ours = plan(self._graph, wanted, given=self.values)
        made = {node for task in ours.tasks for node in task.nodes}
        kept = [node for node in self._read_later(ours) if node in made or node in self.values]
        return wanted, plan(self._graph, [*wanted, *kept], given=self.values)

    def _read_later(self, ours: Plan) -> list[Node]:
        """List what others will ask for, and what steps read that they alone need."""
        wanted = [node for nodes in self._asking.values() for node in nodes]
        others = plan(self._graph, wanted, given=self.values)
        run = {task.step for task in ours.tasks}
        reads = [node for task in others.tasks if task.step not in run for node in task.reads]
        return list(dict.fromkeys([*wanted, *reads]))

    def forget(self) -> None:
        """Let go of what nobody will ask for."""
        wanted = [node for nodes in self._asking.values() for node in nodes]
        left = plan(self._graph, wanted, given=self.values)
        needed = {*wanted, *(node for task in left.tasks for node in task.reads)}
        for node in [node for node in self.values if node not in needed]:
            del self.values[node]


def other_labels(step: Step) -> list[Node]:
    """List the labels of the second and later outputs of a layer that has such.

    Parameters
    ----------
    step : Step

    Returns
    -------
    list of Node
    """
    keys_of = getattr(step.layer, "label_keys", None)
    keys = [] if keys_of is None else keys_of(step.fit_only)
    return [step.fit_only[key] for key in keys if key != "y"]
