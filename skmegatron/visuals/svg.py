"""Pictures of a pipeline's graph: SVG, and HTML for notebooks.

A graph becomes boxes and lines here, `layout` gives them their places, `drawing` writes the SVG.
"""

from __future__ import annotations

from typing import Any, Literal

from skmegatron.nodes.core import InputNode, Node, Step, Target, TransformationNode
from skmegatron.nodes.graph import Graph
from skmegatron.visuals.drawing import FRAME, escaped, note, picture
from skmegatron.visuals.layout import Cell, Line, clip, into_layers, order

Rankdir = Literal["TB", "LR"]

#: Larger graphs get a note: a picture of them would stop a notebook, and show nothing.
_MOST_NODES, _MOST_LINES, _MOST_CELLS = 300, 1_200, 6_000
_NOTEBOOK = 900.0  # width of a notebook's output


def pipeline_svg(pipeline: Any, rankdir: Rankdir | None = None) -> str:
    """Draw the graph of a pipeline.

    Hovering over a box shows its parameters. Lines read only while fitting are dashed;
    shapes stand on the lines once ``fit_transform`` has seen them.

    Parameters
    ----------
    pipeline : Pipeline
    rankdir : {"TB", "LR"}, default=None
        From top to bottom or from left to right. None takes left to right where that fits
        the width of a notebook, and else what is narrower.

    Returns
    -------
    str
        An SVG document. A graph too large for a picture gives a note that says so.

    Raises
    ------
    ValueError
        If `rankdir` is something else.

    Examples
    --------
    >>> from pathlib import Path
    >>> import skmegatron as sm
    >>> x = sm.Input("x")
    >>> svg = sm.visuals.pipeline_svg(sm.Pipeline(x, x * 2))
    >>> svg.startswith("<svg"), "input" in svg
    (True, True)
    """
    if rankdir not in (None, "TB", "LR"):
        raise ValueError(f"rankdir takes 'TB', 'LR' or None, got {rankdir!r}.")
    graph: Graph = pipeline.graph
    if not graph.path:
        return note("There is nothing in this graph yet.")
    n_nodes = len(graph.path) + len(graph.metrics) + len(graph.explorers)
    n_lines = sum(1 for step in graph.names for _ in step.parents)
    if n_nodes > _MOST_NODES or n_lines > _MOST_LINES:
        return _too_large(graph)
    boxes, lines = _scene(graph, vars(pipeline).get("_shapes", {}))
    layers = into_layers(boxes, lines)
    if sum(map(len, layers)) > _MOST_CELLS:
        return _too_large(graph)
    order(layers)
    svg, width = picture(layers, lines, down=rankdir == "TB")
    if rankdir is None and width > _NOTEBOOK:
        other, its_width = picture(layers, lines, down=True)
        return other if its_width < width else svg
    return svg


def pipeline_html(pipeline: Any, rankdir: Rankdir | None = None) -> str:
    """Draw the graph of a pipeline for a notebook.

    Parameters
    ----------
    pipeline : Pipeline
    rankdir : {"TB", "LR"}, default=None
        As in `pipeline_svg`.

    Returns
    -------
    str
        One ``<div>`` without scripts and references, which follows the light or dark theme
        around it.

    Raises
    ------
    ValueError
        If `rankdir` is something else.

    Examples
    --------
    >>> import skmegatron as sm
    >>> x = sm.Input("x")
    >>> html = sm.visuals.pipeline_html(sm.Pipeline(x, x * 2, name="double", version="0.1"))
    >>> "double-0.1" in html, "not fitted" in html
    (True, True)
    """
    svg = pipeline_svg(pipeline, rankdir)
    version = getattr(pipeline, "version", None)
    title = "-".join(str(part) for part in (pipeline.name, version) if part is not None)
    title = f" <code>{escaped(title)}</code>" if title else ""
    fitted = hasattr(pipeline, "steps_")
    state = f' <span class="skm-{"" if fitted else "un"}fitted">{"" if fitted else "not "}fitted'
    return (
        f'<div class="skm skm-pipeline"><style>{FRAME}</style><div class="skm-header">'
        f"<b>Pipeline</b>{title}{state}</span></div>"
        f'<div class="skm-scroll" tabindex="0">{svg}</div></div>'
    )


