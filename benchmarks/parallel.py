"""Two branches at once, and the memory of a long chain.

    python benchmarks/parallel.py

prints how much faster two balanced branches are with ``n_jobs=2`` than one after the other, for
work of several kinds, each best of several in one run; and the peak memory of a chain of 50
steps over 1e6 x 10 floats, in arrays of that size, beyond what was there before the run (the
array that is fed is one of them). What two bare threads gain stands first: where others use the
cores, nothing below can gain more. numpy's own threads are switched off, or one branch would take
both cores.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.cluster import KMeans
from sklearn.ensemble import RandomForestClassifier
from sklearn.preprocessing import QuantileTransformer
from threadpoolctl import threadpool_limits

import skmegatron as sm

N_STEPS, SHAPE = 50, (1_000_000, 10)

Draw = Callable[[Any, Any], Any]


def branches(draw: Draw, n_jobs: int) -> sm.Pipeline:
    x, y = sm.Input("X", shape=(None,)), sm.Target("y")
    both = [draw(x, y) for _ in range(2)]
    inputs = [x, y] if any(node.step.fit_only for node in both) else x
    return sm.Pipeline(inputs, both, n_jobs=n_jobs)


def svd(X: np.ndarray) -> np.ndarray:
    return np.linalg.svd(X, full_matrices=False)[0]


def sort(X: np.ndarray) -> np.ndarray:
    return np.sort(X, axis=0)


def exponents(X: np.ndarray) -> np.ndarray:
    return np.exp(np.sin(X))


def kinds() -> dict[str, tuple[Draw, tuple[int, int], bool]]:
    """Give what is drawn in each branch, over how much data, and whether it is fitted."""
    wrap = sm.layers.Sklearn
    forest = RandomForestClassifier(30, random_state=0, n_jobs=1)
    quantiles = QuantileTransformer(subsample=None)
    return {
        "svd": (lambda x, y: sm.layers.Lambda(svd)(x), (4_000, 200), False),
        "sort": (lambda x, y: sm.layers.Lambda(sort)(x), (400_000, 10), False),
        "exp, sin": (lambda x, y: sm.layers.Lambda(exponents)(x), (1_000_000, 10), False),
        "KMeans": (lambda x, y: wrap(KMeans(8, n_init=2, random_state=0))(x), (100_000, 10), True),
        "forest": (lambda x, y: wrap(forest)(x, y=y), (10_000, 20), True),
        "quantiles": (lambda x, y: wrap(quantiles)(x), (200_000, 10), True),
    }


def best(work: Callable[[], Any], times: int = 5) -> float:
    """Give the shortest of several times, in seconds."""
    seconds = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def speed_up(draw: Draw, shape: tuple[int, int], fitted: bool) -> float:
    """Give how often the time with two workers goes into that with one."""
    X = np.random.default_rng(0).normal(size=shape)
    y = (X[:, 0] > 0).astype(int)
    seconds = []
    for n_jobs in (1, 2):
        pipeline = branches(draw, n_jobs)
        if fitted:
            seconds.append(best(lambda pipeline=pipeline: pipeline.fit(X, y)))
        else:
            seconds.append(best(lambda pipeline=pipeline: pipeline.transform(X)))
    return seconds[0] / seconds[1]


def free_cores() -> float:
    """Give what two bare threads get over one: 2 only where both cores are free."""
    X = np.random.default_rng(0).normal(size=(1_000_000, 10))

    def spend(n_threads: int) -> float:
        threads = [threading.Thread(target=exponents, args=(X,)) for _ in range(n_threads)]
        start = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return time.perf_counter() - start

    one, two = (min(spend(n) for _ in range(5)) for n in (1, 2))
    return 2 * one / two


_PEAK = """
import sys, tracemalloc
import numpy as np
import skmegatron as sm

def add(X):
    return X + 1.0

def chain(n_jobs):
    x = node = sm.Input("X", shape=(None,))
    for place in range({n_steps}):
        node = (sm.layers.Whiten() if place % 10 == 5 else sm.layers.Lambda(add))(node)
    return sm.Pipeline(x, node, n_jobs=n_jobs)

tracemalloc.start()
X = np.ones({shape}) * np.arange({shape}[1])
X += np.arange({shape}[0])[:, None] % 7
pipeline = chain({n_jobs})
tracemalloc.reset_peak()
if {fitting}:
    pipeline.fit(X)
else:
    pipeline.fit(X[:100])
    tracemalloc.reset_peak()
    pipeline.transform(X)
print(tracemalloc.get_traced_memory()[1] / X.nbytes)
"""


def peak(n_jobs: int, *, fitting: bool) -> float:
    """Give the peak memory of the chain, in arrays, measured in a process of its own."""
    code = _PEAK.format(n_steps=N_STEPS, shape=SHAPE, n_jobs=n_jobs, fitting=fitting)
    command = [sys.executable, "-c", code]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main() -> None:
    """Print the tables."""
    print(f"{'two branches':16}{'1 / 2 workers':>16}")
    with threadpool_limits(1):
        print(f"{'(bare threads)':16}{free_cores():16.2f}")
        for name, (draw, shape, fitted) in kinds().items():
            print(f"{name:16}{speed_up(draw, shape, fitted):16.2f}")
    print(f"\n{N_STEPS} steps, peak in arrays{'fit':>8}{'transform':>12}")
    for n_jobs in (1, 2):
        fit, transform = peak(n_jobs, fitting=True), peak(n_jobs, fitting=False)
        print(f"n_jobs={n_jobs:<17}{fit:16.2f}{transform:12.2f}")


if __name__ == "__main__":
    main()
