"""Losses, optimizers and metrics in parts that any pickle can hold.

Keras pickles them as files that name their classes, and some come back as other ones. In parts,
their classes go as all code does: by name, or by value where they cannot be imported.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any


class _Held:
    """A loss as its class and what it holds: its config may leave something out."""

    def __init__(self, loss: Any) -> None:
        self.kind = type(loss)
        self.held = dict(vars(loss))

    def together(self) -> Any:
        loss = object.__new__(self.kind)
        vars(loss).update(self.held)
        return loss


class _Described:
    """An optimizer or metric as its class and config; what it has learned is left behind."""

    def __init__(self, described: Any) -> None:
        self.kind = _public(type(described))
        self.config: Mapping[str, Any] = described.get_config()

    def together(self) -> Any:
        return self.kind.from_config(self.config)


def _public(kind: type[Any]) -> type[Any]:
    """Give the optimizer that makes one of this kind, with any backend: torch has its own."""
    known = getattr(sys.modules["keras"].optimizers, kind.__name__, kind)
    return known if kind.__module__.startswith("keras.src.") else kind


def apart(value: Any) -> Any:
    """Take objects of Keras apart, those in lists and dictionaries too.

    Parameters
    ----------
    value : object

    Returns
    -------
    object
        What `together` takes.
    """
    keras = sys.modules.get("keras")
    if isinstance(value, list | tuple):
        return type(value)(apart(one) for one in value)
    if isinstance(value, dict):
        return {name: apart(one) for name, one in value.items()}
    if keras is None:
        return value
    if isinstance(value, keras.Loss):
        return _Held(value)
    return _Described(value) if isinstance(value, keras.Optimizer | keras.Metric) else value


def together(value: Any) -> Any:
    """Put together what `apart` took apart.

    Parameters
    ----------
    value : object

    Returns
    -------
    object
    """
    if isinstance(value, list | tuple):
        return type(value)(together(one) for one in value)
    if isinstance(value, dict):
        return {name: together(one) for name, one in value.items()}
    return value.together() if isinstance(value, _Held | _Described) else value
