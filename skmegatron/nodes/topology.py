"""A graph as plain data: what a saved file tells of itself, and what a picture is drawn from.

Only names, numbers and texts: whoever reads it loads no code.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import count
from typing import Any

from skmegatron.errors import GraphError
from skmegatron.nodes.base import Node
from skmegatron.nodes.core import InputNode, Step, Target, TransformationNode
from skmegatron.nodes.graph import Graph
from skmegatron.nodes.walk import sort

#: Of the text that shows a layer with its parameters.
_MOST_LETTERS = 1_000


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
        ``use`` (whether to predict, to fit or to evaluate it must be fed), ``shape`` and
        ``columns`` as they were declared, the shape that a fit has ``fed``; steps with ``name``,
        ``kind`` (step, metric or explorer), ``layer`` and ``estimator`` by their full names,
        whether it ``learns`` or is a ``passthrough``, the names of the nodes that it ``reads``,
        those that it reads while fitting (``fit_only``, by keyword), whose state it uses
        (``state_of``) and what it ``gives``; and the ``text`` that shows each. ``outputs`` are
        names. Shapes are those of one observation; None in them is any size.

    Examples
    --------
    >>> import skmegatron as sm
    >>> from skmegatron.nodes.topology import topology
    >>> x = sm.Input("x")
    >>> drawn = topology(sm.Pipeline(x, sm.layers.Whiten()(x)).graph)
    >>> [(node["name"], node["kind"]) for node in drawn["nodes"]], drawn["outputs"]
    ([('x', 'input'), ('whiten', 'step')], ['whiten'])
    """
    drawn = _Drawn(graph, shapes or {})
    nodes: list[dict[str, Any]] = []
    done: set[Step] = set()
    for node in graph.path:
        if isinstance(node, TransformationNode):
            if node.step not in done:
                done.add(node.step)
                nodes.append(drawn.step(node.step, "step"))
        elif isinstance(node, InputNode):
            nodes.append(drawn.input(node))
    for kind, ends in (("metric", graph.metrics), ("explorer", graph.explorers)):
        nodes.extend(drawn.step(end.step, kind) for end in dict.fromkeys(ends))
    outputs = [drawn.names[node] for node in dict.fromkeys(graph.outputs)]
    return {"nodes": nodes, "outputs": outputs}


class _Drawn:
    """A graph, with a name of its own for each node and step.

    One that cannot be run yet may have names twice.
    """

    def __init__(self, graph: Graph, shapes: Mapping[str, Any]) -> None:
        self.graph, self.shapes = graph, shapes
        self.uses = _uses(graph)
        taken: set[str] = set()

        def free(name: str) -> str:
            tries = (name if number == 1 else f"{name} ({number})" for number in count(1))
            found = next(one for one in tries if one not in taken)
            taken.add(found)
            return found

        self.steps = {step: free(name) for step, name in graph.names.items()}
        self.names: dict[Node, str] = {}
        for node in graph.path:
            name = graph.node_names[node]
            if isinstance(node, TransformationNode) and name == graph.names[node.step]:
                self.names[node] = self.steps[node.step]
            else:
                self.names[node] = free(name)

    def input(self, node: InputNode) -> dict[str, Any]:
        return {
            "name": self.names[node],
            "kind": "target" if isinstance(node, Target) else "input",
            "use": self.uses[node],
            "shape": _listed(node.shape),
            "fed": self._seen(node),
            "columns": None if node.columns is None else list(map(_plain, node.columns)),
            "text": repr(node)[:_MOST_LETTERS],
        }

    def step(self, step: Step, kind: str) -> dict[str, Any]:
        shown = getattr(step.layer, "wrapped", step.layer)
        off = shown is None or isinstance(shown, str)
        learns = kind == "step" and step.state_of is None
        return {
            "name": self.steps[step],
            "kind": kind,
            "layer": full_name(type(step.layer)),
            "estimator": None if shown is step.layer or off else full_name(type(shown)),
            "passthrough": off,
            "learns": learns and bool(getattr(step.layer, "stateful", True)),
            "reads": [self.names[node] for node in step.inbound_nodes],
            "fit_only": {key: self.names[node] for key, node in step.fit_only.items()},
            "state_of": None if step.state_of is None else self.names[step.state_of],
            "gives": self._gives(step) if kind == "step" else [],
            "text": self._text(step, shown)[:_MOST_LETTERS],
        }

    def _gives(self, step: Step) -> list[dict[str, Any]]:
        made = sorted(self.graph.outputs_of[step], key=lambda node: node.layer_out_index)
        return [
            {
                "name": self.names[node],
                "which": _which(node, self.graph),
                "shape": self._seen(node),
            }
            for node in made
        ]

    def _text(self, step: Step, shown: Any) -> str:
        if step.state_of is None:
            return repr(shown)
        return f"inverse_transform of {self.steps[step.state_of.step]!r}"

    def _seen(self, node: Node) -> list[int | None] | None:
        return _listed(self.shapes.get(self.graph.node_names[node]))


