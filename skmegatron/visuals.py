"""Pictures of a pipeline's graph: SVG, and HTML for notebooks.

The picture is laid out in layers, as Sugiyama, Tagawa and Toda (1981) have it: every box
stands behind all that it reads, and a line that passes a layer has a bend there, so that
neighbouring layers are all there is to look at. What follows is done once per layer, in
sweeps: order the cells (boxes and bends) so that few lines cross, then move each towards
its neighbours. Lines turn only between layers, which keeps them off the boxes.

All sizes are *across* a layer or *along* the flow; `rankdir` says which of the two is x.
"""

from __future__ import annotations

import math
import re
import unicodedata
from bisect import bisect_right, insort
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from html import escape
from itertools import accumulate, pairwise, starmap
from statistics import fmean, median
from typing import Any, Literal

from skmegatron.nodes.core import InputNode, Node, Step, Target
from skmegatron.nodes.graph import Graph

Rankdir = Literal["TB", "LR"]

#: Larger graphs get a note: a picture of them would stop a notebook, and show nothing.
_MOST_BOXES, _MOST_LINES = 300, 1_200
_NOTEBOOK = 900.0  # width of a notebook's output
_SWEEPS = 12
_MARGIN, _GAP, _ARROW = 14.0, 22.0, 7.0
_NAME, _CLASS, _LABEL = 12.0, 10.5, 10.0  # font sizes

_KINDS = ("input", "target", "step", "output", "metric", "explorer")
_LINES = {"fit": "only while fitting", "state": "learned state"}
_PALETTE = {  # light, dark
    "bg": ("#ffffff", "#1b1f24"),
    "ink": ("#1f2328", "#e6e9ed"),
    "soft": ("#5b6470", "#a3acb8"),
    "line": ("#76808c", "#8a94a1"),
    "rim": ("#d5d9df", "#3a414a"),
    "input": ("#2f6fc4", "#6ea8f5"),
    "target": ("#b26a00", "#e9a83b"),
    "step": ("#67717e", "#98a2af"),
    "output": ("#1f8346", "#56c07f"),
    "metric": ("#8745b8", "#c08bea"),
    "explorer": ("#0c7f86", "#4cbfc7"),
}
_LIGHT, _DARK = (
    "".join(f"--skm-{name}:{colors[place]};" for name, colors in _PALETTE.items())
    for place in (0, 1)
)


def _themes(theme: str) -> str:
    """Select what notebooks and documentation sites put around a light or dark page."""
    jupyter = {"light": "true", "dark": "false"}[theme]
    return (
        f':is([data-theme="{theme}"],[data-jp-theme-light="{jupyter}"],.vscode-{theme},'
        f'[data-vscode-theme-kind$="{theme}"],html[theme="{theme}"]) .skm'
    )


