"""A drawn graph as plain data: all that a picture of it, or a reader of a file, needs.

A topology holds nothing but dictionaries, lists, strings, numbers and None, so it goes into
JSON and comes back, and reading it runs no code of layers. Nodes are told apart by name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import Any

from skmegatron.errors import GraphError
from skmegatron.nodes.core import InputNode, Node, Step, Target, TransformationNode
from skmegatron.nodes.graph import Graph
from skmegatron.nodes.walk import sort

#: Of the text that shows a layer with its parameters.
_MOST_LETTERS = 1_000

_INPUT_KINDS = ("input", "target", "fit-only", "metric-only")


def topology(graph: Graph, shapes: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Describe a graph in plain data.

    Parameters
    ----------
    graph : Graph
    shapes : mapping of str to sequence of int, default=None
        Shape of one observation of each node, by name, as far as they have been seen.

    Returns
    -------
    dict
        ``inputs``, in the order of the pipeline, each with ``name``, ``kind`` (``"input"``,
        ``"target"``, or ``"fit-only"`` and ``"metric-only"`` for what only fitting and
        metrics read), ``shape`` of one observation with None for any size, ``columns``,
        ``seen`` (the shape that a fit has seen, or None) and ``repr``.

        ``steps`` in topological order, ``metrics`` and ``explorers``, each with ``name``,
        ``layer`` and ``estimator`` (dotted names of classes; None where nothing is wrapped),
        ``label`` (what pictures show), ``off`` (whether it passes on what it reads),
        ``learns``, ``inbound`` (names of nodes), ``fit_only`` (names of nodes by keyword),
        ``state_of`` (the node whose step's learned state it uses, or None), ``outputs``
        (``name``, ``label`` and ``seen`` of each) and ``repr``.

        ``outputs``, the names of the nodes that the pipeline gives, and ``order``, the names
        of inputs and steps so that each stands behind what it reads.

    Examples
    --------
    >>> import skmegatron as sm
    >>> from skmegatron.nodes.topology import topology
    >>> x = sm.Input("x")
    >>> drawn = topology(sm.Pipeline(x, sm.layers.Whiten()(x, "white")).graph)
    >>> drawn["order"], drawn["steps"][0]["layer"], drawn["steps"][0]["inbound"]
    (['x', 'white'], 'skmegatron.layers.numeric.whiten.Whiten', ['x'])
    """
    shapes = {} if shapes is None else shapes
    names, steps = _unique_names(graph)

    def seen(node: Node) -> list[int | None] | None:
        return _sizes(shapes.get(graph.node_names[node]))

    def step(made: Step, *, ends: bool = False) -> dict[str, Any]:
        outputs = [] if ends else sorted(graph.outputs_of[made], key=_place)
        return {
            "name": steps[made],
            **_layer(made.layer),
            "learns": not ends
            and made.state_of is None
            and bool(getattr(made.layer, "stateful", True)),
            "inbound": [names[node] for node in made.inbound_nodes],
            "fit_only": {key: names[node] for key, node in made.fit_only.items()},
            "state_of": None if made.state_of is None else names[made.state_of],
            "outputs": [
                {"name": names[node], "label": _which(node, graph), "seen": seen(node)}
                for node in outputs
            ],
        }

    inputs = dict.fromkeys([*graph.inputs, *_inputs(graph.path)])
    kinds = _kinds(graph)
    return {
        "inputs": [
            {
                "name": names[node],
                "kind": kinds[node],
                "shape": _sizes(node.shape),
                "columns": None if node.columns is None else [_plain(c) for c in node.columns],
                "seen": seen(node),
                "repr": repr(node)[:_MOST_LETTERS],
            }
            for node in inputs
        ],
        "steps": [step(made) for made in graph.steps],
        "metrics": [step(end.step, ends=True) for end in graph.metrics],
        "explorers": [step(end.step, ends=True) for end in graph.explorers],
        "outputs": [names[node] for node in graph.outputs],
        "order": list(
            dict.fromkeys(
                steps[node.step] if isinstance(node, TransformationNode) else names[node]
                for node in graph.path
            )
        ),
    }


def _inputs(nodes: Sequence[Node]) -> list[InputNode]:
    return [node for node in nodes if isinstance(node, InputNode)]


def _place(node: TransformationNode) -> int:
    return node.layer_out_index


def _unique_names(graph: Graph) -> tuple[dict[Node, str], dict[Step, str]]:
    """Name nodes and steps; a graph that cannot be run yet may have names twice."""
    taken: set[str] = set()

    def free(name: str) -> str:
        tries = (name if number == 1 else f"{name} ({number})" for number in count(1))
        found = next(one for one in tries if one not in taken)
        taken.add(found)
        return found

    steps = {step: free(str(name)) for step, name in graph.names.items()}
    names: dict[Node, str] = {}
    for node in graph.path:
        name = graph.node_names[node]
        if isinstance(node, TransformationNode) and name == graph.names[node.step]:
            names[node] = steps[node.step]
        else:
            names[node] = free(str(name))
    return names, steps


def _kinds(graph: Graph) -> dict[InputNode, str]:
    """Tell what reads each input."""
    drawn, listed = set(sort(graph.outputs)), set(graph.inputs)
    forgotten = (node for node in _inputs(graph.path) if node not in listed)
    fed = {*graph.data_inputs, *graph.unused_inputs, *forgotten}
    kinds = {}
    for node in dict.fromkeys([*graph.inputs, *_inputs(graph.path)]):
        read = "input" if node in fed else "fit-only" if node in drawn else "metric-only"
        kinds[node] = "target" if isinstance(node, Target) else read
    return kinds


