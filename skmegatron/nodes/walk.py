"""Walking a drawing: order, copying, flattening.

Everything here walks with its own stack, never by recursion, and touches every node and
edge once, so a chain of 10,000 steps is nothing special.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import deepcopy
from functools import partial
from typing import Any, cast
from weakref import WeakKeyDictionary

from skmegatron.errors import GraphError
from skmegatron.io.saving import Portable, unwrapped
from skmegatron.nodes.base import Node, hooks
from skmegatron.nodes.core import (
    ExploreNode,
    InputNode,
    MetricNode,
    Step,
    StepNode,
    Target,
    Token,
    TransformationNode,
)

_KINDS: dict[str, type[Any]] = {
    "transformation": TransformationNode,
    "metric": MetricNode,
    "explorer": ExploreNode,
}


def sort(ends: Iterable[Node]) -> list[Node]:
    """List the nodes that `ends` need, and `ends`, in topological order.

    Parameters
    ----------
    ends : iterable of Node

    Returns
    -------
    list of Node
        Depth first from the first of `ends`, parents from left to right.

    Raises
    ------
    GraphError
        If the graph has a cycle.
    """
    done: dict[Node, None] = {}
    open_: set[Node] = set()
    stack = list(reversed(list(ends)))
    while stack:
        node = stack[-1]
        if node in done:
            stack.pop()
            continue
        waiting = [parent for parent in _parents(node) if parent not in done]
        if not waiting:
            done[stack.pop()] = None
            open_.discard(node)
            continue
        open_.add(node)
        if any(parent in open_ for parent in waiting):
            raise GraphError(f"The graph has a cycle through {node!r}. Nodes must not be rewired.")
        stack.extend(reversed(waiting))
    return list(done)


def _parents(node: Node) -> list[Node]:
    return list(node.step.parents) if isinstance(node, StepNode) else []


def copy_nodes(
    nodes: Iterable[Node],
    *,
    layer_of: Callable[[Step], Any],
    name_of: Callable[[Step], str | None] = lambda step: step.name,
    choices_of: Callable[[Step], Mapping[str, Any]] = lambda step: step.choices,
    copies: dict[Any, Any] | None = None,
) -> dict[Any, Any]:
    """Draw nodes and all they need again.

    Parameters
    ----------
    nodes : iterable of Node
    layer_of : callable
        Gives the layer of a step's copy.
    name_of : callable
        Gives the name of a step's copy.
    choices_of : callable
        Gives the choices of a step's copy.
    copies : dict, default=None
        What has been copied already; grows.

    Returns
    -------
    dict of {Node, Step} to {Node, Step}
        The copy of each node and step. Copies carry no values.
    """
    copies = {} if copies is None else copies

    def copied(step: Step) -> Step:
        if step not in copies:
            copies[step] = Step(
                layer_of(step),
                [copies[node] for node in step.inbound_nodes],
                {key: copies[node] for key, node in step.fit_only.items()},
                name_of(step),
                output_names=step.output_names,
                state_of=None if step.state_of is None else copies[step.state_of],
                token=step.token,
                choices=choices_of(step),
            )
        copy: Step = copies[step]
        return copy

    for node in sort(nodes):
        if node in copies:
            continue
        if isinstance(node, InputNode):
            copies[node] = node._copy(token=node.token)
        elif isinstance(node, TransformationNode):
            copies[node] = TransformationNode(copied(node.step), node.layer_out_index)
        elif isinstance(node, MetricNode | ExploreNode):
            copies[node] = type(node)(copied(node.step))
    return copies


def _deepcopy(node: Node, memo: dict[Any, Any]) -> Node:
    copies = memo.setdefault("skmegatron.nodes", {})
    if node not in copies:
        copy_nodes([node], layer_of=lambda step: deepcopy(step.layer, memo), copies=copies)
    return copies[node]  # type: ignore[no-any-return]


def flatten(nodes: Sequence[Node]) -> dict[str, Any]:
    """Write nodes, and all they need, as flat lists.

    Parameters
    ----------
    nodes : sequence of Node

    Returns
    -------
    dict
        ``layers``, each once however many steps share it; ``steps`` and ``nodes``, which
        refer to each other by position; ``asked``, the positions of `nodes`.
    """
    order = sort(nodes)
    places = {node: place for place, node in enumerate(order)}
    steps: dict[Step, int] = {}
    layers: dict[int, tuple[int, Any]] = {}
    flat: dict[str, Any] = {"layers": [], "steps": [], "nodes": []}

    def step_place(step: Step) -> int:
        if step not in steps:
            if id(step.layer) not in layers:
                layers[id(step.layer)] = (len(flat["layers"]), step.layer)
                flat["layers"].append(Portable(step.layer))
            steps[step] = len(flat["steps"])
            flat["steps"].append(
                {
                    "layer": layers[id(step.layer)][0],
                    "inbound": [places[node] for node in step.inbound_nodes],
                    "fit_only": {key: places[node] for key, node in step.fit_only.items()},
                    "name": step.name,
                    "token": step.token,
                    "output_names": step.output_names,
                    "state_of": None if step.state_of is None else places[step.state_of],
                    "choices": Portable(dict(step.choices)) if step.choices else None,
                }
            )
        return steps[step]

    for node in order:
        if isinstance(node, InputNode):
            kind = "target" if isinstance(node, Target) else "input"
            flat["nodes"].append((kind, node.name, node.shape, node.columns, node.token))
        elif isinstance(node, StepNode):
            kind = next(kind for kind, cls in _KINDS.items() if isinstance(node, cls))
            out_index = getattr(node, "layer_out_index", 0)
            flat["nodes"].append((kind, step_place(node.step), out_index, None, node.step.token))
    flat["asked"] = [places[node] for node in nodes]
    return flat


def unflatten(flat: dict[str, Any]) -> list[Node]:
    """Draw again what `flatten` wrote.

    Parameters
    ----------
    flat : dict

    Returns
    -------
    list of Node
        The nodes that `flatten` was asked for.
    """
    _check_places(flat)
    nodes: list[Node] = []
    steps: dict[int, Step] = {}

    def once(part: str, place: int, make: Callable[[], Any]) -> Any:
        if "selves" not in flat:
            return make()
        restored = flat["selves"][part][place].restored
        if part not in restored:
            restored[part] = make()
        return restored[part]

    def step_at(place: int) -> Step:
        if place not in steps:
            record = flat["steps"][place]
            steps[place] = once("steps", place, lambda: _step_from(record, flat, nodes))
        return steps[place]

    for place, (kind, first, second, third, token) in enumerate(flat["nodes"]):
        if kind == "input":
            drawn = InputNode(first, second, third)
            make: Callable[[], Node] = partial(drawn._copy, token=token)
        elif kind == "target":
            make = partial(Target(first)._copy, token=token)
        elif kind == "transformation":
            make = partial(TransformationNode, step_at(first), second)
        else:
            make = partial(MetricNode if kind == "metric" else ExploreNode, step_at(first))
        nodes.append(once("nodes", place, make))
    return [nodes[place] for place in flat["asked"]]


def _check_places(flat: dict[str, Any]) -> None:
    """Insist that nodes refer only to what stands before them, so that there is no cycle."""
    kinds = [kind for kind, *_ in flat["nodes"]]
    for place, (kind, first, *_) in enumerate(flat["nodes"]):
        if kind not in ("input", "target", *_KINDS):
            raise GraphError(f"A node is drawn as {kind!r}, expected one of {list(_KINDS)}.")
        if kind not in _KINDS:
            continue
        record = flat["steps"][_place(first, len(flat["steps"]))]
        _place(record["layer"], len(flat["layers"]))
        for parent in [*record["inbound"], *record["fit_only"].values()]:
            if kinds[_place(parent, place)] in ("metric", "explorer"):
                raise GraphError(f"Node {place} is drawn on a {kinds[parent]}.")
        undone = record["state_of"]
        if undone is not None and kinds[_place(undone, place)] != "transformation":
            raise GraphError(f"Node {place} undoes an input, which nothing made.")
    for asked in flat["asked"]:
        _place(asked, len(kinds))


def _place(place: Any, end: int) -> int:
    if type(place) is not int or not 0 <= place < end:
        raise GraphError(f"A drawing refers to place {place!r} of {end}; it is damaged.")
    return place


def _step_from(record: dict[str, Any], flat: dict[str, Any], nodes: list[Node]) -> Step:
    state_of = None if record["state_of"] is None else nodes[record["state_of"]]
    return Step(
        unwrapped(flat["layers"][record["layer"]]),
        [nodes[parent] for parent in record["inbound"]],
        {key: nodes[parent] for key, parent in record["fit_only"].items()},
        record["name"],
        output_names=record["output_names"],
        state_of=cast("TransformationNode | None", state_of),
        token=record["token"],
        choices=unwrapped(record.get("choices")),
    )


def _restore(flat: dict[str, Any]) -> Node:
    return unflatten(flat)[0]


def _reduce(node: Node) -> tuple[Any, ...]:
    """Pickle one node with all it needs, each part with what tells it from its copies."""
    order = sort([node])
    steps = dict.fromkeys(made.step for made in order if isinstance(made, StepNode))
    selves = {
        "nodes": [_selves.setdefault(made, Token()) for made in order],
        "steps": [_selves.setdefault(step, Token()) for step in steps],
    }
    return _restore, ({**flatten([node]), "selves": selves},)


#: So that nodes which one pickle holds in several lists become the same nodes again.
_selves: WeakKeyDictionary[Any, Token] = WeakKeyDictionary()
hooks["reduce"] = _reduce
hooks["deepcopy"] = _deepcopy
