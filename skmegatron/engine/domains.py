"""Which rows a value is about while a graph is fitted.

A step that changes the rows while fitting begins a domain: its values, and all that is made of
them, are about rows of its own. Everything else is about the rows that were fed. Only values of
one domain can stand side by side. Outside of fitting there is one domain, and nothing to check.
"""

from __future__ import annotations

from collections.abc import Sequence

from skmegatron.engine.plan import Plan, Task
from skmegatron.errors import GraphError
from skmegatron.nodes.base import Node
from skmegatron.nodes.core import Step, TransformationNode
from skmegatron.nodes.graph import Graph
from skmegatron.nodes.walk import sort

#: Words for the place of a node among those that a step has returned.
_ORDINALS = ("first", "second", "third", "fourth", "fifth")


def check_domains(planned: Plan, graph: Graph) -> None:
    """Insist that no step reads values about different rows while fitting.

    Parameters
    ----------
    planned : Plan
        Of the fit.
    graph : Graph

    Raises
    ------
    GraphError
        If a step does; the message names both nodes, and what to pass instead.
    """
    if not any(task.step.train_only for task in planned.tasks):
        return
    domains: dict[Node, Step] = {}
    for task in planned.tasks:
        read = task.reads
        differs = next((n for n in read if domains.get(n) is not domains.get(read[0])), None)
        if differs is not None:
            raise GraphError(_mixed(task, read[0], differs, domains, graph))
        domain = task.step if task.step.train_only else domains.get(read[0])
        if domain is not None:
            domains.update(dict.fromkeys(task.nodes, domain))


def changed(wanted: Sequence[Node]) -> list[Node]:
    """List the nodes whose values are about other rows while fitting than those that are fed.

    Parameters
    ----------
    wanted : sequence of Node

    Returns
    -------
    list of Node
        In their order.
    """
    found: set[Node] = set()
    for node in sort(wanted):
        if isinstance(node, TransformationNode) and (
            node.step.train_only or not found.isdisjoint(node.inbound_nodes)
        ):
            found.add(node)
    return [node for node in wanted if node in found]


def _mixed(task: Task, one: Node, other: Node, domains: dict[Node, Step], graph: Graph) -> str:
    """Word what is wrong with a step that reads values about different rows, and the mend."""
    names = graph.node_names
    # The one that has been through the later of two steps, and the one that has not.
    inner, outer = (other, one) if other in domains else (one, other)
    if one in domains and other in domains:
        order = graph.steps.index
        inner, outer = sorted((one, other), key=lambda node: -order(domains[node]))
    step = domains[inner]
    rows = "the rows that were fed" if outer not in domains else "other rows"
    return (
        f"While fitting, step {task.name!r} would read {_as_read(task, inner)}{names[inner]!r}, "
        f"whose rows step {graph.names[step]!r} changes, beside {_as_read(task, outer)}"
        f"{names[outer]!r}, which has {rows}: their rows do not belong together. "
        + _mend(task, outer, step, graph)
    )


def _as_read(task: Task, node: Node) -> str:
    """Give the keyword by which a step reads a node."""
    keys = [key for key, read in task.step.fit_only.items() if read is node]
    return f"{keys[0]}=" if keys and node not in task.inbound else ""


def _mend(task: Task, outer: Node, step: Step, graph: Graph) -> str:
    """Word what to pass in the place of a node that has not been through a step."""
    name, key = graph.names[step], _as_read(task, outer)
    handed = (*step.inbound_nodes, *step.fit_only.values())
    if outer in handed:
        place = handed.index(outer)
        which = _ORDINALS[place] if place < len(_ORDINALS) else f"{place + 1}th"
        given = f"the {which} node that {type(step.layer).__name__} returned"
        return f"As {key} pass {given}." if key else f"Pass {given} in its place."
    shown = type(step.layer).__name__
    way = f"Call {shown} with {key} too" if key else f"Call {shown} on that node too"
    way += ", and pass the node that comes back"
    if isinstance(outer, TransformationNode):
        way += f"; or make {graph.node_names[outer]!r} of what {name!r} returned"
    return f"{way}."
