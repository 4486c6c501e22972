"""Where a warning points: to the line of whoever called the library."""

from __future__ import annotations

import inspect
from pathlib import Path

import sklearn

import skmegatron

_INSIDE = tuple(str(Path(str(package.__file__)).parent) for package in (skmegatron, sklearn))


def level_outside() -> int:
    """Count the frames up to the first that is neither ours nor scikit-learn's.

    Returns
    -------
    int
        What ``warnings.warn``, called by who calls this, takes as ``stacklevel``.
    """
    level, frame = 0, inspect.currentframe()
    while frame is not None and frame.f_code.co_filename.startswith(_INSIDE):
        level, frame = level + 1, frame.f_back
    return level
