"""The calendar and entropy as objects, so that no other name hides them."""

from __future__ import annotations

import os
import random
import time
import uuid
from typing import Any

import numpy as np

_SOURCES: tuple[Any, ...] = (
    *(time.time, time.time_ns, time.localtime, time.gmtime, time.ctime, time.asctime),
    *(os.urandom, uuid.uuid1, uuid.uuid4, random.SystemRandom),
)
#: What draws from entropy unless it is seeded; the bytecode shows that under its own name only.
_GENERATORS: tuple[Any, ...] = (
    *(np.random.default_rng, np.random.RandomState, np.random.SeedSequence, random.Random),
)


def is_source(value: Any, name: str) -> bool:
    """Tell whether code that uses a thing under some name may read a clock or entropy.

    Parameters
    ----------
    value : object
    name : str

    Returns
    -------
    bool

    Examples
    --------
    >>> import time
    >>> from skmegatron.io.digest.sources import is_source
    >>> is_source(time.time, "now"), is_source(time.perf_counter, "now")
    (True, False)
    """
    if any(value is source for source in _SOURCES):
        return True
    return name != getattr(value, "__name__", name) and any(value is g for g in _GENERATORS)
