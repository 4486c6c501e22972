"""Draw the bars of docs/benchmarks.md from the tables in benchmarks/README.md.

    python docs/charts.py

The tables are the only source of the numbers; a test sees that the pictures are theirs. One
column of a table is one picture: a bar for each row, ours in colour, with its number beside it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from pathlib import Path

ROOT = Path(__file__).parent.parent
FOLDER = Path(__file__).parent / "charts"

WIDTH, LABELS, NUMBERS, BAR, GAP, TOP = 760, 300, 70, 18, 8, 12
STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#1f2328}"
    ".label{text-anchor:end}.ours{font-weight:600}"
    "rect{fill:#a3acb8}rect.ours{fill:#2f6fc4}"
)


@dataclass(frozen=True)
class Chart:
    """One picture.

    Parameters
    ----------
    section : str
        Of the benchmarks' README.
    table : int
        Which table of the section.
    column : int
        Which column of the table.
    is_ours : callable
        Tells it from a row's label.
    logarithmic : bool, default=False
        Whether a bar's length is the logarithm of its number.
    """

    section: str
    table: int
    column: int
    is_ours: Callable[[str], bool]
    logarithmic: bool = False


def _starts_with_us(label: str) -> bool:
    return label.startswith(("skmegatron", "ours"))


def _is_our_store(label: str) -> bool:
    return label in ("SQLite", "folder", "memory", "DuckDB")


CHARTS = {
    "search": Chart("search", 0, 2, _starts_with_us),
    "row": Chart("row", 0, 1, _starts_with_us, logarithmic=True),
    "write": Chart("storage", 0, 1, _is_our_store),
    "read": Chart("storage", 0, 2, _is_our_store),
}


def rows_of(chart: Chart) -> list[tuple[str, float]]:
    """Read labels and numbers from the README."""
    text = (ROOT / "benchmarks" / "README.md").read_text()
    start, end = f"<!-- {chart.section} -->", f"<!-- end {chart.section} -->"
    section = text.partition(start)[2].partition(end)[0]
    table = re.findall(r"(?:^\|.*\n)+", section, flags=re.MULTILINE)[chart.table]
    cells = [[cell.strip() for cell in row.split("|")[1:-1]] for row in table.splitlines()[2:]]
    return [(row[0].replace("`", ""), float(row[chart.column])) for row in cells]


def svg_of(chart: Chart) -> str:
    """Draw a picture."""
    rows = rows_of(chart)
    numbers = [number for _, number in rows]
    # A logarithm has no zero: the smallest bar gets a twentieth of the room.
    least = min(numbers)
    scaled = [math.log(n / least) if chart.logarithmic else n for n in numbers]
    room, most = WIDTH - LABELS - NUMBERS, max(scaled)
    first = room / 20 if chart.logarithmic else 0
    height = 2 * TOP + len(rows) * (BAR + GAP) - GAP
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
        f'viewBox="0 0 {WIDTH} {height}" role="img"><style>{STYLE}</style>'
    ]
    for place, ((label, number), length) in enumerate(zip(rows, scaled, strict=True)):
        y = TOP + place * (BAR + GAP)
        long = first + (room - first) * length / most
        ours = " ours" if chart.is_ours(label) else ""
        parts += [
            f'<text class="label{ours}" x="{LABELS - 8}" y="{y + 13}">{escape(label)}</text>',
            f'<rect class="{ours.strip()}" x="{LABELS}" y="{y}" width="{long:.1f}" '
            f'height="{BAR}" rx="2"/>',
            f'<text class="{ours.strip()}" x="{LABELS + long + 6:.1f}" y="{y + 13}">'
            f"{number:,.{0 if number >= 100 else 2}f}</text>",
        ]
    return "\n".join([*parts, "</svg>", ""])


def main() -> None:
    """Write all pictures."""
    FOLDER.mkdir(exist_ok=True)
    for name, chart in CHARTS.items():
        (FOLDER / f"{name}.svg").write_text(svg_of(chart))


if __name__ == "__main__":
    main()
