"""Repeatable randomness that the caller's own does not notice.

Keras draws from the global generators of Python, numpy and its backend: initializers when a
model is built, `fit` when it shuffles. `seeded` lends them a seed and puts them back.
"""

from __future__ import annotations

import importlib
import random
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from threading import RLock
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from skmegatron.layers.keras.backend import load_keras

#: The generators belong to the process, so one model at a time may use them.
_LENT = RLock()
_HIGHEST = 2**31 - 1


def draw_seed(random_state: Any) -> int:
    """Make a seed of what scikit-learn calls a random state.

    Parameters
    ----------
    random_state : int, RandomState or None
        An integer is the seed. Else a number is drawn, for None from numpy's global generator.

    Returns
    -------
    int
    """
    if isinstance(random_state, int | np.integer):
        return int(random_state) % _HIGHEST
    return int(check_random_state(random_state).randint(_HIGHEST))


def derived(seed: int, *numbers: int) -> int:
    """Make another seed of a seed and numbers.

    Parameters
    ----------
    seed : int
    *numbers : int

    Returns
    -------
    int
    """
    words = np.random.SeedSequence([seed, *numbers]).generate_state(1)
    return int(words[0]) % _HIGHEST


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Let Keras draw from a seed.

    Parameters
    ----------
    seed : int
    """
    with _LENT, _backend_seeded(seed):
        python, numpy = random.getstate(), np.random.get_state(legacy=False)
        try:
            random.seed(seed)
            np.random.seed(seed)
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)


@contextmanager
def _torch_seeded(seed: int) -> Iterator[None]:
    torch = importlib.import_module("torch")
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        yield


def _backend_seeded(seed: int) -> AbstractContextManager[None]:
    backend = load_keras().config.backend()
    if backend == "torch":
        return _torch_seeded(seed)
    if backend == "tensorflow":  # which does not tell its state, so it cannot be put back
        importlib.import_module("tensorflow").random.set_seed(seed)
    return nullcontext()  # jax has no generator of its own
