"""Pictures of a pipeline's graph: SVG, and HTML for notebooks.

What is drawn is the description of a graph (see `skmegatron.nodes.topology`), whether it comes
from a pipeline or from a file. It becomes boxes and lines here, `layout` gives them their
places, and `drawing` writes the SVG.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    drawn = topology(pipeline.graph, vars(pipeline).get("_shapes", {}))
    return topology_svg(drawn, rankdir)


def topology_svg(topology: Mapping[str, Any], rankdir: Rankdir | None = None) -> str:
    """Draw a graph from its description, without a pipeline and without any code of it.

    Parameters
    ----------
    topology : mapping
        As `skmegatron.nodes.topology.topology` gives it, or what JSON made of that.
    rankdir : {"TB", "LR"}, default=None
        As in `pipeline_svg`.

    Returns
    -------
    str
        An SVG document without scripts and references, whatever the description says. A
        graph too large for a picture gives a note that says so.

    Raises
    ------
    ValueError
        If `rankdir` is something else.
    GraphError
        If `topology` describes no graph.

    Examples
    --------
    >>> import skmegatron as sm
    >>> from skmegatron.nodes.topology import topology
    >>> x = sm.Input("x")
    >>> pipe = sm.Pipeline(x, x * 2)
    >>> sm.visuals.topology_svg(topology(pipe.graph)) == sm.visuals.pipeline_svg(pipe)
    True
    """
    if rankdir not in (None, "TB", "LR"):
        raise ValueError(f"rankdir takes 'TB', 'LR' or None, got {rankdir!r}.")
    check_topology(topology)
    if not topology["order"]:
        return note("There is nothing in this graph yet.")
    nodes = [*topology["inputs"], *topology["metrics"], *topology["explorers"]]
    n_nodes = len(nodes) + sum(max(1, len(step["outputs"])) for step in topology["steps"])
    if n_nodes > _MOST_NODES or _n_lines(topology) > _MOST_LINES:
        return _too_large(topology)
    boxes, lines = _scene(topology)
    layers = into_layers(boxes, lines)
    if sum(map(len, layers)) > _MOST_CELLS:
        return _too_large(topology)
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
    makers: dict[str, str] = {}

    def add(step: Mapping[str, Any], kind: str) -> None:
        box = _step_box(step, kind, makers)
        boxes.append(box)
        lines.extend(Line(*ports[node], box) for node in step["inbound"])
        lines.extend(
            Line(*ports[node], box, "fit", clip(key, 20)) for key, node in step["fit_only"].items()
        )
        if step["state_of"] is not None:
            lines.append(Line(*ports[step["state_of"]], box, "state", "state"))

    inputs = {one["name"]: one for one in topology["inputs"]}
    steps = {one["name"]: one for one in topology["steps"]}
    for name in topology["order"]:
        if name in inputs:
            boxes.append(_input_box(inputs[name]))
            boxes[-1].ports = [_shape(inputs[name]["seen"])]
            ports[name] = boxes[-1], 0
            continue
        add(steps[name], "step")
        outputs = steps[name]["outputs"]
        boxes[-1].ports = [f"{clip(one['label'], 20)} {_shape(one['seen'])}" for one in outputs]
        boxes[-1].ports = [label.strip() for label in boxes[-1].ports]
        ports.update((one["name"], (boxes[-1], port)) for port, one in enumerate(outputs))
        makers.update((one["name"], name) for one in outputs)
    for kind in ("metric", "explorer"):
        for end in topology[f"{kind}s"]:
            add(end, kind)
    for name in dict.fromkeys(topology["outputs"]):
        boxes.append(Cell("output", (name,), f"output {name!r}"))
        lines.append(Line(*ports[name], boxes[-1]))
    return boxes, lines


def _input_box(one: Mapping[str, Any]) -> Cell:
    if one["kind"] == "target":
        return Cell("target", (one["name"], "target"), one["repr"])
    return Cell("input", (one["name"], _shape(one["shape"])), one["repr"])


def _step_box(step: Mapping[str, Any], kind: str, makers: Mapping[str, str]) -> Cell:
    name, label = step["name"], step["label"]
    lines = (name,) if label.lower() == name.lower() else (name, label)
    hint = f"{name}\n{step['repr']}"
    if step["state_of"] is not None:
        hint = f"{name}\ninverse_transform of {makers.get(step['state_of'])!r}"
    return Cell(f"{kind} skm-off" if step["off"] else kind, lines, hint)


def _shape(shape: Sequence[int | None] | None) -> str:
    """Word the shape of a value from that of one observation."""
    if shape is None:
        return ""
    sizes = ["n", *("?" if size is None else str(size) for size in shape)]
    return clip("\N{MULTIPLICATION SIGN}".join(sizes), 20)


def _n_lines(topology: Mapping[str, Any]) -> int:
    ends = (*topology["steps"], *topology["metrics"], *topology["explorers"])
    return sum(
        len(step["inbound"]) + len(step["fit_only"]) + (step["state_of"] is not None)
        for step in ends
    )


def _too_large(topology: Mapping[str, Any]) -> str:
    return note(
        f"{len(topology['steps']):,} steps, {_n_lines(topology):,} lines: too many to draw.",
        "Draw a part of the graph: Pipeline(inputs, node).",
    )
