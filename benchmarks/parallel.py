"""Two branches at once, and the memory of a long chain.

    python benchmarks/parallel.py [--quick]

Prints how much faster two balanced branches are with ``n_jobs=2`` than one after the other, for
work of several kinds, and the peak memory of a chain of 50 steps over 1e6 x 10 floats, in arrays
of that size; the array that is fed is one of them. What two bare threads gain stands first: where
others use the cores, nothing below can gain more. numpy's own threads are switched off, or one
branch would take both cores.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from measure import QUICK, Work, best, machine, table, traced
from sklearn.cluster import KMeans
from sklearn.ensemble import RandomForestClassifier
from sklearn.preprocessing import QuantileTransformer
from threadpoolctl import threadpool_limits

import skmegatron as sm

N_STEPS, N_ROWS = 50, 10_000 if QUICK else 1_000_000
#: What each number of rows below is divided by.
SMALLER = 100 if QUICK else 1

Draw = Callable[[Any, Any], Any]


def branches(draw: Draw, n_jobs: int) -> sm.Pipeline:
    """Draw the same twice, beside each other."""
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


def digests(X: np.ndarray) -> np.ndarray:
    return np.array([hashlib.sha256(row).digest() for row in X])


def kinds() -> dict[str, tuple[Draw, tuple[int, int], bool]]:
    """Give what is drawn in each branch, over how much data, and whether it is fitted."""
    wrap = sm.layers.Sklearn
    forest = RandomForestClassifier(30, random_state=0, n_jobs=1)
    quantiles = QuantileTransformer(n_quantiles=1000 // SMALLER, subsample=None)
    return {
        "`np.linalg.svd`": (lambda x, y: sm.layers.Lambda(svd)(x), (20_000, 200), False),
        "`np.sort`": (lambda x, y: sm.layers.Lambda(sort)(x), (400_000, 10), False),
        "`np.exp(np.sin(X))`": (lambda x, y: sm.layers.Lambda(exponents)(x), (10**6, 10), False),
        "`hashlib.sha256` of rows": (
            lambda x, y: sm.layers.Lambda(digests)(x),
            (400, 10**5),
            False,
        ),
        "`KMeans`": (lambda x, y: wrap(KMeans(8, n_init=2, random_state=0))(x), (10**5, 10), True),
        "a forest": (lambda x, y: wrap(forest)(x, y=y), (10_000, 20), True),
        "`QuantileTransformer`": (lambda x, y: wrap(quantiles)(x), (200_000, 10), True),
    }


def with_workers(draw: Draw, shape: tuple[int, int], fitted: bool) -> dict[str, Work]:
    """Give the same work with one worker and with two."""
    X = np.random.default_rng(0).normal(size=(shape[0] // SMALLER, shape[1]))
    y = (X[:, 0] > 0).astype(int)
    one, two = branches(draw, 1), branches(draw, 2)
    if fitted:
        return {"one": partial(one.fit, X, y), "two": partial(two.fit, X, y)}
    return {"one": partial(one.transform, X), "two": partial(two.transform, X)}


def bare_threads() -> dict[str, Work]:
    """Give work done twice, one after the other and in two threads."""
    X = np.random.default_rng(0).normal(size=(N_ROWS, 10))

    def at_once() -> None:
        threads = [threading.Thread(target=exponents, args=(X,)) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    return {"one": lambda: (exponents(X), exponents(X)), "two": at_once}


def speed_up(works: dict[str, Work]) -> float:
    """Give how often the time with two workers goes into that with one."""
    times = best(works, 7)
    return times["one"] / times["two"]


def add(X: np.ndarray) -> np.ndarray:
    return X + 1.0


def chain(n_jobs: int) -> sm.Pipeline:
    """Draw a chain in which every tenth step learns."""
    x = node = sm.Input("X", shape=(None,))
    for place in range(N_STEPS):
        node = (sm.layers.Whiten() if place % 10 == 5 else sm.layers.Lambda(add))(node)
    return sm.Pipeline(x, node, n_jobs=n_jobs)


def peaks(n_jobs: int) -> tuple[float, float]:
    """Give the peaks of a fit and of a transform, in arrays of the size of the one fed."""
    X = np.ones((N_ROWS, 10)) * np.arange(10)
    X += np.arange(N_ROWS)[:, None] % 7
    fitting, fitted = chain(n_jobs), chain(n_jobs).fit(X[:100])
    works = partial(fitting.fit, X), partial(fitted.transform, X)
    fit, transform = (1 + traced(work) / X.nbytes for work in works)
    return fit, transform


def main() -> None:
    """Print the tables."""
    with threadpool_limits(1):
        rows = [["bare threads, `np.exp(np.sin(X))`", speed_up(bare_threads())]]
        rows += [[name, speed_up(with_workers(*kind))] for name, kind in kinds().items()]
    print(table(["two branches", "one worker / two"], rows))
    header = [f"peak of {N_STEPS} steps, in arrays", "`fit`", "`transform`"]
    print(table(header, [[f"`n_jobs={n_jobs}`", *peaks(n_jobs)] for n_jobs in (1, 2)]))
    print(machine())


if __name__ == "__main__":
    main()
