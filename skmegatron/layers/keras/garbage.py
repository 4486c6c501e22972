"""Give back the memory of models that nobody holds any more.

A model is a ring of references, so Python lets go of it late, and a search makes many. Where
there is one that no `Network` holds, it is collected before the next is built; without one,
which is the usual case, nothing is spent on looking.
"""

from __future__ import annotations

import ctypes
import gc
import sys
from typing import Any
from weakref import WeakSet

_models: WeakSet[Any] = WeakSet()
_holders: WeakSet[Any] = WeakSet()


def held(model: Any, holder: Any) -> None:
    """Note that something holds a model.

    Parameters
    ----------
    model : keras.Model
    holder : Network
    """
    _models.add(model)
    _holders.add(holder)


def give_back() -> None:
    """Collect the models whose holders are gone."""
    if len(_models) <= len(_holders):
        return
    gc.collect()
    if sys.platform.startswith("linux"):
        # Compilers work in threads, whose memory glibc keeps for each: 10 MB per model with jax.
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)