def _uses(graph: Graph) -> dict[InputNode, str]:
    """Tell what each input must be fed for: to predict, else to fit, else to evaluate."""
    listed = set(graph.inputs)
    inputs = [node for node in graph.path if isinstance(node, InputNode)]
    forgotten = (node for node in inputs if node not in listed)
    fed = {*graph.data_inputs, *graph.unused_inputs, *forgotten}
    fitted = set(sort(graph.outputs))
    return {
        node: "predict" if node in fed else "fit" if node in fitted else "evaluate"
        for node in inputs
    }


def _which(node: TransformationNode, graph: Graph) -> str:
    """Word which of the outputs of a step a node is, where there are several."""
    step = node.step
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
        If a part is missing or of another kind, if something is read that no node before
        gives, or two nodes have one name; the message says where. Keys that are not known
        are left alone.
    """
    _check_kind(given, dict, "the whole")
    _check(given, {"outputs": [_TEXT]}, "")
    _check_kind(given.get("nodes"), list, "'nodes'")
    known: set[str] = set()
    for place, node in enumerate(given["nodes"]):
        _check_kind(node, dict, f"'nodes[{place}]'")
        is_step = "reads" in node
        _check(node, _STEP if is_step else _INPUT, f"nodes[{place}].")
        if is_step:
            _check_reads(node, known)
        for name in [one["name"] for one in node["gives"]] if is_step else [node["name"]]:
            if name in known:
                raise _no_topology(f"two nodes are named {_cut(name)}")
            known.add(name)
    for name in given["outputs"]:
        if name not in known:
            raise _no_topology(f"nothing makes the output {_cut(name)}")


def _check_reads(step: dict[str, Any], known: set[str]) -> None:
    state = [] if step["state_of"] is None else [step["state_of"]]
    for name in (*step["reads"], *step["fit_only"].values(), *state):
        if name not in known:
            raise _no_topology(f"{_cut(step['name'])} reads {_cut(name)}, not made before it")


def _check(value: dict[str, Any], expected: dict[str, Any], place: str) -> None:
    """Check a dictionary: by key, a test with its words, or a list with what is in it."""
    for key, inner in expected.items():
        where = repr(f"{place}{key}")
        if key not in value:
            raise _no_topology(f"{where} is missing")
        if isinstance(inner, list):
            _check_kind(value[key], list, where)
        items = value[key] if isinstance(inner, list) else [value[key]]
        test = inner[0] if isinstance(inner, list) else inner
        for number, item in enumerate(items):
            if isinstance(test, dict):
                _check_kind(item, dict, where)
                _check(item, test, f"{place}{key}[{number}].")
            elif not test[1](item):
                raise _no_topology(f"{where} takes {test[0]}, got {_cut(item)}")


def _check_kind(value: Any, kind: type, where: str) -> None:
    if not isinstance(value, kind):
        raise _no_topology(f"{where} takes a {kind.__name__}, got {_cut(value)}")


def _is_shape(value: Any) -> bool:
    return value is None or (
        isinstance(value, list)
        and all(size is None or (type(size) is int and 0 <= size < 2**63) for size in value)
    )


def _are_names(value: Any) -> bool:
    return isinstance(value, dict) and all(
        isinstance(part, str) for pair in value.items() for part in pair
    )


_Test = tuple[str, Callable[[Any], bool]]
_NAME: _Test = ("a name", lambda value: isinstance(value, str) and bool(value))
_TEXT: _Test = ("a text", lambda value: isinstance(value, str))
_MAYBE: _Test = ("a text or null", lambda value: value is None or isinstance(value, str))
_FLAG: _Test = ("true or false", lambda value: isinstance(value, bool))
_SHAPE: _Test = ("a list of sizes or null", _is_shape)
_INPUT: dict[str, Any] = {
    "name": _NAME,
    "kind": ("input or target", lambda value: value in ("input", "target")),
    "shape": _SHAPE,
    "fed": _SHAPE,
    "text": _TEXT,
}
_STEP: dict[str, Any] = {
    "name": _NAME,
    "kind": ("step, metric or explorer", lambda value: value in ("step", "metric", "explorer")),
    "layer": _TEXT,
    "estimator": _MAYBE,
    "passthrough": _FLAG,
    "reads": [_TEXT],
    "fit_only": ("names of nodes by keyword", _are_names),
    "state_of": _MAYBE,
    "gives": [{"name": _NAME, "which": _TEXT, "shape": _SHAPE}],
    "text": _TEXT,
}


def _cut(value: Any) -> str:
    if isinstance(value, str):
        return repr(value if len(value) <= 60 else value[:59] + "…")
    small = value is None or (isinstance(value, int | float) and abs(value) < 1e20)
    return repr(value) if small else f"a {type(value).__name__}"


def _no_topology(fault: str) -> GraphError:
    return GraphError(
        f"This describes no graph: {fault}. Pass what describe(path)['graph'] gives; if that is "
        "it, let the pipeline be saved again by whoever made it."
    )
