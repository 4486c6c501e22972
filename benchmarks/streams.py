"""Streams beside one read of the same file, and their memory beside the number of rows.

    python benchmarks/streams.py [--quick]

A CSV of 10 columns is written; it is read by `CSVGenerator` alone, and then fitted and
transformed through one layer that learns. The time is the best of several, printed as a multiple
of one read. Peak memory is that of a process of its own, for few rows and for ten times as many.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
from measure import QUICK, best, machine, peak, table

import skmegatron as sm

N_COLUMNS = 10
N_ROWS = 2_000 if QUICK else 200_000
BATCH_SIZE = 10_000
SIZES = (32, 1_000, 10_000, 65_536)


def write_csv(path: Path, n_rows: int) -> None:
    """Write rows of numbers, block by block."""
    rng = np.random.default_rng(0)
    names = [f"c{i}" for i in range(N_COLUMNS)]
    for start in range(0, n_rows, 100_000):
        block = pd.DataFrame(rng.normal(size=(min(100_000, n_rows - start), N_COLUMNS)))
        block.columns = names
        block.to_csv(path, index=False, mode="a", header=start == 0, float_format="%.6f")


def draw_pipeline() -> sm.Pipeline:
    """Draw a graph in which one step learns."""
    inputs = [sm.Input(f"c{i}") for i in range(N_COLUMNS)]
    return sm.Pipeline(inputs, sm.layers.Whiten()(sm.layers.Concatenate()(inputs)))


def read(path: Path, batch_size: int) -> None:
    for _ in sm.io.CSVGenerator(path, batch_size):
        pass


def stream(path: Path, batch_size: int) -> None:
    batches = sm.io.CSVGenerator(path, batch_size)
    pipe = draw_pipeline().fit_generator(batches)
    for _ in pipe.transform_generator(batches):
        pass


def streaming(path: Path) -> Callable[[], None]:
    return partial(stream, path, BATCH_SIZE)


def main() -> None:
    """Measure, and print ratios."""
    with TemporaryDirectory() as folder:
        peaks = []
        for n_rows in (N_ROWS, 10 * N_ROWS):
            path = Path(folder) / f"{n_rows}.csv"
            write_csv(path, n_rows)
            peaks.append(peak(streaming, path))
        path = Path(folder) / f"{N_ROWS}.csv"
        reads = []
        for size in SIZES:
            alone, both = partial(read, path, size), partial(stream, path, size)
            times = best({"alone": alone, "both": both}, times=2 if size == 32 else 5)
            reads.append(times["both"] / times["alone"])
    header = ["rows of a batch", *(f"{size:,}" for size in SIZES)]
    print(table(header, [["fit and transform / one read", *reads]]))
    print(
        f"Peak memory beyond the imports is {peaks[0] / 2**20:.0f} MiB with {N_ROWS:,} rows, and "
        f"{peaks[1] / peaks[0]:.2f} times that with {10 * N_ROWS:,}.\n"
    )
    print(machine())


if __name__ == "__main__":
    main()
