"""Streams beside one read of the same file, and their memory beside the number of rows.

Run with ``python benchmarks/streams.py``. A CSV of 10 columns is written; it is read by
`CSVGenerator` alone, and then fitted and transformed through one layer that learns. The time is
the best of several, printed as a multiple of one read. Peak memory is that of a process of
its own, for 200,000 and for 2,000,000 rows.
"""

import resource
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from timeit import repeat

import numpy as np
import pandas as pd

import skmegatron as sm

N_COLUMNS = 10
BATCH_SIZE = 10_000


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


def main() -> None:
    """Measure, and print ratios."""
    if len(sys.argv) > 1:  # the process whose memory is measured
        stream(Path(sys.argv[1]), BATCH_SIZE)
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
        return
    with TemporaryDirectory() as folder:
        peaks = []
        for n_rows in (200_000, 2_000_000):
            path = Path(folder) / f"{n_rows}.csv"
            write_csv(path, n_rows)
            run = [sys.executable, __file__, str(path)]
            peaks.append(int(subprocess.run(run, capture_output=True, check=True).stdout))
        print(f"peak memory, 2,000,000 rows to 200,000: {peaks[1] / peaks[0]:.3f}")
        for batch_size in (32, 1_000, 10_000, 65_536):
            path = Path(folder) / "200000.csv"
            times = 5 if batch_size > 32 else 2
            alone = min(repeat(lambda: read(path, batch_size), number=1, repeat=times))  # noqa: B023 - called at once
            both = min(repeat(lambda: stream(path, batch_size), number=1, repeat=times))  # noqa: B023 - called at once
            print(f"fit and transform, batches of {batch_size:>6}: {both / alone:.2f} reads")


if __name__ == "__main__":
    main()
