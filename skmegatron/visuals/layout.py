"""Where the boxes and lines of a picture are.

The picture is laid out in layers, as Sugiyama, Tagawa and Toda (1981) have it: every box
stands behind all that it reads, and a line that passes a layer has a bend there, so that
neighbouring layers are all there is to look at. What follows is done once per layer, in
sweeps: order the cells (boxes and bends) so that few lines cross, then move each towards
its neighbours. Lines turn only between layers, which keeps them off the boxes.

All sizes are *across* a layer or *along* the flow; the drawing says which of the two is x.
"""

from __future__ import annotations

import math
import unicodedata
from bisect import bisect_right, insort
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise, starmap
from statistics import fmean, median
from typing import Any

_SWEEPS = 12
_GAP = 22.0
NAME_SIZE, CLASS_SIZE, LABEL_SIZE = 12.0, 10.5, 10.0  # font sizes


@dataclass(eq=False, repr=False)
class Cell:
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
    above: list[Link] = field(default_factory=list)
    below: list[Link] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.lines = tuple(clip(text, 34) for text in self.lines if text)


@dataclass(eq=False, repr=False)
class Link:
    """A line, or the part of one, between neighbouring layers."""

    upper: Cell
    port: int
    lower: Cell
    label: str = ""
    start: float = 0.0  # from the middle of the upper cell
    end: float = 0.0  # from the middle of the lower cell

    def __post_init__(self) -> None:
        self.upper.below.append(self)
        self.lower.above.append(self)


@dataclass(eq=False, repr=False)
class Line:
    """What leads from one box to another."""

    source: Cell
    port: int
    target: Cell
    style: str = "data"
    label: str = ""
    route: list[Link] = field(default_factory=list)


def clip(text: str, most: int) -> str:
    """Cut a text that is longer than `most` characters."""
    return text if len(text) <= most else text[: most - 1] + "…"


def text_width(text: str, size: float) -> float:
    """Tell how wide a text of a font size is."""
    wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in text)
    return 0.62 * size * (len(text) + wide)


def _slots(labels: Sequence[str], down: bool) -> list[float]:
    """Give the room, across, that lines with these labels need side by side."""
    plain = min(18.0 if down else 11.0, 320 / max(1, len(labels)))
    return [
        plain if not label else text_width(label, LABEL_SIZE) + 8 if down else 15.0
        for label in labels
    ]


def _middles(sizes: Sequence[float]) -> list[float]:
    """Give the middle of each of several things side by side, from the middle of all."""
    starts = accumulate(sizes, initial=-sum(sizes) / 2)
    return [start + size / 2 for start, size in zip(starts, sizes, strict=False)]


def measure(boxes: Iterable[Cell], down: bool) -> None:
    """Size every box so that its text and, side by side, the lines at both sides fit."""
    for box in boxes:
        width = 26 + max(map(text_width, box.lines, (NAME_SIZE, CLASS_SIZE)))
        height = 14.0 + 14 * len(box.lines)
        box.across, box.along = (width, height) if down else (height, width)
        sides = [link.label for link in box.above], box.ports
        box.across = max(box.across, *(sum(_slots(labels, down)) + 6 for labels in sides))


def into_layers(boxes: Sequence[Cell], lines: Sequence[Line]) -> list[list[Cell]]:
    """Put the boxes, and bends for lines that pass a layer, into layers."""
    into: defaultdict[Cell, list[Line]] = defaultdict(list)
    out_of: defaultdict[Cell, list[Line]] = defaultdict(list)
    for line in lines:
        into[line.target].append(line)
        out_of[line.source].append(line)
    for box in boxes:
        box.layer = max((line.source.layer + 1 for line in into[box]), default=0)
    for box in reversed(boxes):  # closer to the readers, unless that makes more lines longer
        leaving = {(line.port, line.style) for line in out_of[box]}
        if leaving and len(leaving) >= len(into[box]):
            box.layer = min(line.target.layer for line in out_of[box]) - 1
    layers: list[list[Cell]] = [[] for _ in range(1 + max(box.layer for box in boxes))]
    for box in boxes:
        layers[box.layer].append(box)
    shared: dict[tuple[Any, ...], Link] = {}  # lines with one origin part as late as they can
    for line in lines:
        cell, port = line.source, line.port
        for layer in range(cell.layer + 1, line.target.layer):
            key = (line.source, line.port, line.style, layer)
            if key not in shared:
                bend = Cell("bend", layer=layer)
                layers[layer].append(bend)
                shared[key] = Link(cell, port, bend)
            line.route.append(shared[key])
            cell, port = shared[key].lower, 0
        line.route.append(Link(cell, port, line.target, line.label))
    return layers


