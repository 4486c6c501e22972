"""What tells equal objects of Keras to be equal, for the keys of a cache.

Keras pickles a model as a file with the time of day in it. Here it is told by what it is made
of: its config, the code of the user's own classes in it, and its weights where they matter.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from skmegatron.layers.keras.code import layers_of
from skmegatron.layers.keras.hyper import is_template


def told(value: Any, weights: str | None = None) -> Any:
    """Put plain values, functions and classes in the place of objects of Keras.

    Parameters
    ----------
    value : object
        A parameter of a layer.
    weights : str or None
        Whether those of models matter.

    Returns
    -------
    object
        What `skmegatron.io.digest` can tell from others.
    """
    if isinstance(value, list | tuple):
        return type(value)(told(item, weights) for item in value)
    if isinstance(value, dict):
        return {key: told(item, weights) for key, item in value.items()}
    keras = sys.modules.get("keras")
    if keras is None or isinstance(value, type):
        return value
    if is_template(value) and isinstance(value, keras.Model):
        return _model(value, weights)
    if isinstance(value, keras.callbacks.Callback):
        held = {k: v for k, v in vars(value).items() if k not in ("_model", "model")}
        return (type(value), told(held))
    if isinstance(value, keras.Loss):  # whose config may leave something out
        return (type(value), told({k: v for k, v in vars(value).items() if "dtype" not in k}))
    if isinstance(value, keras.Optimizer | keras.Metric | keras.Layer):
        return (type(value), value.get_config())
    return value


def _model(model: Any, weights: str | None) -> Any:
    kinds = sorted({type(part) for part in layers_of(model)}, key=lambda kind: kind.__qualname__)
    functions = [
        v for part in layers_of(model) for v in vars(part).values() if callable(v) and _own(v)
    ]
    loss = getattr(model, "loss", None) if model.compiled else None
    return (
        "model",
        model.get_config(),
        model.get_compile_config(),
        kinds,
        functions,
        told(loss),
        None if weights is None else [np.asarray(array) for array in model.get_weights()],
    )


def _own(value: Any) -> bool:
    home = getattr(value, "__module__", None) or "keras"
    is_code = isinstance(value, type) or hasattr(value, "__code__")
    return is_code and home.partition(".")[0] != "keras"
