"""The SVG of a picture whose boxes and lines have been laid out, and its style.

Colors are CSS variables, so that one picture follows the light or dark theme around it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from html import escape

from skmegatron.visuals.layout import (
    CLASS_SIZE,
    LABEL_SIZE,
    NAME_SIZE,
    Cell,
    Line,
    clip,
    measure,
    place,
    pull,
    text_width,
)

_MARGIN, _ARROW = 14.0, 7.0

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
    f".skm-svg .skm-name{{font-size:{NAME_SIZE}px;font-weight:bold}}"
    f".skm-svg .skm-class{{font-size:{CLASS_SIZE}px;fill:var(--skm-soft)}}"
    f".skm-svg .skm-label{{font-size:{LABEL_SIZE}px;fill:var(--skm-soft);"
    "stroke:var(--skm-bg);stroke-width:8px;stroke-linejoin:round;paint-order:stroke}"
    ".skm-svg rect{fill-opacity:.13;stroke-width:1.3px}"
    ".skm-svg .skm-target rect{stroke-dasharray:5 3}"
    ".skm-svg .skm-output rect{stroke-width:2.6px}"
    ".skm-svg .skm-step rect{fill-opacity:.07}"
    ".skm-svg .skm-off rect,.skm-svg .skm-off text{opacity:.65}"
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
FRAME = (
    ".skm-pipeline{max-width:max-content;border:1px solid var(--skm-rim);border-radius:8px;"
    "overflow:hidden;background:var(--skm-bg);color:var(--skm-ink)}"
    ".skm-header{padding:7px 14px;border-bottom:1px solid var(--skm-rim);"
    "font:13px/1.4 system-ui,sans-serif;color:var(--skm-ink)}"
    ".skm-header span{margin-left:.8em;color:var(--skm-soft)}.skm-scroll{overflow-x:auto}"
    ".skm-header .skm-fitted{color:var(--skm-output)}"
)


def printable(text: str) -> str:
    """Replace the control characters and halves of characters that files cannot hold."""
    return re.sub(r"[^\t\n -~\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\ufffd", text)


def escaped(text: str) -> str:
    """Escape what the user wrote; XML has no way to write control characters."""
    return escape(printable(text))


_Point = Callable[[float, float], tuple[float, float]]


def picture(
    layers: Sequence[Sequence[Cell]], lines: Sequence[Line], down: bool
) -> tuple[str, float]:
    """Draw boxes and lines; give the SVG and its width."""
    boxes = [cell for cells in layers for cell in cells if cell.kind != "bend"]
    measure(boxes, down)
    place(layers, down)
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
    found = {box.kind.split()[0] for box in boxes} | {line.style for line in lines}
    kinds = [kind for kind in (*_KINDS, *_LINES) if kind in found]
    legend, right, bottom = _legend(kinds, max(width, 420.0), height)
    aside = max(0.0, right - width) / 2
    picture = f'<g transform="translate({aside:g})">{"".join(parts)}</g>'
    return _document(picture + legend, max(width, right), bottom), width


@dataclass
class _Band:
    """Where a layer is along the flow, with room for labels before and after its boxes."""

    start: float
    end: float
    before: float
    after: float


def _bands(layers: Sequence[Sequence[Cell]], down: bool) -> list[_Band]:
    bands: list[_Band] = []
    for cells in layers:
        links = [link for cell in cells for link in cell.above]
        turns = [abs(pull(link.lower, link) - link.lower.at) for link in links]
        turn = min(90.0, 20 + 0.1 * max(turns, default=0.0))
        heads = [_long(link.label, down) for link in links]
        tails = [_long(cell.ports[link.port], down) for cell in cells for link in cell.below]
        before = max(heads, default=0.0) + _ARROW + 9
        start = bands[-1].end + bands[-1].after + turn + before if bands else _MARGIN
        end = start + max(cell.along for cell in cells)
        bands.append(_Band(start, end, before, max(tails, default=0.0) + 4))
    return bands


def _long(label: str, down: bool) -> float:
    if not label:
        return 0.0
    return LABEL_SIZE + 2 if down else text_width(label, LABEL_SIZE) + 4


def _line_svg(line: Line, bands: Sequence[_Band], point: _Point) -> str:
    def path(letter: str, *places: tuple[float, float]) -> str:
        return letter + " ".join("{:g},{:g}".format(*point(*place)) for place in places)

    first, last = line.route[0], line.route[-1]
    drawn = path("M", (first.upper.at + first.start, bands[first.upper.layer].end))
    for link in line.route:
        here, there = link.upper.at + link.start, link.lower.at + link.end
        leave, arrive = bands[link.upper.layer], bands[link.lower.layer]
        begin, end = leave.end + leave.after, arrive.start - arrive.before
        if abs(here - there) > 0.3:
            half = (begin + end) / 2
            drawn += path("L", (here, begin))
            drawn += path("C", (here, half), (there, half), (there, end))
    at, tip = last.lower.at + last.end, bands[last.lower.layer].start
    base = tip - _ARROW
    arrow = path("M", (at, tip)) + path("L", (at - 3.5, base), (at + 3.5, base))
    return (
        f'<g class="skm-edge skm-{line.style}"><path d="{drawn}{path("L", (at, base))}"/>'
        f'<path class="skm-arrow" d="{arrow}Z"/></g>'
    )


def _box_svg(box: Cell, band: _Band, point: _Point) -> str:
    left, top = point(box.at - box.across / 2, band.start)
    right, bottom = point(box.at + box.across / 2, band.end)
    wide, high = right - left, bottom - top
    kind = box.kind.split()[0]
    round_ = {"step": 6.0, "metric": 0.0, "explorer": 0.0}.get(kind, min(wide, high) / 2)
    x, y = (left + right) / 2, (top + bottom) / 2 + 11 - 7 * len(box.lines)
    texts = "".join(
        f'<text class="skm-{cls}" x="{x:g}" y="{y + 14 * place:g}">{escaped(text)}</text>'
        for place, (cls, text) in enumerate(zip(("name", "class"), box.lines, strict=False))
    )
    return (
        f'<g class="skm-box skm-{box.kind}"><title>{escaped(clip(box.hint, 600))}</title>'
        f'<rect x="{left:g}" y="{top:g}" width="{wide:g}" height="{high:g}" rx="{round_:g}"/>'
        f"{texts}</g>"
    )


def _labels_svg(boxes: Iterable[Cell], bands: Sequence[_Band], point: _Point, down: bool) -> str:
    """Write the labels: shapes where lines leave a box, keywords where they arrive."""
    places = []
    for box in boxes:
        band = bands[box.layer]
        for at, text in {box.at + link.start: box.ports[link.port] for link in box.below}.items():
            places.append((text, at, band.end + 3 + _long(text, down) / 2))
        for link in box.above:
            along = band.start - _ARROW - 7 - _long(link.label, down) / 2
            places.append((link.label, box.at + link.end, along))
    parts = []
    for text, at, along in places:
        if text:
            x, y = point(at, along)
            parts.append(
                f'<text class="skm-label" x="{x:g}" y="{y + 3.5:g}">{escaped(text)}</text>'
            )
    return "".join(parts)


def _legend(kinds: Iterable[str], most: float, top: float) -> tuple[str, float, float]:
    """Explain the kinds of boxes and lines in a picture; give the SVG and where it ends."""
    x, y, right = _MARGIN, top + 8, 0.0
    parts = []
    for kind in kinds:
        words = _LINES.get(kind, kind)
        size = 28 + text_width(words, CLASS_SIZE)
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


def _document(body: str, width: float, height: float) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="skm skm-svg" role="img" '
        f'aria-label="Pipeline graph" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}"><style>{_STYLE}</style>{body}</svg>'
    )


def note(*lines: str) -> str:
    """Write lines of text in place of a picture."""
    width = 2 * _MARGIN + max(text_width(line, NAME_SIZE) for line in lines)
    texts = "".join(
        f'<text class="skm-name" x="{width / 2:g}" y="{24 + 18 * place}">{line}</text>'
        for place, line in enumerate(lines)
    )
    return _document(f'<g class="skm-note">{texts}</g>', width, 18 + 18 * len(lines))