_STYLE = (
    f".skm{{{_LIGHT}}}@media (prefers-color-scheme:dark){{.skm{{{_DARK}}}}}"
    f"{_themes('light')}{{{_LIGHT}}}{_themes('dark')}{{{_DARK}}}"
    # A fixed pitch, so that the width of a text is known without a browser.
    ".skm-svg{display:block;max-width:none;background:var(--skm-bg);"
    'font-family:ui-monospace,Menlo,Consolas,"DejaVu Sans Mono",monospace}'
    ".skm-svg text{text-anchor:middle;fill:var(--skm-ink)}"
    f".skm-svg .skm-name{{font-size:{_NAME}px;font-weight:bold}}"
    f".skm-svg .skm-class{{font-size:{_CLASS}px;fill:var(--skm-soft)}}"
    f".skm-svg .skm-label{{font-size:{_LABEL}px;fill:var(--skm-soft);"
    "stroke:var(--skm-bg);stroke-width:8px;stroke-linejoin:round;paint-order:stroke}"
    ".skm-svg rect{fill-opacity:.13;stroke-width:1.3px}"
    ".skm-svg .skm-target rect{stroke-dasharray:5 3}"
    ".skm-svg .skm-output rect{stroke-width:2.6px}"
    ".skm-svg .skm-step rect{fill-opacity:.07}"
    ".skm-svg .skm-off rect,.skm-svg .skm-off text{opacity:.55}"
    ".skm-svg path{fill:none;stroke:var(--skm-line);stroke-width:1.3px}"
    ".skm-svg .skm-fit path{stroke-dasharray:5 4;stroke:var(--skm-target)}"
    ".skm-svg .skm-state path{stroke-dasharray:1.3 3.4;stroke-linecap:round;stroke-width:1.8px}"
    ".skm-svg .skm-edge .skm-arrow{fill:var(--skm-line);stroke:none}"
    ".skm-svg .skm-fit .skm-arrow{fill:var(--skm-target)}"
    ".skm-svg .skm-legend text{text-anchor:start}"
) + "".join(
    f".skm-svg .skm-{kind} rect{{fill:var(--skm-{kind});stroke:var(--skm-{kind})}}"
    for kind in _KINDS
)
_FRAME = (
    ".skm-pipeline{max-width:max-content;border:1px solid var(--skm-rim);border-radius:8px;"
    "overflow:hidden;background:var(--skm-bg);color:var(--skm-ink)}"
    ".skm-header{padding:7px 14px;border-bottom:1px solid var(--skm-rim);"
    "font:13px/1.4 system-ui,sans-serif;color:var(--skm-ink)}"
    ".skm-header span{margin-left:.8em;color:var(--skm-soft)}.skm-scroll{overflow-x:auto}"
    ".skm-header .skm-fitted{color:var(--skm-output)}"
)


@dataclass(eq=False)
class _Cell:
    """A box; or, of the kind ``bend``, the place where a line passes a layer."""

    kind: str
    lines: tuple[str, ...] = ()
    hint: str = ""
    ports: list[str] = field(default_factory=lambda: [""])  # a label per place lines leave from
    across: float = 0.0
    along: float = 0.0
    layer: int = 0
    rank: float = 0.0  # place in the layer, between 0 and 1
    at: float = 0.0  # where its middle is, across
    above: list[_Link] = field(default_factory=list)
    below: list[_Link] = field(default_factory=list)


@dataclass(eq=False)
class _Link:
    """A line, or the part of one, between neighbouring layers."""

    upper: _Cell
    port: int
    lower: _Cell
    label: str = ""
    start: float = 0.0  # from the middle of the upper cell
    end: float = 0.0  # from the middle of the lower cell


@dataclass(eq=False)
class _Line:
    """What leads from one box to another."""

    source: _Cell
    port: int
    target: _Cell
    style: str = "data"
    label: str = ""
    route: list[_Link] = field(default_factory=list)


def pipeline_svg(pipeline: Any, rankdir: Rankdir | None = None) -> str:
    """Draw the graph of a pipeline.

    Hovering over a box shows its parameters. Lines read only while fitting are dashed;
    shapes stand on the lines once ``fit_transform`` has seen them.

    Parameters
    ----------
    pipeline : Pipeline
    rankdir : {"TB", "LR"}, default=None
        From top to bottom or from left to right. None takes left to right where that fits
        the width of a notebook, and top to bottom elsewhere.

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
    >>> svg.startswith("<svg"), "multiply" in svg
    (True, True)
    """
    if rankdir not in (None, "TB", "LR"):
        raise ValueError(f"rankdir takes 'TB', 'LR' or None, got {rankdir!r}.")
    graph: Graph = pipeline.graph
    ends = [*graph.metrics, *graph.explorers]
    n_lines = sum(1 for step in graph.names for _ in step.parents)
    if not graph.path:
        return _note(["An empty graph."])
    if len(graph.path) + len(ends) > _MOST_BOXES or n_lines > _MOST_LINES:
        return _note(
            [
                f"{len(graph.steps):,} steps, {len(graph.inputs):,} inputs, "
                f"{len(graph.outputs):,} outputs",
                "Too many to draw. Draw a part: Pipeline(inputs, node).",
            ]
        )
    shapes = vars(pipeline).get("_shapes", {})
    for direction in ("LR", "TB") if rankdir is None else (rankdir,):
        svg, width = _picture(*_scene(graph, shapes), direction)
        if width <= _NOTEBOOK:
            break
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
    title = f" <code>{_text(title)}</code>" if title else ""
    fitted = hasattr(pipeline, "steps_")
    state = f'<span class="skm-{"" if fitted else "un"}fitted">{"" if fitted else "not "}fitted'
    return (
        f'<div class="skm skm-pipeline"><style>{_FRAME}</style><div class="skm-header">'
        f"<b>Pipeline</b>{title}{state}</span></div>"
        f'<div class="skm-scroll" tabindex="0">{svg}</div></div>'
    )


