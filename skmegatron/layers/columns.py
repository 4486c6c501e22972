"""What the columns of a layer's value are called."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Names = NDArray[Any]


def numbered(name: str, n_columns: int) -> Names:
    """Give columns the name of their step and a number: ``pca0``, ``pca1``, ...

    Parameters
    ----------
    name : str
    n_columns : int

    Returns
    -------
    ndarray of str, of dtype object
    """
    return np.array([f"{name}{place}" for place in range(n_columns)], dtype=object)


def distinct_names(prefixes: Sequence[str], names: Sequence[Names]) -> Names:
    """Join the column names of several nodes, keeping them distinct.

    Parameters
    ----------
    prefixes : sequence of str
        Name of each node.
    names : sequence of ndarray of str
        Its column names.

    Returns
    -------
    ndarray of str, of dtype object
        The names as they are where all differ; else each with its node's name and ``__``
        in front, and a number where even that is not enough.
    """
    joined = [str(name) for block in names for name in block]
    if len(set(joined)) < len(joined):
        joined = [
            f"{p}__{name}" for p, block in zip(prefixes, names, strict=True) for name in block
        ]
    taken: dict[str, int] = dict.fromkeys(joined, 0)
    given: dict[str, None] = {}
    for name in joined:
        new = name
        while new in given or (new != name and new in taken):
            taken[name] += 1
            new = f"{name}-{taken[name]}"
        given[new] = None
    return np.array(list(given), dtype=object)


def one_to_one(inbound: Sequence[Names | None]) -> Names | None:
    """Pass on the names of the first inbound node."""
    return inbound[0]
