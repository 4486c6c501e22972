"""Which steps run, in which order, and who is the last reader of each value.

A plan is made from the outputs up: a step is in it only if somebody needs its value or,
while fitting, its learned state. Fit-only nodes are followed only while fitting.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from skmegatron.nodes.base import Node
from skmegatron.nodes.core import InputNode, Step, TransformationNode
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
    inbound : tuple of Node
        What its value is made of.
    fit : bool
        Whether it learns.
    give : bool
        Whether somebody reads its value.
    method : str
        The method of the layer that gives the value.
    spent : tuple of Node
        What nobody reads any more once this task is done.
    whole : bool
        Whether the value is that of its one node, and no tuple of several.
    hands_on : bool
        Whether each of `nodes` has the very value of its node in `inbound`: the step changes
        the rows while fitting only, and does not learn in this run.
    """

    step: Step
    name: str
    nodes: tuple[TransformationNode, ...]
    inbound: tuple[Node, ...]
    fit: bool
    give: bool
    method: str = "transform"
    spent: tuple[Node, ...] = ()
    whole: bool = True
    hands_on: bool = False

    @property
    def reads(self) -> tuple[Node, ...]:
        """The nodes whose values it reads."""
        return (*self.inbound, *(self.step.fit_only.values() if self.fit else ()))


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
    prune : bool
        Whether values are dropped at their last reader.
    given : tuple of Node
        What is read and neither fed to an input nor computed.
    notes : dict
        What others have worked out of it, so as not to do so again.
    """

    tasks: tuple[Task, ...]
    inputs: tuple[InputNode, ...]
    wanted: tuple[Node, ...]
    prune: bool = True
    given: tuple[Node, ...] = ()
    notes: dict[Any, Any] = field(default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True)
class Level:
    """Tasks that do not wait for each other.

    Attributes
    ----------
    tasks : tuple of (int, Task)
        With their places in the plan, whose order they keep.
    spent : tuple of Node
        What nobody reads any more once all of them are done.
    """

    tasks: tuple[tuple[int, Task], ...]
    spent: tuple[Node, ...]


def plan(
    graph: Graph,
    wanted: Sequence[Node],
    *,
    fit: bool = False,
    learning: Collection[Step] = (),
    methods: Mapping[Step, str] | None = None,
    prune: bool = True,
    given: Collection[Node] = (),
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
    given : collection of Node, default=()
        Whose values are fed as those of the inputs are, so that nothing above them is run.

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
        nodes = tuple(node for node in nodes_of[step] if node not in given)
        give = any(node in needed for node in nodes)
        learn = step in learning or (fit and is_stateful(step))
        if step.train_only and not (give and learn):
            asked = [node for node in nodes if node in needed]
            if asked:
                tasks.append(handing_on(step, graph.names[step], asked))
                needed.update(tasks[-1].inbound)
        elif give or learn:
            needed.update(step.inbound_nodes)
            if learn:
                needed.update(step.fit_only.values())
            name, inbound = graph.names[step], step.inbound_nodes
            method = (methods or {}).get(step, "transform")
            whole = step.n_outputs == 1
            tasks.append(Task(step, name, nodes, inbound, learn, give, method, whole=whole))
    tasks.reverse()
    inputs = tuple(node for node in order if isinstance(node, InputNode) and node in needed)
    if prune:
        tasks = with_last_readers(tasks, wanted)
    read = tuple(node for node in order if node in needed and node in given)
    return Plan(tuple(tasks), inputs, tuple(wanted), prune, read)


def handing_on(step: Step, name: str, nodes: Iterable[TransformationNode]) -> Task:
    """Make the task of a step that changes the rows while fitting only, where it does not.

    Parameters
    ----------
    step : Step
    name : str
    nodes : iterable of TransformationNode
        Those that are needed: of the labels, for one, there may be none.

    Returns
    -------
    Task
    """
    pairs = [(node, source) for node in nodes if (source := node.handed_on) is not None]
    asked, read = tuple(node for node, _ in pairs), tuple(source for _, source in pairs)
    return Task(step, name, asked, read, fit=False, give=True, hands_on=True)


def levels(planned: Plan) -> list[Level]:
    """Group the tasks of a plan by how many others they wait for, one after the other.

    Parameters
    ----------
    planned : Plan

    Returns
    -------
    list of Level
    """
    depth: dict[Step, int] = {}
    grouped: defaultdict[int, list[tuple[int, Task]]] = defaultdict(list)
    for place, task in enumerate(planned.tasks):
        source = () if task.step.state_of is None else (task.step.state_of,)
        before = [n.step for n in (*task.reads, *source) if isinstance(n, TransformationNode)]
        depth[task.step] = 1 + max((depth.get(step, 0) for step in before), default=0)
        grouped[depth[task.step]].append((place, task))
    found: list[Level] = []
    seen: set[Node] = set(planned.wanted)
    for level in sorted(grouped, reverse=True):
        touched = [n for _, task in grouped[level] for n in (*task.reads, *task.nodes)]
        spent = tuple(node for node in dict.fromkeys(touched) if node not in seen)
        seen.update(touched)
        found.append(Level(tuple(grouped[level]), spent if planned.prune else ()))
    return found[::-1]


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


def is_fed(node: Node) -> bool:
    """Tell whether a node's value is one that was fed, and not what a step has made of it.

    Parameters
    ----------
    node : Node

    Returns
    -------
    bool
        True also behind steps that change the rows while fitting only: the values are those fed.
    """
    source: Node | None = node
    while isinstance(source, TransformationNode):
        source = source.handed_on
    return source is not None


def holds_state(step: Step) -> bool:
    """Tell whether a step's value depends on something learned, be it before it was drawn.

    Parameters
    ----------
    step : Step

    Returns
    -------
    bool

    Returns
    -------
    bool
    """
    frozen = step.state_of is None and bool(getattr(step.layer, "frozen", False))
    return frozen or is_stateful(step)


def with_last_readers(tasks: Sequence[Task], wanted: Iterable[Node]) -> list[Task]:
    """Note at each task what nobody reads any more once it is done.

    Parameters
    ----------
    tasks : sequence of Task
        In order.
    wanted : iterable of Node
        What is kept until the end.

    Returns
    -------
    list of Task
    """
    seen = set(wanted)
    result: list[Task] = []
    for task in reversed(tasks):
        touched = dict.fromkeys((*task.reads, *task.nodes))
        spent = tuple(node for node in touched if node not in seen)
        seen.update(task.reads)
        result.append(replace(task, spent=spent))
    return result[::-1]
