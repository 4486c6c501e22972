"""How time and memory grow with rows, with steps in a chain and with branches side by side.

    python benchmarks/scale.py [--quick] [rows | steps | branches ...]

Prints, for what is done with a pipeline, the time and the peak of memory at the largest size, and
the power of the size with which each grows: 1 is linear. It is fitted by least squares on the
logarithms over the upper half of the sizes, where what is done once no longer rules.
"""

from __future__ import annotations

import gc
import pickle
import sys
import time
from collections.abc import Callable, Sequence
from copy import deepcopy
from functools import partial

import numpy as np
from measure import ARGUMENTS, QUICK, Work, exponent, machine, seconds, table, traced
from sklearn.base import clone

import skmegatron as sm

L = sm.layers
ROWS = (1_000, 10_000, 100_000, 1_000_000, 10_000_000)
STEPS = (10, 30, 100, 300, 1_000, 3_000, 10_000)
BRANCHES = (1, 3, 10, 30, 100, 300, 1_000)
FEW = np.arange(20.0).reshape(10, 2)

#: Runs of one size are repeated for so long, at least twice and at most 20 times.
SECONDS = 0.0 if QUICK else 0.3

Draw = Callable[[int], sm.Pipeline]


def mixed() -> sm.Pipeline:
    """Draw a graph over numbers with gaps and text."""
    numbers, city = sm.Input("numbers", shape=(3,)), sm.Input("city")
    scaled = L.Whiten()(L.Impute({np.nan: 0})(numbers))
    return sm.Pipeline([numbers, city], L.Concatenate()([scaled, L.OneHotLabels()(city)]))


def chain(n_steps: int) -> sm.Pipeline:
    """Draw steps one behind the other; every second one learns."""
    x = node = sm.Input("x", shape=(None,))
    for place in range(n_steps):
        node = (L.ScalarMultiply(2) if place % 2 else L.Whiten())(node)
    return sm.Pipeline(x, node)


def fan(n_branches: int) -> sm.Pipeline:
    """Draw branches from one input into one step."""
    x = sm.Input("x", shape=(None,))
    branches = [L.Whiten()(L.ScalarMultiply(2)(x)) for _ in range(n_branches)]
    return sm.Pipeline(x, L.Concatenate()(branches))


def data_of(n_rows: int) -> sm.Dataset:
    rng = np.random.default_rng(0)
    numbers = rng.normal(size=(n_rows, 3))
    numbers[rng.random(n_rows) < 0.1, 0] = np.nan
    cities = np.array(["Rome", "Oslo", "Kyiv", "Lima"], dtype=object)
    return sm.Dataset(numbers=numbers, city=cities[rng.integers(0, 4, n_rows)])


def with_rows(n_rows: int) -> dict[str, Work]:
    """Give what is measured for a number of rows."""
    data, pipe, fitted = data_of(n_rows), mixed(), mixed()
    fitted.fit(data)
    return {
        "`fit`": partial(pipe.fit, data),
        "`fit_transform`": partial(pipe.fit_transform, data),
        "`transform`": partial(fitted.transform, data),
    }


def drawn(draw: Draw, size: int) -> dict[str, Work]:
    """Give what is measured for a size of the drawing, with 10 rows of data."""
    pipe, fitted = draw(size), draw(size).fit(FEW)
    saved = pickle.dumps(fitted)
    params = pipe.get_params()
    first = next(key for key in params if key.endswith("__ddof"))
    return {
        "draw": partial(draw, size),
        "validate": lambda: draw_again(pipe).graph.validate(),
        "`clone`": partial(clone, pipe),
        "`deepcopy`, fitted": partial(deepcopy, fitted),
        "`get_params`": pipe.get_params,
        "`set_params` of one": lambda: pipe.set_params(**{first: 0}).graph,
        "`pickle.dumps`, fitted": partial(pickle.dumps, fitted),
        "`pickle.loads`, fitted": partial(pickle.loads, saved),
        "`fit`": partial(pipe.fit, FEW),
        "`transform`": partial(fitted.transform, FEW),
        "`get_feature_names_out`": fitted.get_feature_names_out,
        "`repr`": partial(repr, pipe),
    }


def draw_again(pipe: sm.Pipeline) -> sm.Pipeline:
    """Give a pipeline over the same nodes, that has not looked at its graph yet."""
    return sm.Pipeline(pipe.inputs, pipe.outputs)


def shortest(work: Work) -> float:
    """Give the shortest time, in seconds, of as many runs as there is time for.

    Without Python's garbage collector, as `timeit` does it: now and then it looks at every
    object there is, those of the benchmark too.
    """
    gc.collect()
    gc.disable()
    try:
        times = [seconds(work)]
        end = time.perf_counter() + SECONDS
        while len(times) < 2 or (len(times) < 20 and time.perf_counter() < end):
            times.append(seconds(work))
    finally:
        gc.enable()
    return min(times)


def growth(works_of: Callable[[int], dict[str, Work]], sizes: Sequence[int]) -> str:
    """Measure at every size, and write the table."""
    times: dict[str, list[float]] = {}
    peaks: dict[str, list[float]] = {}
    for size in sizes:
        for name, work in works_of(size).items():
            times.setdefault(name, []).append(shortest(work))
            peaks.setdefault(name, []).append(traced(work))
    lines = [
        [
            name,
            *(f"{one * 1e3:,.1f}" for one in (times[name][0], times[name][-1])),
            exponent(sizes, times[name]),
            f"{peaks[name][-1] / 2**20:,.1f}",
            exponent(sizes, peaks[name]),
        ]
        for name in times
    ]
    few, many = f"{sizes[0]:,}", f"{sizes[-1]:,}"
    header = ["", f"ms at {few}", f"ms at {many}", "grows with", f"MiB at {many}", "grows with"]
    return table(header, lines)


def main() -> None:
    sizes = {"rows": ROWS, "steps": STEPS, "branches": BRANCHES}
    works = {"rows": with_rows, "steps": partial(drawn, chain), "branches": partial(drawn, fan)}
    for what in ARGUMENTS or sizes:
        begin = time.perf_counter()
        print(f"### {what.capitalize()}\n")
        print(growth(works[what], sizes[what][:3] if QUICK else sizes[what]))
        print(f"{what}: {time.perf_counter() - begin:.0f} s", file=sys.stderr)
    print(machine())


if __name__ == "__main__":
    main()