def _layer(layer: Any) -> dict[str, Any]:
    shown = getattr(layer, "wrapped", layer)
    off = shown is None or isinstance(shown, str)
    return {
        "layer": _dotted(layer),
        "estimator": None if off or shown is layer else _dotted(shown),
        "label": "passthrough" if off else type(shown).__name__,
        "off": off,
        "repr": repr(shown)[:_MOST_LETTERS],
    }


def _dotted(value: Any) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}"


def _which(node: TransformationNode, graph: Graph) -> str:
    """Tell one of several outputs of a step from the others."""
    if node.step.n_outputs == 1:
        return ""
    name = graph.node_names[node]
    return name if node.step.output_names else name.removeprefix(graph.names[node.step])


def _sizes(shape: Any) -> list[int | None] | None:
    return None if shape is None else [None if size is None else int(size) for size in shape]


def _plain(column: Any) -> str | int:
    return column if isinstance(column, str) else int(column)


# Reading a topology that somebody else has written


def check_topology(topology: Any) -> None:
    """Check that plain data is a topology that can be drawn.

    Parameters
    ----------
    topology : object
        As `topology` gives it. Keys that it does not know are left alone.

    Raises
    ------
    GraphError
        If it is something else; the message says where.

    Examples
    --------
    >>> from skmegatron.nodes.topology import check_topology
    >>> check_topology({"inputs": []})
    Traceback (most recent call last):
        ...
    skmegatron.errors.GraphError: This is no description of a graph: 'steps' is missing. ...
    """
    _check(topology, _TOPOLOGY, "")
    made: set[str] = set()
    inputs = {one["name"]: [one["name"]] for one in topology["inputs"]}
    steps = {one["name"]: one for one in topology["steps"]}
    twice = len(inputs) + len(steps) < len(topology["inputs"]) + len(topology["steps"])
    if twice or sorted(topology["order"]) != sorted([*inputs, *steps]):
        raise _no_topology("'order' does not list each input and step once")
    for name in topology["order"]:
        _check_read(steps.get(name), made)
        outputs = inputs.get(name) or [one["name"] for one in steps[name]["outputs"]]
        for output in outputs:
            if output in made:
                raise _no_topology(f"two nodes are named {_cut(output)}")
            made.add(output)
    for end in (*topology["metrics"], *topology["explorers"]):
        _check_read(end, made)
    for name in topology["outputs"]:
        if name not in made:
            raise _no_topology(f"nothing makes the output {_cut(name)}")


def _check_read(step: dict[str, Any] | None, made: set[str]) -> None:
    if step is None:
        return
    state = [] if step["state_of"] is None else [step["state_of"]]
    for name in (*step["inbound"], *step["fit_only"].values(), *state):
        if name not in made:
            raise _no_topology(f"{_cut(step['name'])} reads {_cut(name)}, not made before it")


def _check(value: Any, expected: Any, place: str) -> None:
    """Check nested data: a dict of keys, a list of one kind, or a test with its words."""
    if isinstance(expected, dict):
        _check_kind(value, dict, place)
        for key, inner in expected.items():
            where = f"{place}.{key}" if place else key
            if key not in value:
                raise _no_topology(f"{where!r} is missing")
            _check(value[key], inner, where)
    elif isinstance(expected, list):
        _check_kind(value, list, place)
        for number, item in enumerate(value):
            _check(item, expected[0], f"{place}[{number}]")
    elif not expected[1](value):
        raise _no_topology(f"{place!r} takes {expected[0]}, got {_cut(value)}")


def _check_kind(value: Any, kind: type, place: str) -> None:
    if not isinstance(value, kind):
        where = repr(place) if place else "the whole"
        raise _no_topology(f"{where} takes a {kind.__name__}, got {_cut(value)}")


def _is_shape(value: Any) -> bool:
    return value is None or (
        isinstance(value, list)
        and all(size is None or (type(size) is int and 0 <= size < 2**63) for size in value)
    )


def _are_keywords(value: Any) -> bool:
    return isinstance(value, dict) and all(
        isinstance(key, str) and key.isidentifier() and isinstance(name, str)
        for key, name in value.items()
    )


_Test = tuple[str, Callable[[Any], bool]]
_NAME: _Test = ("a name", lambda value: isinstance(value, str) and bool(value))
_TEXT: _Test = ("a text", lambda value: isinstance(value, str))
_MAYBE: _Test = ("a text or null", lambda value: value is None or isinstance(value, str))
_FLAG: _Test = ("true or false", lambda value: isinstance(value, bool))
_SHAPE: _Test = ("a list of sizes or null", _is_shape)
_KIND: _Test = (f"one of {_INPUT_KINDS}", lambda value: value in _INPUT_KINDS)
_STEP: dict[str, Any] = {
    "name": _NAME,
    "label": _TEXT,
    "off": _FLAG,
    "repr": _TEXT,
    "inbound": [_TEXT],
    "fit_only": ("names of nodes by keyword", _are_keywords),
    "state_of": _MAYBE,
    "outputs": [{"name": _NAME, "label": _TEXT, "seen": _SHAPE}],
}
_TOPOLOGY: dict[str, Any] = {
    "inputs": [{"name": _NAME, "kind": _KIND, "shape": _SHAPE, "seen": _SHAPE, "repr": _TEXT}],
    "steps": [_STEP],
    "metrics": [_STEP],
    "explorers": [_STEP],
    "outputs": [_TEXT],
    "order": [_TEXT],
}


def _cut(value: Any) -> str:
    if isinstance(value, str):
        return repr(value if len(value) <= 60 else value[:59] + "…")
    small = value is None or (isinstance(value, int | float) and abs(value) < 1e20)
    return repr(value) if small else f"a {type(value).__name__}"


def _no_topology(fault: str) -> GraphError:
    return GraphError(
        f"This is no description of a graph: {fault}. Let the pipeline be saved again by "
        "whoever made it."
    )