def _scene(graph: Graph, shapes: dict[str, Any]) -> tuple[list[Cell], list[Line]]:
    """Make the boxes, each after what it reads, and the lines between them."""
    boxes: list[Cell] = []
    lines: list[Line] = []
    ports: dict[Node, tuple[Cell, int]] = {}

    def add(box: Cell, step: Step | None = None) -> None:
        boxes.append(box)
        if step is None:
            return
        lines.extend(Line(*ports[node], box) for node in step.inbound_nodes)
        lines.extend(
            Line(*ports[node], box, "fit", clip(key, 20)) for key, node in step.fit_only.items()
        )
        if step.state_of is not None:
            lines.append(Line(*ports[step.state_of], box, "state", "state"))

    for node in graph.path:
        if node in ports:
            continue
        if isinstance(node, InputNode):
            outputs: list[Any] = [node]
            labels = [_shape(shapes.get(node.name))]
            add(_input_box(node))
        else:
            step: Step = node.step  # type: ignore[attr-defined]
            outputs = sorted(graph.outputs_of[step], key=lambda output: output.layer_out_index)
            labels = [_port_label(output, graph, shapes) for output in outputs]
            add(_step_box(step, graph, "step"), step)
        boxes[-1].ports = labels
        ports.update((output, (boxes[-1], port)) for port, output in enumerate(outputs))
    for kind, ends in (("metric", graph.metrics), ("explorer", graph.explorers)):
        for end in dict.fromkeys(ends):
            add(_step_box(end.step, graph, kind), end.step)
    for node in dict.fromkeys(graph.outputs):
        name = graph.node_names[node]
        add(Cell("output", (name,), f"output {name!r}"))
        lines.append(Line(*ports[node], boxes[-1]))
    return boxes, lines


def _input_box(node: InputNode) -> Cell:
    kind = "target" if isinstance(node, Target) else "input"
    return Cell(kind, (node.name, kind if kind == "target" else _shape(node.shape)), repr(node))


def _step_box(step: Step, graph: Graph, kind: str) -> Cell:
    name, shown = graph.names[step], getattr(step.layer, "wrapped", step.layer)
    off = shown is None or isinstance(shown, str)
    cls = "passthrough" if off else type(shown).__name__
    lines = (name,) if cls.lower() == name.lower() else (name, cls)
    hint = f"{name}\n{shown!r}"
    if step.state_of is not None:
        hint = f"{name}\ninverse_transform of {graph.names[step.state_of.step]!r}"
    return Cell(f"{kind} skm-off" if off else kind, lines, hint)


def _port_label(node: TransformationNode, graph: Graph, shapes: dict[str, Any]) -> str:
    """Word what leaves a step: which of its outputs, where it has several, and the shape."""
    name, which = graph.node_names[node], ""
    if node.step.n_outputs > 1:
        which = name if node.step.output_names else name.removeprefix(graph.names[node.step])
    return f"{clip(which, 20)} {_shape(shapes.get(name))}".strip()


def _shape(shape: Any) -> str:
    """Word the shape of a value from that of one observation."""
    if shape is None:
        return ""
    sizes = ["n", *("?" if size is None else str(size) for size in shape)]
    return clip("\N{MULTIPLICATION SIGN}".join(sizes), 20)


def _too_large(graph: Graph) -> str:
    n_lines = sum(1 for step in graph.names for _ in step.parents)
    return note(
        f"{len(graph.steps):,} steps, {n_lines:,} lines: too many to draw.",
        "Draw a part of the graph: Pipeline(inputs, node).",
    )
