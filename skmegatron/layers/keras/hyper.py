"""The hyperparameters of a Keras layer: whose they are, and which there can be.

A name with ``optimizer__``, ``compile__`` or ``fit__`` in front is for the optimizer,
``model.compile`` or ``model.fit``. Any other belongs to the build function.
"""

from __future__ import annotations

import inspect
from collections.abc import Collection, Mapping
from typing import Any

PREFIXES = ("optimizer", "compile", "fit")
#: What tells a build function about the data; no hyperparameter.
META = "meta"
#: What the layer hands to ``fit`` and ``compile`` itself.
_OURS = {
    "fit": {"x", "y", "batch_size", "epochs", "verbose", "callbacks", "shuffle"}
    | {"validation_data", "sample_weight"},
    "compile": {"optimizer", "loss", "metrics"},
    "optimizer": set(),
}


def is_template(model: Any) -> bool:
    """Tell a model from a function that builds one.

    Parameters
    ----------
    model : keras.Model or callable

    Returns
    -------
    bool
    """
    return not isinstance(model, type) and hasattr(model, "predict_on_batch")


def arguments(model: Any) -> dict[str, inspect.Parameter]:
    """Give the arguments of a build function by name; a template has none.

    Parameters
    ----------
    model : keras.Model or callable

    Returns
    -------
    dict of str to inspect.Parameter
    """
    if is_template(model) or not callable(model):
        return {}
    return dict(inspect.signature(model).parameters)


def defaults(model: Any, own: Collection[str]) -> dict[str, Any]:
    """Give the hyperparameters that a build function has defaults for.

    Parameters
    ----------
    model : keras.Model or callable
    own : collection of str
        Names of the layer's own parameters, which are told as such.

    Returns
    -------
    dict of str to object
    """
    return {
        name: parameter.default
        for name, parameter in arguments(model).items()
        if parameter.default is not parameter.empty and name != META and name not in own
    }


def check_names(model: Any, given: Collection[str], own: Collection[str]) -> None:
    """Refuse hyperparameters that nobody takes.

    Parameters
    ----------
    model : keras.Model or callable
    given : collection of str
        Names of hyperparameters.
    own : collection of str
        Names of the layer's own parameters.

    Raises
    ------
    ValueError
        If there is one; the message lists the valid names.
    """
    taken = arguments(model)
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in taken.values()):
        return
    named = {name for name in taken if name != META and name not in own}
    for name in given:
        if name in named or _is_routed(name):
            continue
        advice = ""
        if is_template(model):
            advice = " A model has no hyperparameters: hand in the function that builds it."
        valid = [*sorted({*own, *named}), *(f"{prefix}__..." for prefix in PREFIXES)]
        raise ValueError(
            f"Invalid parameter {name!r} for a layer of {label_of(model)}. Valid parameters "
            f"are: {valid}.{advice}"
        )


def routed(hyperparameters: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """Give the hyperparameters with a prefix, without it.

    Parameters
    ----------
    hyperparameters : mapping of str to object
    prefix : {"optimizer", "compile", "fit"}

    Returns
    -------
    dict of str to object
    """
    start = f"{prefix}__"
    return {name[len(start) :]: v for name, v in hyperparameters.items() if name.startswith(start)}


def for_building(hyperparameters: Mapping[str, Any]) -> dict[str, Any]:
    """Give the hyperparameters of the build function.

    Parameters
    ----------
    hyperparameters : mapping of str to object

    Returns
    -------
    dict of str to object
    """
    return {name: v for name, v in hyperparameters.items() if not _is_routed(name)}


def _is_routed(name: str) -> bool:
    """Tell ``fit__class_weight`` from an argument of the build function that is called ``fit``."""
    prefix, _, rest = name.partition("__")
    return prefix in PREFIXES and rest != ""


def check_options(prefix: str, options: Collection[str], function: Any) -> None:
    """Refuse options that a function of Keras does not take.

    Parameters
    ----------
    prefix : {"optimizer", "compile", "fit"}
    options : collection of str
    function : callable

    Raises
    ------
    ValueError
        If there is one; the message lists the valid names.
    """
    taken = inspect.signature(function).parameters
    named = {n for n, p in taken.items() if p.kind is not p.VAR_KEYWORD} - {"self"}
    valid = sorted(f"{prefix}__{name}" for name in named - _OURS[prefix])
    anything = any(p.kind is p.VAR_KEYWORD for p in taken.values()) and prefix != "optimizer"
    for name in options:
        if name in _OURS[prefix]:
            raise ValueError(
                f"{prefix}__{name} is what the layer's own parameters, and the data that it is "
                f"fitted on, say. Valid are: {valid}."
            )
        if name not in named and not anything:
            raise ValueError(
                f"Invalid parameter '{prefix}__{name}': {label_of(function)} does not take "
                f"{name!r}. Valid are: {valid}."
            )


def label_of(thing: Any) -> str:
    """Give a function's, class's or model's name, as short as one would say it.

    Parameters
    ----------
    thing : object

    Returns
    -------
    str
    """
    name = getattr(thing, "__name__", None)
    return name if isinstance(name, str) else f"<{type(thing).__name__}>"
