"""Run the benchmarks and write what they print into the README beside this file.

    python benchmarks/run.py [--quick] [section ...]

Without a section, all of them, one after the other. A section is a script of this folder, and
what it printed last stands in the README between ``<!-- name -->`` and ``<!-- end name -->``;
everything else there is written by hand. ``--quick`` prints the new README and leaves the file
as it is.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from measure import ARGUMENTS, QUICK

FOLDER = Path(__file__).parent
README = FOLDER / "README.md"


def sections(text: str) -> list[str]:
    """List the sections of a README, in order."""
    return re.findall(r"^<!-- end (\w+) -->$", text, flags=re.MULTILINE)


def replaced(text: str, name: str, printed: str) -> str:
    """Put what a benchmark printed into its section."""
    start, end = f"<!-- {name} -->\n", f"<!-- end {name} -->\n"
    before, _, rest = text.partition(start)
    _, _, after = rest.partition(end)
    return f"{before}{start}\n{printed.strip()}\n\n{end}{after}"


def printed_by(name: str) -> str:
    """Run one benchmark. Its errors and warnings go to the screen."""
    command = [sys.executable, str(FOLDER / f"{name}.py"), *(["--quick"] if QUICK else [])]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout


def main() -> None:
    known = sections(README.read_text())
    unknown = [name for name in ARGUMENTS if name not in known]
    if unknown:
        raise SystemExit(f"The README has no section {unknown[0]!r}, only {known}.")
    text = README.read_text()
    for name in ARGUMENTS or known:
        print(f"{name} ...", file=sys.stderr)
        printed = printed_by(name)
        # Read anew: a run takes minutes, in which the words may have been changed.
        text = replaced(text if QUICK else README.read_text(), name, printed)
        if not QUICK:
            README.write_text(text)
    if QUICK:
        print(text)


if __name__ == "__main__":
    main()
