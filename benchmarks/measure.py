"""What every benchmark needs: fair times, peaks of memory, tables, and what it ran on.

Contenders take turns, so that a busy spell of the machine meets all of them, and the shortest
of several times is kept, for nothing makes a run too short. Memory that the system gives is
measured in a fresh process for each contender, above what its data takes.

A benchmark is a script that prints markdown, ending with `machine`, and that is over in seconds
where ``--quick`` is among its arguments. `run.py` puts what it prints into the README.
"""

from __future__ import annotations

import ctypes
import gc
import multiprocessing
import os
import platform
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

Work = Callable[[], Any]

#: Whether only to see that everything runs, on little data.
QUICK = "--quick" in sys.argv
#: What is left of the command line.
ARGUMENTS = [argument for argument in sys.argv[1:] if argument != "--quick"]

ALWAYS = ("numpy", "scipy", "scikit-learn", "pandas")


def seconds(work: Work) -> float:
    """Time one run."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def best(contenders: Mapping[str, Work], times: int = 5) -> dict[str, float]:
    """Give each contender's shortest time, in seconds; they take turns."""
    times = 1 if QUICK else times
    # Back and forth: whoever comes behind one that frees much memory pays for getting it again.
    orders = [list(contenders), list(contenders)[::-1]]
    turns = [{n: seconds(contenders[n]) for n in orders[turn % 2]} for turn in range(times)]
    return {name: min(turn[name] for turn in turns) for name in contenders}


def traced(work: Work) -> int:
    """Give the peak of memory that Python and numpy allocate, in bytes."""
    gc.collect()
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def peak(prepare: Callable[..., Work], *arguments: Any) -> int:
    """Give the peak of a fresh process's memory above what it had once all was prepared.

    `prepare` is called there with the arguments, and gives what is measured. Both must be
    importable or picklable. In bytes. Linux only.
    """
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=_send_peak, args=(sender, prepare, arguments))
    child.start()
    sender.close()
    try:
        return int(receiver.recv())
    finally:
        child.join()


def _send_peak(sender: Any, prepare: Callable[..., Work], arguments: Sequence[Any]) -> None:
    work = prepare(*arguments)
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)  # what preparing freed would be taken for nothing
    # Not ru_maxrss: through exec it starts at the parent's own peak.
    Path("/proc/self/clear_refs").write_text("5")
    before = _status("VmRSS")
    kept = work()
    sender.send(_status("VmHWM") - before)
    del kept


def _status(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field + ":"))


def exponent(sizes: Sequence[float], values: Sequence[float]) -> float:
    """Give the power of the size with which a value grows, over the upper half of the sizes.

    By least squares on the logarithms: 1 is linear. Small sizes are left out, where what has
    to be done once rules.
    """
    upper = slice(len(sizes) // 2 if len(sizes) > 3 else len(sizes) - 2, None)
    slope, _ = np.polyfit(np.log(sizes[upper]), np.log(values[upper]), 1)
    return float(slope)


def table(header: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    """Write a table in markdown; numbers get two decimals, None stays empty."""
    header = list(header)
    lines = [header, ["---"] * len(header), *([_cell(cell) for cell in row] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _cell(cell: Any) -> str:
    if cell is None:
        return ""
    return f"{cell:.2f}" if isinstance(cell, float) else str(cell)


def machine(*packages: str) -> str:
    """Tell what was measured on and with what, those of `packages` too that are missing."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    names = [*ALWAYS, *(name for name in packages if name not in ALWAYS)]
    return (
        f"Measured on {os.cpu_count()} cores of {_processor()}, {memory:.0f} GiB, "
        f"{platform.system()}, Python {platform.python_version()}, "
        f"{', '.join(map(installed, names))}.\n"
    )


def installed(package: str) -> str:
    """Give a package with its version, or say that it is not installed."""
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return f"{package} not installed"


def _processor() -> str:
    """Give the model of the processor, which `platform` does not know on Linux."""
    info = Path("/proc/cpuinfo")
    if not info.exists():
        return platform.processor() or platform.machine()
    fields: dict[str, str] = {}
    for line in info.read_text().partition("\n\n")[0].splitlines():
        key, _, value = line.partition(":")
        fields[key.strip()] = value.strip()
    if "cpu family" not in fields:
        return fields.get("model name", platform.machine())
    return "{model name}, family {cpu family}, model {model}".format_map(fields)
