"""Pictures of a pipeline's graph: SVG, and HTML for notebooks.

What is drawn is the description of a graph (see `skmegatron.nodes.topology`), whether it comes
from a pipeline or from a file. It becomes boxes and lines here, `layout` gives them their
places, and `drawing` writes the SVG.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from skmegatron.nodes.topology import check_topology, topology
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
    return topology_svg(topology(pipeline.graph, vars(pipeline).get("_shapes", {})), rankdir)


def topology_svg(topology: Mapping[str, Any], rankdir: Rankdir | None = None) -> str:
    """Draw a graph from its description alone, as a saved file holds it.

    Parameters
    ----------
    topology : mapping
        What `skmegatron.nodes.topology.topology` gives, or ``describe(path)["graph"]``.
    rankdir : {"TB", "LR"}, default=None
        As in `pipeline_svg`.

    Returns
    -------
    str
        An SVG document, without scripts and references whatever the description says. A
        graph too large for a picture gives a note that says so.

    Raises
    ------
    ValueError
        If `rankdir` is something else.
    GraphError
        If the description is none of a graph.

    Examples
    --------
    >>> import skmegatron as sm
    >>> from skmegatron.nodes.topology import topology
    >>> x = sm.Input("x")
    >>> sm.visuals.topology_svg(topology(sm.Pipeline(x, x * 2).graph)).startswith("<svg")
    True
    """
    if rankdir not in (None, "TB", "LR"):
        raise ValueError(f"rankdir takes 'TB', 'LR' or None, got {rankdir!r}.")
    check_topology(topology)
    nodes = topology["nodes"]
    if not nodes:
        return note("There is nothing in this graph yet.")
    steps = [node for node in nodes if "reads" in node]
    n_nodes = len(nodes) + sum(max(0, len(step["gives"]) - 1) for step in steps)
    n_lines = sum(map(_n_read, steps))
    n_steps = sum(step["kind"] == "step" for step in steps)
    if n_nodes > _MOST_NODES or n_lines > _MOST_LINES:
        return _too_large(n_steps, n_lines)
    boxes, lines = _scene(topology)
    layers = into_layers(boxes, lines)
    if sum(map(len, layers)) > _MOST_CELLS:
        return _too_large(n_steps, n_lines)
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


def _scene(topology: Mapping[str, Any]) -> tuple[list[Cell], list[Line]]:
    """Make the boxes, each after what it reads, and the lines between them."""
    boxes: list[Cell] = []
    lines: list[Line] = []
    ports: dict[str, tuple[Cell, int]] = {}
    for node in topology["nodes"]:
        is_input = "reads" not in node
        box = _input_box(node) if is_input else _step_box(node)
        boxes.append(box)
        if not is_input:
            lines.extend(_lines_to(box, node, ports))
        gives = [{**node, "which": "", "shape": node["fed"]}] if is_input else node["gives"]
        box.ports = [_port_label(port) for port in gives]
        ports.update((port["name"], (box, place)) for place, port in enumerate(gives))
    for name in topology["outputs"]:
        boxes.append(Cell("output", (name,), f"output {name!r}"))
        lines.append(Line(*ports[name], boxes[-1]))
    return boxes, lines


def _lines_to(
    box: Cell, step: Mapping[str, Any], ports: Mapping[str, tuple[Cell, int]]
) -> Iterator[Line]:
    for name in step["reads"]:
        yield Line(*ports[name], box)
    for key, name in step["fit_only"].items():
        yield Line(*ports[name], box, "fit", clip(key, 20))
    if step["state_of"] is not None:
        yield Line(*ports[step["state_of"]], box, "state", "state")


def _n_read(step: Mapping[str, Any]) -> int:
    return len(step["reads"]) + len(step["fit_only"]) + (step["state_of"] is not None)


def _input_box(node: Mapping[str, Any]) -> Cell:
    kind = node["kind"]
    return Cell(
        kind, (node["name"], kind if kind == "target" else _shape(node["shape"])), node["text"]
    )


def _step_box(step: Mapping[str, Any]) -> Cell:
    name, kind = step["name"], step["kind"]
    cls = (step["estimator"] or step["layer"]).rpartition(".")[2]
    cls = "passthrough" if step["passthrough"] else cls
    lines = (name,) if cls.lower() == name.lower() else (name, cls)
    hint = f"{name}\n{step['text']}"
    return Cell(f"{kind} skm-off" if step["passthrough"] else kind, lines, hint)


def _port_label(port: Mapping[str, Any]) -> str:
    """Word what leaves a step: which of its outputs, where it has several, and the shape."""
    return f"{clip(port['which'], 20)} {_shape(port['shape'])}".strip()


def _shape(shape: Any) -> str:
    """Word the shape of a value from that of one observation."""
    if shape is None:
        return ""
    sizes = ["n", *("?" if size is None else str(size) for size in shape)]
    return clip("\N{MULTIPLICATION SIGN}".join(sizes), 20)


def _too_large(n_steps: int, n_lines: int) -> str:
    return note(
        f"{n_steps:,} steps, {n_lines:,} lines: too many to draw.",
        "Draw a part of the graph: Pipeline(inputs, node).",
    )
