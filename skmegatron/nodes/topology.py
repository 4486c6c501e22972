"""A graph as plain data: what a saved file tells of itself, and what a picture is drawn from.

Only names, numbers and texts: whoever reads it loads no code.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from skmegatron.errors import GraphError
from skmegatron.nodes.core import InputNode, Node, Step, Target
from skmegatron.nodes.graph import Graph


def topology(graph: Graph, shapes: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Describe a graph by what JSON can hold.

    Parameters
    ----------
    graph : Graph
    shapes : mapping of str to tuple of int, default=None
        Shape of one observation at each node, where a fit has seen it.

    Returns
    -------
    dict
        ``nodes``, each after what it reads: inputs with ``name``, ``kind`` (input or target),
        ``shape`` and ``columns``; steps with ``name``, ``kind`` (step, metric or explorer),
        ``layer`` and ``estimator`` by their full names, the names of the nodes that they
        ``reads``, those that they read while fitting (``fit_only``, by keyword), whose state
        they use (``state_of``) and what they ``gives``. ``outputs`` are names. Shapes are those
        of one observation; None in them is any size.

    Examples
    --------
    >>> import skmegatron as sm
    >>> from skmegatron.nodes.topology import topology
    >>> x = sm.Input("x")
    >>> drawn = topology(sm.Pipeline(x, sm.layers.Whiten()(x)).graph)
    >>> [(node["name"], node["kind"]) for node in drawn["nodes"]], drawn["outputs"]
    ([('x', 'input'), ('whiten', 'step')], ['whiten'])
    """
    known = shapes or {}
    nodes: list[dict[str, Any]] = []
    done: set[Step] = set()
    for node in graph.path:
        if isinstance(node, InputNode):
            nodes.append(_input(node, known))
        else:
            step: Step = node.step  # type: ignore[attr-defined]
            if step not in done:
                done.add(step)
                nodes.append(_step(step, graph, "step", known))
    for kind, ends in (("metric", graph.metrics), ("explorer", graph.explorers)):
        nodes.extend(_step(end.step, graph, kind, known) for end in dict.fromkeys(ends))
    outputs = [graph.node_names[node] for node in dict.fromkeys(graph.outputs)]
    return {"nodes": nodes, "outputs": outputs}


def _input(node: InputNode, shapes: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": node.name,
        "kind": "target" if isinstance(node, Target) else "input",
        "shape": _listed(node.shape),
        "fed": _listed(shapes.get(node.name)),
        "columns": None if node.columns is None else list(map(_plain, node.columns)),
        "text": repr(node),
    }


def _step(step: Step, graph: Graph, kind: str, shapes: Mapping[str, Any]) -> dict[str, Any]:
    names, shown = graph.node_names, getattr(step.layer, "wrapped", step.layer)
    off = shown is None or isinstance(shown, str)
    text = repr(shown)
    if step.state_of is not None:
        text = f"inverse_transform of {graph.names[step.state_of.step]!r}"
    given = [] if kind != "step" else graph.outputs_of[step]
    return {
        "name": graph.names[step],
        "kind": kind,
        "layer": full_name(type(step.layer)),
        "estimator": None if shown is step.layer or off else full_name(type(shown)),
        "passthrough": off,
        "reads": [names[node] for node in step.inbound_nodes],
        "fit_only": {key: names[node] for key, node in step.fit_only.items()},
        "state_of": None if step.state_of is None else names[step.state_of],
        "gives": [
            {
                "name": names[node],
                "which": _which(node, graph),
                "shape": _listed(shapes.get(names[node])),
            }
            for node in sorted(given, key=lambda node: node.layer_out_index)
        ],
        "text": text,
    }


def _which(node: Node, graph: Graph) -> str:
    """Word which of the outputs of a step a node is, where there are several."""
    step: Step = node.step  # type: ignore[attr-defined]
    name = graph.node_names[node]
    if step.n_outputs == 1:
        return ""
    return name if step.output_names else name.removeprefix(graph.names[step])


def _listed(shape: Any) -> list[int | None] | None:
    return None if shape is None else [None if size is None else int(size) for size in shape]


def _plain(column: Any) -> Any:
    """Give the name of a column as JSON holds it."""
    return column if isinstance(column, str | int) else str(column)


def full_name(kind: Any) -> str:
    """Name a class by its module and itself.

    Parameters
    ----------
    kind : type

    Returns
    -------
    str
    """
    return f"{kind.__module__}.{kind.__qualname__}"


def check_topology(given: Any) -> None:
    """Insist that something describes a graph, as `topology` does.

    Parameters
    ----------
    given : object
        Maybe from a file of somebody else.

    Raises
    ------
    GraphError
        If a part is missing or of another kind, or if something is read that no node before
        gives.
    """
    try:
        known: set[str] = set()
        for node in _list_of(given["nodes"], dict):
            if "reads" in node:
                known.update(_step_gives(node, known))
            else:
                _check(node["kind"] in ("input", "target"), node["kind"])
                _texts(node["name"], node["text"])
                _sizes(node["shape"])
                _sizes(node["fed"])
                known.add(node["name"])
        _check(known.issuperset(_list_of(given["outputs"], str)), given["outputs"])
    except (KeyError, TypeError, AttributeError) as error:
        raise GraphError(
            f"This describes no graph ({type(error).__name__}: {error}). Pass what "
            "describe(path)['graph'] gives."
        ) from error


def _step_gives(step: dict[str, Any], known: set[str]) -> list[str]:
    """Check the description of a step, and give the names of its nodes."""
    _check(step["kind"] in ("step", "metric", "explorer"), step["kind"])
    _texts(step["name"], step["layer"], step["estimator"] or "", step["text"], *step["fit_only"])
    state_of = [] if step["state_of"] is None else [step["state_of"]]
    read = [*step["reads"], *step["fit_only"].values(), *state_of]
    _check(known.issuperset(_list_of(read, str)), read)
    for port in _list_of(step["gives"], dict):
        _texts(port["name"], port["which"])
        _sizes(port["shape"])
    return [port["name"] for port in step["gives"]]


def _check(holds: bool, what: Any) -> None:
    if not holds:
        raise TypeError(f"{str(what)[:100]!r} does not fit")


def _list_of(value: Any, kind: type[Any]) -> list[Any]:
    _check(isinstance(value, list) and all(isinstance(item, kind) for item in value), value)
    listed: list[Any] = value
    return listed


def _texts(*values: Any) -> None:
    _list_of(list(values), str)


def _sizes(shape: Any) -> None:
    if shape is not None:
        _list_of([-1 if size is None else size for size in _list_of(shape, object)], int)