# From the graph to boxes and lines


def _scene(graph: Graph, shapes: dict[str, Any]) -> tuple[list[_Cell], list[_Line]]:
    """Make the boxes, each after what it reads, and the lines between them."""
    boxes: list[_Cell] = []
    lines: list[_Line] = []
    ports: dict[Node, tuple[_Cell, int]] = {}

    def add(box: _Cell, step: Step | None = None) -> None:
        boxes.append(box)
        if step is None:
            return
        lines.extend(_Line(*ports[node], box) for node in step.inbound_nodes)
        lines.extend(_Line(*ports[node], box, "fit", key) for key, node in step.fit_only.items())
        if step.state_of is not None:
            lines.append(_Line(*ports[step.state_of], box, "state", "state"))

    for node in graph.path:
        if node in ports:
            continue
        if isinstance(node, InputNode):
            outputs, labels = [node], [_shape(shapes.get(node.name))]
            add(_input_box(node))
        else:
            step: Step = node.step  # type: ignore[attr-defined]
            outputs = sorted(graph.outputs_of[step], key=lambda output: output.layer_out_index)
            names = [graph.node_names[output] for output in outputs]
            several = getattr(step.layer, "n_outputs", 1) > 1
            labels = [
                f"{name if several else ''} {_shape(shapes.get(name))}".strip() for name in names
            ]
            add(_step_box(step, graph, "step"), step)
        boxes[-1].ports = labels
        ports.update((output, (boxes[-1], port)) for port, output in enumerate(outputs))
    for kind, ends in (("metric", graph.metrics), ("explorer", graph.explorers)):
        for end in dict.fromkeys(ends):
            add(_step_box(end.step, graph, kind), end.step)
    for node in dict.fromkeys(graph.outputs):
        name = graph.node_names[node]
        add(_Cell("output", (name,), f"output {name!r}"))
        lines.append(_Line(*ports[node], boxes[-1]))
    return boxes, lines


def _input_box(node: InputNode) -> _Cell:
    kind = "target" if isinstance(node, Target) else "input"
    return _Cell(kind, (node.name, "y" if kind == "target" else _shape(node.shape)), repr(node))


def _step_box(step: Step, graph: Graph, kind: str) -> _Cell:
    name, shown = graph.names[step], getattr(step.layer, "wrapped", step.layer)
    off = shown is None or isinstance(shown, str)
    cls = "passthrough" if off else type(shown).__name__
    lines = (name,) if cls.lower() == name.lower() else (name, cls)
    hint = f"{name}\n{shown!r}"
    if step.state_of is not None:
        hint = f"{name}\ninverse_transform of {graph.names[step.state_of.step]!r}"
    return _Cell(f"{kind} skm-off" if off else kind, lines, hint)


def _shape(shape: Any) -> str:
    """Word the shape of one observation: ``n×8×8``."""
    if shape is None:
        return ""
    return "×".join(["n", *("?" if size is None else str(size) for size in shape)])