def order(layers: list[list[Cell]]) -> None:
    """Sort each layer by where its neighbours are, to and fro, and keep the best order."""
    best, fewest = layers[:], math.inf
    for sweep in range(_SWEEPS):
        for cells in layers if sweep % 2 else reversed(layers):
            if sweep:
                cells.sort(key=_above if sweep % 2 else _below)
            _rank(cells)
        crossings = _crossings(layers)
        if crossings < fewest:
            best, fewest = [list(cells) for cells in layers], crossings
    layers[:] = best
    for cells in layers:
        _rank(cells)


def _rank(cells: Sequence[Cell]) -> None:
    for place, cell in enumerate(cells):
        cell.rank = (place + 0.5) / len(cells)


def _above(cell: Cell) -> tuple[float, float]:
    ranks = [link.upper.rank for link in cell.above] or [cell.rank]
    return fmean(ranks), fmean([link.port for link in cell.above] or [0])


def _below(cell: Cell) -> float:
    return fmean([link.lower.rank for link in cell.below] or [cell.rank])


def _crossings(layers: Iterable[Iterable[Cell]]) -> int:
    total = 0
    for cells in layers:
        seen: list[float] = []
        for cell in cells:
            for _, rank in sorted((link.port, link.lower.rank) for link in cell.below):
                total += len(seen) - bisect_right(seen, rank)
                insort(seen, rank)
    return total


def place(layers: Sequence[Sequence[Cell]], down: bool) -> None:
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
        last = sweep >= _SWEEPS - 3
        for cells in layers if sweep % 2 == 0 else reversed(layers):
            _settle(cells, above=last or sweep % 2 == 0, below=last or sweep % 2 == 1)
    for thread in _threads(layers):
        _straighten(thread, layers)


def _settle(cells: Sequence[Cell], above: bool, below: bool) -> None:
    """Move the cells of a layer to where their neighbours want them, as far as they fit.

    This is an isotonic regression, done by pooling adjacent violators.
    """
    pools: list[tuple[float, float, int]] = []  # where, weight, how many cells
    room = list(accumulate(starmap(_apart, pairwise(cells)), initial=0.0))
    for cell, before in zip(cells, room, strict=True):
        links = (cell.above if above else []) + (cell.below if below else [])
        want = median([pull(cell, link) for link in links] or [cell.at])
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


def pull(cell: Cell, link: Link) -> float:
    """Tell where a cell would have to be for a link to be straight."""
    if cell is link.lower:
        return link.upper.at + link.start - link.end
    return link.lower.at + link.end - link.start


def _apart(left: Cell, right: Cell) -> float:
    gap = 12.0 if "bend" in (left.kind, right.kind) else _GAP
    return (left.across + right.across) / 2 + gap


def _threads(layers: Iterable[Iterable[Cell]]) -> list[list[Cell]]:
    """List the runs of cells that read best as one straight line, longest first."""
    follows: dict[Cell, Cell] = {}
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


def _straighten(thread: Sequence[Cell], layers: Sequence[Sequence[Cell]]) -> None:
    """Move as long runs of a thread as possible to one place across."""
    run: list[Cell] = []
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


def _align(run: Sequence[Cell], low: float, high: float) -> None:
    ends = [(run[-1], link) for link in run[-1].below] + [(run[0], link) for link in run[0].above]
    wants = [pull(*end) for end in ends]
    middle = min(max(median(cell.at for cell in run), low), high)
    best = next((want for want in wants if low <= want <= high), middle)
    for cell in run:
        cell.at = best
