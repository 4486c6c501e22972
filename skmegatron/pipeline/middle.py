"""Start a run below the inputs, where the values of steps are fed by their names.

A fit learns every step, so what `X` holds under the name of a step means something only
afterwards: a fit refuses it, for a prediction would read it.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from scipy import sparse

from skmegatron.engine.feed import Given
from skmegatron.engine.plan import Plan
from skmegatron.nodes.base import Node
from skmegatron.nodes.core import Step, TransformationNode
from skmegatron.nodes.graph import Graph


def fed_nodes(
    graph: Graph,
    X: Any,
    methods: Mapping[Step, str] | None = None,
    layers: Mapping[str, Any] | None = None,
) -> tuple[TransformationNode, ...]:
    """Find the nodes between inputs and ends whose values `X` holds.

    Parameters
    ----------
    graph : Graph
    X : object
        What the user hands in.
    methods : mapping of Step to str, default=None
        Steps that are asked for something else than their value, which no fed value tells.
    layers : mapping of str to layer, default=None
        Fitted layers by step name.

    Returns
    -------
    tuple of TransformationNode
        In the order of the graph. None in `X` feeds nothing.

    Raises
    ------
    ValueError
        If `X` names a step that gives several values.
    """
    names = _names(graph, X)
    for name in names:
        if len(graph.middle[name]) > 1:
            parts = [graph.node_names[node] for node in graph.middle[name]]
            raise ValueError(
                f"Step {name!r} gives {len(parts)} values, and is fed one. Feed each by its own "
                f"name: {{{', '.join(f'{part!r}: ...' for part in parts)}}}."
            )
    found = [graph.middle[name][0] for name in names]
    if not found or not methods:
        return tuple(found)
    other = {step for step, method in methods.items() if method != _own(graph, step, layers or {})}
    return tuple(node for node in found if node.step not in other)


def refuse_middle(graph: Graph, X: Any, what: str, instead: str = "") -> None:
    """Refuse values of steps where every step is to be computed.

    Parameters
    ----------
    graph : Graph
    X : object
        What the user hands in.
    what : str
        What is done with the steps: "fit learns every step".
    instead : str, default=""
        What to do but for leaving the value out.

    Raises
    ------
    ValueError
        If `X` names a step.
    """
    for name in _names(graph, X)[:1]:
        raise ValueError(
            f"{what}; leave {name!r} out, or {instead or f'draw sm.Input({name!r})'}."
        )


def note_misspelt(error: Exception, graph: Graph, X: Any) -> None:
    """Note on an error which names of steps the unknown names in `X` are close to.

    Parameters
    ----------
    error : Exception
    graph : Graph
    X : object
        What the user hands in.
    """
    known = {*graph.middle, *(node.name for node in graph.inputs)}
    for name in X if isinstance(X, Mapping) and not sparse.issparse(X) else ():
        close = get_close_matches(name, graph.middle, 1) if isinstance(name, str) else []
        if close and name not in known:
            error.add_note(f"  {name!r} is no name here; the step {close[0]!r} is close to it.")


def given_values(
    planned: Plan, graph: Graph, layers: Mapping[str, Any], shapes: Mapping[str, Any]
) -> tuple[Given, ...]:
    """Work out what is known of the values that a plan is given.

    Parameters
    ----------
    planned : Plan
    graph : Graph
    layers : mapping of str to layer
        Fitted layers by step name.
    shapes : mapping of str to tuple of int
        Shape of one observation at each node, where the fit saw it.

    Returns
    -------
    tuple of Given
    """
    if not planned.given:
        return ()
    on_arrays: set[Node] = set()
    for task in planned.tasks:
        layer = layers.get(task.name, task.step.layer)
        estimator = getattr(layer, "current", layer)
        if hasattr(estimator, "n_features_in_") and not hasattr(estimator, "feature_names_in_"):
            on_arrays.update(task.reads)
    given = []
    for node in planned.given:
        assert isinstance(node, TransformationNode)  # fed_nodes finds no others
        name = graph.node_names[node]
        given.append(Given(node, name, shapes.get(name), node in on_arrays))
    return tuple(given)


def wanted_nodes(graph: Graph, outputs: Any) -> list[Node]:
    """Find the nodes that a user asks for.

    Parameters
    ----------
    graph : Graph
    outputs : str, Node, or sequence of them
        The name of a step that gives several values stands for all of them.

    Returns
    -------
    list of Node

    Raises
    ------
    GraphError
        If the graph has no such node; the message lists the names there are.
    """
    asked = outputs if isinstance(outputs, list | tuple) else [outputs]
    wanted: list[Node] = []
    for item in asked:
        several = graph.middle.get(item, ()) if isinstance(item, str) else ()
        wanted.extend(several if len(several) > 1 else [graph.find(item)])
    return list(dict.fromkeys(wanted))


def _names(graph: Graph, X: Any) -> list[str]:
    middle = graph.middle
    if not isinstance(X, Mapping) or sparse.issparse(X) or middle.keys().isdisjoint(X):
        return []
    return [name for name in middle if name in X and X[name] is not None]


def _own(graph: Graph, step: Step, layers: Mapping[str, Any]) -> str:
    """Give the method of the estimator that a step's value comes from; "" where none does."""
    layer = layers.get(graph.names[step], step.layer)
    if not getattr(layer, "gives_value", True):
        return ""
    method: str = getattr(layer, "resolved_method", "transform")
    return method