def _clip(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _text(text: str) -> str:
    """Escape what the user wrote; XML has no way to write control characters."""
    return escape(
        re.sub(r"[^\t\n -~\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "�", text)
    )


def _width(text: str, size: float) -> float:
    wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in text)
    return 0.62 * size * (len(text) + wide)


# Layout


def _slots(labels: Sequence[str], down: bool) -> list[float]:
    """Give the room, across, that lines with these labels need side by side."""
    plain = min(18.0 if down else 11.0, 320 / max(1, len(labels)))
    return [
        plain if not label else _width(label, _LABEL) + 8 if down else 15.0 for label in labels
    ]


def _middles(sizes: Sequence[float]) -> list[float]:
    """Give the middle of each of several things side by side, from the middle of all."""
    starts = accumulate(sizes, initial=-sum(sizes) / 2)
    return [start + size / 2 for start, size in zip(starts, sizes, strict=False)]


def _measure(boxes: Iterable[_Cell], lines: Iterable[_Line], down: bool) -> None:
    """Size every box so that its text and, side by side, the lines at both sides fit."""
    labels: defaultdict[_Cell, list[str]] = defaultdict(list)
    for line in lines:
        line.label = _clip(line.label, 24)
        labels[line.target].append(line.label)
    for box in boxes:
        box.lines = tuple(_clip(text, 34) for text in box.lines if text)
        box.ports = [_clip(label, 24) for label in box.ports]
        width = 26 + max(map(_width, box.lines, (_NAME, _CLASS)))
        height = 14.0 + 14 * len(box.lines)
        box.across, box.along = (width, height) if down else (height, width)
        sides = sum(_slots(labels[box], down)), sum(_slots(box.ports, down))
        box.across = max(box.across, *(side + 6 for side in sides))


def _layers(boxes: Sequence[_Cell], lines: Sequence[_Line]) -> list[list[_Cell]]:
    """Put the boxes, and bends for lines that pass a layer, into layers."""
    into: defaultdict[_Cell, list[_Line]] = defaultdict(list)
    out_of: defaultdict[_Cell, list[_Line]] = defaultdict(list)
    for line in lines:
        into[line.target].append(line)
        out_of[line.source].append(line)
    for box in boxes:
        box.layer = max((line.source.layer + 1 for line in into[box]), default=0)
    for box in reversed(boxes):  # closer to the readers, unless that makes more lines longer
        leaving = {(line.port, line.style) for line in out_of[box]}
        if leaving and len(leaving) >= len(into[box]):
            box.layer = min(line.target.layer for line in out_of[box]) - 1
    layers: list[list[_Cell]] = [[] for _ in range(1 + max(box.layer for box in boxes))]
    for box in boxes:
        layers[box.layer].append(box)
    shared: dict[tuple[Any, ...], _Link] = {}  # lines with one origin part as late as they can
    for line in lines:
        cell, port = line.source, line.port
        for layer in range(cell.layer + 1, line.target.layer):
            key = (line.source, line.port, line.style, layer)
            if key not in shared:
                bend = _Cell("bend", layer=layer)
                layers[layer].append(bend)
                shared[key] = _linked(cell, port, bend)
            line.route.append(shared[key])
            cell, port = shared[key].lower, 0
        line.route.append(_linked(cell, port, line.target, line.label))
    return layers


def _linked(upper: _Cell, port: int, lower: _Cell, label: str = "") -> _Link:
    link = _Link(upper, port, lower, label)
    upper.below.append(link)
    lower.above.append(link)
    return link


def _order(layers: list[list[_Cell]]) -> None:
    """Sort each layer by where its neighbours are, to and fro, and keep the best order."""
    best: list[list[_Cell]] = []
    fewest = math.inf
    for sweep in range(_SWEEPS):
        for cells in layers if sweep % 2 else reversed(layers):
            if sweep:
                cells.sort(key=_above if sweep % 2 else _below)
            for place, cell in enumerate(cells):
                cell.rank = (place + 0.5) / len(cells)
        crossings = _crossings(layers)
        if crossings < fewest:
            best, fewest = [list(cells) for cells in layers], crossings
    layers[:] = best
    for cells in layers:
        for place, cell in enumerate(cells):
            cell.rank = (place + 0.5) / len(cells)


def _above(cell: _Cell) -> tuple[float, float]:
    ranks = [link.upper.rank for link in cell.above] or [cell.rank]
    return fmean(ranks), fmean([link.port for link in cell.above] or [0])


def _below(cell: _Cell) -> float:
    return fmean([link.lower.rank for link in cell.below] or [cell.rank])


def _crossings(layers: Iterable[Iterable[_Cell]]) -> int:
    total = 0
    for cells in layers:
        seen: list[float] = []
        for cell in cells:
            for _, rank in sorted((link.port, link.lower.rank) for link in cell.below):
                total += len(seen) - bisect_right(seen, rank)
                insort(seen, rank)
    return total


def _place(layers: Sequence[Sequence[_Cell]], down: bool) -> None:
    """Give each cell its place across, close to its neighbours."""
    for cells in layers:
        for cell in cells:
            cell.above.sort(key=lambda link: (link.upper.rank, link.port))
            slots = _middles(_slots([link.label for link in cell.above], down))
            for link, middle in zip(cell.above, slots, strict=True):
                link.end = middle
            starts = _middles(_slots(cell.ports, down))
            for link in cell.below:
                link.start = starts[link.port]
        middles = _middles([cell.across + _GAP for cell in cells])
        for cell, middle in zip(cells, middles, strict=True):
            cell.at = middle
    for sweep in range(_SWEEPS):
        last = sweep >= _SWEEPS - 4
        for cells in layers if sweep % 2 == 0 else reversed(layers):
            _settle(cells, above=last or sweep % 2 == 0, below=last or sweep % 2 == 1)
    for thread in _threads(layers):
        _straighten(thread, layers)


def _settle(cells: Sequence[_Cell], above: bool, below: bool) -> None:
    """Move the cells of a layer to where their neighbours want them, as far as they fit.

    This is an isotonic regression, done by pooling adjacent violators.
    """
    pools: list[tuple[float, float, int]] = []  # where, weight, how many cells
    room = list(accumulate(starmap(_apart, pairwise(cells)), initial=0.0))
    for cell, before in zip(cells, room, strict=True):
        links = (cell.above if above else []) + (cell.below if below else [])
        want = median([_pull(cell, link) for link in links] or [cell.at])
        weight = sum(
            8.0 if link.upper.kind == link.lower.kind == "bend" else 1.0 for link in links
        )
        pool = (want - before, weight or 0.01, 1)
        while pools and pools[-1][0] > pool[0]:
            where, other, count = pools.pop()
            both = pool[1] + other
            pool = ((pool[0] * pool[1] + where * other) / both, both, pool[2] + count)
        pools.append(pool)
    settled = (where for where, _, count in pools for _ in range(count))
    for cell, before, where in zip(cells, room, settled, strict=True):
        cell.at = where + before


def _pull(cell: _Cell, link: _Link) -> float:
    """Tell where a cell would have to be for a link to be straight."""
    if cell is link.lower:
        return link.upper.at + link.start - link.end
    return link.lower.at + link.end - link.start


def _apart(left: _Cell, right: _Cell) -> float:
    gap = 12.0 if "bend" in (left.kind, right.kind) else _GAP
    return (left.across + right.across) / 2 + gap


def _threads(layers: Iterable[Iterable[_Cell]]) -> list[list[_Cell]]:
    """List the runs of cells that read best as one straight line, longest first."""
    follows: dict[_Cell, _Cell] = {}
    for cells in layers:
        for cell in cells:
            bends = [link for link in cell.below if link.lower.kind == "bend" == cell.kind]
            links = bends or cell.below
            if len(links) == 1 == len(links[0].lower.above) and not links[0].start:
                follows[cell] = links[0].lower
    inner = set(follows.values())
    threads = []
    for cell in follows:
        if cell in inner:
            continue
        thread = [cell]
        while thread[-1] in follows:
            thread.append(follows[thread[-1]])
        threads.append(thread)
    return sorted(threads, key=len, reverse=True)


def _straighten(thread: Sequence[_Cell], layers: Sequence[Sequence[_Cell]]) -> None:
    """Move as long runs of a thread as possible to one place across."""
    run: list[_Cell] = []
    low, high = -math.inf, math.inf
    for cell in thread:
        cells = layers[cell.layer]
        place = int(cell.rank * len(cells))
        least = cells[place - 1].at + _apart(cells[place - 1], cell) if place else -math.inf
        most = math.inf
        if place + 1 < len(cells):
            most = cells[place + 1].at - _apart(cell, cells[place + 1])
        if run and max(low, least) > min(high, most):
            _align(run, low, high)
            run, low, high = [], -math.inf, math.inf
        run.append(cell)
        low, high = max(low, least), min(high, most)
    _align(run, low, high)


def _align(run: Sequence[_Cell], low: float, high: float) -> None:
    ends = [(run[-1], link) for link in run[-1].below] + [(run[0], link) for link in run[0].above]
    wants = [_pull(*end) for end in ends]
    middle = min(max(median(cell.at for cell in run), low), high)
    best = next((want for want in wants if low <= want <= high), middle)
    for cell in run:
        cell.at = best


# Drawing


def _picture(boxes: list[_Cell], lines: list[_Line], rankdir: str) -> tuple[str, float]:
    """Lay out and draw a scene; give the SVG and its width."""
    down = rankdir == "TB"
    _measure(boxes, lines, down)
    layers = _layers(boxes, lines)
    _order(layers)
    _place(layers, down)
    bands = _bands(layers, down)
    low = min(cell.at - cell.across / 2 for cells in layers for cell in cells) - _MARGIN
    high = max(cell.at + cell.across / 2 for cells in layers for cell in cells) + _MARGIN

    def point(at: float, along: float) -> tuple[float, float]:
        x, y = (at - low, along) if down else (along, at - low)
        return round(x, 1), round(y, 1)

    width, height = point(high, bands[-1].end + _MARGIN)
    parts = [_line_svg(line, bands, point) for line in lines]
    parts += [_box_svg(box, bands[box.layer], point) for box in boxes]
    parts.append(_labels_svg(boxes, bands, point, down))
    kinds = [kind for kind in _KINDS if any(box.kind.split()[0] == kind for box in boxes)]
    kinds += [style for style in _LINES if any(line.style == style for line in lines)]
    legend, right, bottom = _legend(kinds, max(width, 420.0), height)
    aside = max(0.0, right - width) / 2
    picture = f'<g transform="translate({aside:g})">{"".join(parts)}</g>'
    return _document([picture, legend], max(width, right), bottom), width


@dataclass
class _Band:
    """Where a layer is along the flow, with room for labels before and after its boxes."""

    start: float
    end: float
    before: float
    after: float


def _bands(layers: Sequence[Sequence[_Cell]], down: bool) -> list[_Band]:
    bands: list[_Band] = []
    for cells in layers:
        links = [link for cell in cells for link in cell.above]
        turns = [abs(_pull(link.lower, link) - link.lower.at) for link in links]
        turn = min(90.0, 20 + 0.1 * max(turns, default=0.0))
        heads = [_long(link.label, down) for link in links]
        tails = [_long(cell.ports[link.port], down) for cell in cells for link in cell.below]
        before = max(heads, default=0.0) + _ARROW + 5
        start = bands[-1].end + bands[-1].after + turn + before if bands else _MARGIN
        end = start + max(cell.along for cell in cells)
        bands.append(_Band(start, end, before, max(tails, default=0.0) + 4))
    return bands


def _long(label: str, down: bool) -> float:
    if not label:
        return 0.0
    return _LABEL + 2 if down else _width(label, _LABEL) + 4


_Point = Callable[[float, float], tuple[float, float]]


def _line_svg(line: _Line, bands: Sequence[_Band], point: _Point) -> str:
    first, last = line.route[0], line.route[-1]
    steps = [("M", [(first.upper.at + first.start, bands[first.upper.layer].end)])]
    for link in line.route:
        here, there = link.upper.at + link.start, link.lower.at + link.end
        leave, arrive = bands[link.upper.layer], bands[link.lower.layer]
        begin, end = leave.end + leave.after, arrive.start - arrive.before
        if abs(here - there) > 0.3:
            half = (begin + end) / 2
            steps.append(("L", [(here, begin)]))
            steps.append(("C", [(here, half), (there, half), (there, end)]))
    at, tip = last.lower.at + last.end, bands[last.lower.layer].start
    steps.append(("L", [(at, tip - _ARROW)]))
    base = tip - _ARROW - 1
    head = _path([("M", [(at, tip)]), ("L", [(at - 3.5, base), (at + 3.5, base)])], point)
    return (
        f'<g class="skm-edge skm-{line.style}"><path d="{_path(steps, point)}"/>'
        f'<path class="skm-arrow" d="{head}Z"/></g>'
    )


def _path(steps: Iterable[tuple[str, list[tuple[float, float]]]], point: _Point) -> str:
    return "".join(
        letter + " ".join("{:g},{:g}".format(*point(*place)) for place in places)
        for letter, places in steps
    )


def _box_svg(box: _Cell, band: _Band, point: _Point) -> str:
    left, top = point(box.at - box.across / 2, band.start)
    right, bottom = point(box.at + box.across / 2, band.end)
    wide, high = right - left, bottom - top
    kind = box.kind.split()[0]
    round_ = {"step": 6.0, "metric": 0.0, "explorer": 0.0}.get(kind, min(wide, high) / 2)
    x, y = (left + right) / 2, (top + bottom) / 2 + 11 - 7 * len(box.lines)
    texts = "".join(
        f'<text class="skm-{cls}" x="{x:g}" y="{y + 14 * place:g}">{_text(text)}</text>'
        for place, (cls, text) in enumerate(zip(("name", "class"), box.lines, strict=False))
    )
    return (
        f'<g class="skm-box skm-{box.kind}"><title>{_text(_clip(box.hint, 600))}</title>'
        f'<rect x="{left:g}" y="{top:g}" width="{wide:g}" height="{high:g}" rx="{round_:g}"/>'
        f"{texts}</g>"
    )


def _labels_svg(boxes: Iterable[_Cell], bands: Sequence[_Band], point: _Point, down: bool) -> str:
    """Write the labels: shapes where lines leave a box, keywords where they arrive."""
    places = []
    for box in boxes:
        band = bands[box.layer]
        for at, text in {box.at + link.start: box.ports[link.port] for link in box.below}.items():
            places.append((text, at, band.end + 3 + _long(text, down) / 2))
        for link in box.above:
            along = band.start - _ARROW - 4 - _long(link.label, down) / 2
            places.append((link.label, box.at + link.end, along))
    parts = []
    for text, at, along in places:
        if text:
            x, y = point(at, along)
            parts.append(f'<text class="skm-label" x="{x:g}" y="{y + 3.5:g}">{_text(text)}</text>')
    return "".join(parts)


def _legend(kinds: Iterable[str], most: float, top: float) -> tuple[str, float, float]:
    """Explain the kinds of boxes and lines in a picture; give the SVG and where it ends."""
    x, y, right = _MARGIN, top + 8, 0.0
    parts = []
    for kind in kinds:
        words = _LINES.get(kind, kind)
        size = 28 + _width(words, _CLASS)
        if x > _MARGIN and x + size > most - _MARGIN:
            x, y = _MARGIN, y + 18
        sample = f'<rect x="{x:g}" y="{y - 9:g}" width="20" height="11" rx="3"/>'
        if kind in _LINES:
            sample = f'<path d="M{x:g},{y - 3.5:g}h20"/>'
        parts.append(
            f'<g class="skm-{kind}">{sample}'
            f'<text class="skm-class" x="{x + 26:g}" y="{y:g}">{words}</text></g>'
        )
        right = max(right, x + size)
        x += size + 14
    return f'<g class="skm-legend">{"".join(parts)}</g>', right + _MARGIN, y + _MARGIN


def _document(parts: Iterable[str], width: float, height: float) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="skm skm-svg" role="img" '
        f'aria-label="Pipeline graph" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}"><style>{_STYLE}</style>{"".join(parts)}</svg>'
    )


def _note(lines: Sequence[str]) -> str:
    width = 2 * _MARGIN + max(_width(line, _NAME) for line in lines)
    texts = "".join(
        f'<text class="skm-name" x="{width / 2:g}" y="{24 + 18 * place}">{_text(line)}</text>'
        for place, line in enumerate(lines)
    )
    return _document([f'<g class="skm-note">{texts}</g>'], width, 18 + 18 * len(lines))
