"""Which steps run, in which order, and who is the last reader of each value.

A plan is made from the outputs up: a step is in it only if somebody needs its value or,
while fitting, its learned state. Fit-only nodes are followed only while fitting.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from skmegatron.nodes.core import InputNode, Node, Step, TransformationNode
from skmegatron.nodes.graph import Graph
from skmegatron.nodes.walk import sort


@dataclass(frozen=True)
class Task:
    """What one step does in a run.

    Attributes
    ----------
    step : Step
    name : str
        The step's name in its graph.
    nodes : tuple of TransformationNode
        Where its outputs go.
    fit : bool
        Whether it learns.
    give : bool
        Whether somebody reads its value.
    method : str
        The method of the layer that gives the value.
    spent : tuple of Node
        What nobody reads any more once this task is done.
    """

    step: Step
    name: str
    nodes: tuple[TransformationNode, ...]
    fit: bool
    give: bool
    method: str = "transform"
    spent: tuple[Node, ...] = ()


@dataclass(frozen=True)
class Plan:
    """The tasks of one run, in order.

    Attributes
    ----------
    tasks : tuple of Task
    inputs : tuple of InputNode
        What must be fed.
    wanted : tuple of Node
        Whose values the run gives.
    """

    tasks: tuple[Task, ...]
    inputs: tuple[InputNode, ...]
    wanted: tuple[Node, ...]


def plan(
    graph: Graph,
    wanted: Sequence[Node],
    *,
    fit: bool = False,
    learning: Collection[Step] = (),
    methods: Mapping[Step, str] | None = None,
    prune: bool = True,
) -> Plan:
    """Decide what a run does.

    Parameters
    ----------
    graph : Graph
    wanted : sequence of Node
        Whose values the run must give.
    fit : bool, default=False
        Whether every stateful step behind the outputs, metrics and explorers learns.
    learning : collection of Step, default=()
        Where not all learn: those that do.
    methods : mapping of Step to str, default=None
        Steps whose value comes from another method than ``transform``.
    prune : bool, default=True
        Whether to drop each value at its last reader.

    Returns
    -------
    Plan
    """
    ends = list(wanted)
    if fit:
        measured = (*graph.metrics, *graph.explorers)
        ends += [*graph.outputs, *(node for end in measured for node in end.step.parents)]
    ends += [node for step in learning for node in graph.outputs_of[step]]
    order = sort(ends)
    nodes_of: defaultdict[Step, list[TransformationNode]] = defaultdict(list)
    for node in order:
        if isinstance(node, TransformationNode):
            nodes_of[node.step].append(node)

    needed: set[Node] = set(wanted)
    tasks: list[Task] = []
    for step in reversed(list(nodes_of)):
        give = any(node in needed for node in nodes_of[step])
        learn = step in learning or (fit and is_stateful(step))
        if give or learn:
            needed.update(step.inbound_nodes)
            if learn:
                needed.update(step.fit_only.values())
            method = (methods or {}).get(step, "transform")
            tasks.append(Task(step, graph.names[step], tuple(nodes_of[step]), learn, give, method))
    tasks.reverse()
    inputs = tuple(node for node in order if isinstance(node, InputNode) and node in needed)
    if prune:
        tasks = _with_last_readers(tasks, set(wanted))
    return Plan(tuple(tasks), inputs, tuple(wanted))


def is_stateful(step: Step) -> bool:
    """Tell whether a step learns something from data.

    Parameters
    ----------
    step : Step

    Returns
    -------
    bool
    """
    return step.state_of is None and bool(getattr(step.layer, "stateful", True))


def _with_last_readers(tasks: Iterable[Task], wanted: set[Node]) -> list[Task]:
    seen: set[Node] = set(wanted)
    result: list[Task] = []
    for task in reversed(list(tasks)):
        read = [*task.step.inbound_nodes, *(task.step.fit_only.values() if task.fit else ())]
        spent = tuple(node for node in dict.fromkeys((*read, *task.nodes)) if node not in seen)
        seen.update(read)
        result.append(
            Task(task.step, task.name, task.nodes, task.fit, task.give, task.method, spent)
        )
    return result[::-1]
