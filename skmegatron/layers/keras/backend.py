"""Import Keras with a backend that is there.

Keras does not look which backend is installed: left alone, ``import keras`` takes TensorFlow,
fails where there is none, and notes TensorFlow in ``keras.json`` all the same. So whoever needs
Keras asks `load_keras`, which chooses first, and leaves no such note behind. Keras fixes its
backend at that moment, for the rest of the process.
"""

from __future__ import annotations

import importlib.util
import json
import os
import random
import sys
from pathlib import Path
from typing import Any

import numpy as np

from skmegatron.errors import MissingDependencyError
from skmegatron.optional import optional

#: In the order in which they are taken where nobody has chosen.
BACKENDS = ("jax", "torch", "tensorflow")


def load_keras() -> Any:
    """Give the module ``keras``, imported with a backend that is installed.

    In this order: a Keras that has been imported already; the environment variable
    ``KERAS_BACKEND``; the backend in ``keras.json``, if its package is installed; then jax,
    torch or tensorflow, whichever is installed.

    Returns
    -------
    module
        ``KERAS_BACKEND`` is set from then on, so that processes started from here agree.

    Raises
    ------
    MissingDependencyError
        If Keras, or a backend for it, is not installed.

    Examples
    --------
    >>> from skmegatron.layers.keras import load_keras
    >>> keras = load_keras()
    >>> keras.backend.backend() in ("jax", "torch", "tensorflow")
    True
    """
    if hasattr(sys.modules.get("keras"), "Model"):  # less is one that is being imported
        return sys.modules["keras"]
    choose_backend()
    note = _settings_file()
    was_there = note.exists()
    drawn = random.getstate(), np.random.get_state(legacy=False)
    try:
        return optional("keras", extra="keras", purpose="A Keras layer")
    finally:
        random.setstate(drawn[0])  # importing it draws
        np.random.set_state(drawn[1])
        if not was_there:
            _forget_other_backend(note)


def choose_backend() -> None:
    """Set ``KERAS_BACKEND`` as `load_keras` would, without importing anything.

    Raises
    ------
    MissingDependencyError
        If Keras, or a backend for it, is not installed.
    """
    if "keras" in sys.modules or os.environ.get("KERAS_BACKEND"):
        return
    if not _installed("keras"):
        raise MissingDependencyError(f"A Keras layer needs the package 'keras'. {_INSTALL}")
    for name in (_noted_backend(), *BACKENDS):
        if name is not None and _installed(name):
            os.environ["KERAS_BACKEND"] = name
            return
    raise MissingDependencyError(
        f"Keras needs one of the backends {', '.join(BACKENDS)}, and none is installed. {_INSTALL}"
    )


_INSTALL = 'Install Keras with a backend: pip install "skmegatron[keras]"'


def _installed(package: str) -> bool:
    try:
        return importlib.util.find_spec(package) is not None
    except ValueError:  # a module of that name was put in place by hand
        return package in sys.modules


def _settings_file() -> Path:
    """Tell where Keras reads its settings; the same rules as its own."""
    folder = os.environ.get("KERAS_HOME")
    if folder is None:
        home = os.path.expanduser("~")
        folder = os.path.join(home if os.access(home, os.W_OK) else "/tmp", ".keras")
    return Path(folder).expanduser() / "keras.json"


def _noted_backend() -> str | None:
    try:
        noted = json.loads(_settings_file().read_text(encoding="utf-8")).get("backend")
    except (OSError, ValueError, AttributeError):  # there is none, or it holds something else
        return None
    return noted if isinstance(noted, str) else None


def _forget_other_backend(note: Path) -> None:
    """Take away settings that Keras has just made up, where they name another backend."""
    noted = _noted_backend()
    if noted is not None and noted != os.environ.get("KERAS_BACKEND"):
        note.unlink(missing_ok=True)
