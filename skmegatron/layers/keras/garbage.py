"""Give back the memory of models that nobody holds any more.

A model is a ring of references, so Python lets go of it late, and a search makes many. Those that
no `Network` holds are collected before the next is built. Looking takes a fifth of a second, as
long as some fits, so a few small ones may wait; a large one does not.

jax keeps what it has compiled for the whole process, 10 MB for each new shape of weights. That is
what makes the next model of these shapes quick, so only after many shapes is it let go.
"""

from __future__ import annotations

import ctypes
import gc
import sys
from typing import Any
from weakref import WeakSet

from skmegatron.layers.keras.backend import load_keras

#: How many models may wait, or shapes, and how many weights all models have: 64 MB of float32.
_MANY = 8
_LARGE = 2**24

#: Shapes of the weights of models since jax has last let go of what it compiled.
_kinds: set[tuple[tuple[int, ...], ...]] = set()
_models: WeakSet[Any] = WeakSet()
_holders: WeakSet[Any] = WeakSet()


def held(model: Any, holder: Any) -> None:
    """Note that something holds a model.

    Parameters
    ----------
    model : keras.Model
    holder : Network
    """
    _kinds.add(tuple(tuple(weight.shape) for weight in model.weights))
    _models.add(model)
    _holders.add(holder)


def give_back() -> None:
    """Collect the models whose holders are gone, if they are many or large."""
    n_left = len(_models) - len(_holders)
    many_kinds = len(_kinds) > _MANY
    if many_kinds:
        _kinds.clear()
        if load_keras().config.backend() == "jax":
            sys.modules["jax"].clear_caches()
    if n_left >= _MANY or (n_left > 0 and (many_kinds or _n_weights() > _LARGE)):
        collect()


def _n_weights() -> int:
    return sum(int(model.count_params()) for model in _models if model.built)


def collect() -> None:
    """Collect the models whose holders are gone."""
    gc.collect()
    if sys.platform.startswith("linux"):
        # Compilers work in threads, whose memory glibc keeps for each: 10 MB per model with jax.
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)
