"""Code of the user's own in a model: what a config names, and whether a copy is the same.

A config names classes and functions instead of holding them, and of a class it knows the arguments
that ``get_config`` tells. So the code is looked for where the model itself has it, and a copy
that was made with other arguments is not taken for one.
"""

from __future__ import annotations

import inspect
import pickle
import sys
from collections.abc import Iterator, Mapping
from types import FunctionType
from typing import Any

from skmegatron.layers.keras.backend import load_keras

#: How many objects in a model are looked at to find one function.
_MOST_OBJECTS = 10_000


def layers_of(model: Any) -> list[Any]:
    """List the layers of a model, those of the models in it included.

    Parameters
    ----------
    model : keras.Model

    Returns
    -------
    list of keras.Layer
    """
    kind = load_keras().Layer
    found: dict[int, Any] = {}
    waiting = [model]
    while waiting:
        part = waiting.pop()
        if id(part) in found:
            continue
        found[id(part)] = part
        waiting.extend(getattr(part, "layers", ()))
        waiting.extend(value for value in vars(part).values() if isinstance(value, kind))
    return list(found.values())


def code_in(config: Any, model: Any, known: Mapping[str, Any]) -> dict[str, Any]:
    """Find the classes and functions of the user's own that a config names.

    Parameters
    ----------
    config : object
        As a ``.keras`` file holds it.
    model : keras.Model
    known : mapping of str to object
        Where to look first.

    Returns
    -------
    dict of str to object
        By the names that Keras will look for.

    Raises
    ------
    PicklingError
        If one could not be found again; the message names it.
    """
    found: dict[str, Any] = {}
    for part, owner in _parts(config, ""):
        name = part["class_name"]
        if name == "__lambda__":
            raise lambda_refused(model, f"Layer {owner!r}" if owner else "A loss or metric")
        module = part.get("module") or "__main__"
        is_function = name == "function"
        if not is_function and (name.startswith("__") or _is_keras(module)):
            continue
        name = str(part["config"] if is_function else name)
        registered = name if is_function else str(part.get("registered_name") or name)
        code = _found(module, name, registered, model, known)
        if code is None:
            raise pickle.PicklingError(
                f"The model {model.name!r} uses {name!r} of {module!r}, which a saved model names "
                "but does not hold, and which cannot be found by that name. Pass it along: "
                f"Keras(..., custom_objects={{{name!r}: {name.rpartition('.')[2]}}})."
            )
        found[registered] = found[name] = code
    return found


def lambda_refused(model: Any, owner: str) -> pickle.PicklingError:
    """Make the error that refuses to write a lambda.

    Parameters
    ----------
    model : keras.Model
    owner : str
        What holds it.

    Returns
    -------
    PicklingError
    """
    return pickle.PicklingError(
        f"{owner} of the model {model.name!r} holds a lambda, which Keras refuses to load because "
        "it would run code from the file. Write the function with def in a module of yours, or as "
        "a class derived from keras.Layer."
    )


def lambda_holder(model: Any) -> str | None:
    """Name a layer of Keras that was given a lambda, such as an activation.

    Parameters
    ----------
    model : keras.Model

    Returns
    -------
    str or None
    """
    model_kind = load_keras().Model  # whose loss goes by value
    for part in layers_of(model):
        if isinstance(part, model_kind):
            continue
        for value in vars(part).values() if _is_keras(type(part).__module__) else ():
            is_lambda = isinstance(value, FunctionType) and value.__name__ == "<lambda>"
            if is_lambda and not _is_keras(value.__module__):
                return str(part.name)
    return None


def _is_keras(module: str) -> bool:
    return module.partition(".")[0] in ("builtins", "keras")


def _parts(config: Any, owner: str) -> Iterator[tuple[dict[str, Any], str]]:
    """Give each part of a config that names code, and the layer that it belongs to."""
    if isinstance(config, list):
        for item in config:
            yield from _parts(item, owner)
    elif isinstance(config, dict):
        inner = config.get("config")
        if isinstance(inner, dict) and isinstance(inner.get("name"), str):
            owner = inner["name"]
        if isinstance(config.get("class_name"), str) and "config" in config:
            yield config, owner
        for value in config.values():
            yield from _parts(value, owner)


def _found(module: str, name: str, registered: str, model: Any, known: Mapping[str, Any]) -> Any:
    keras = load_keras()
    for key in (registered, name):
        if key in known:
            return known[key]
    code = keras.saving.get_registered_object(registered)
    if code is not None:
        return code
    home: Any = None if module == "builtins" else sys.modules.get(module)
    for part in name.split("."):
        home = getattr(home, part, None)
    return home if home is not None else _held_code(model, name)


def _held_code(model: Any, name: str) -> Any:
    """Look for code that a model holds, however deep: it may be written inside a function."""
    waiting, seen = [model], {id(model)}
    while waiting and len(seen) < _MOST_OBJECTS:
        part = waiting.pop()
        for code in (type(part), part):
            if isinstance(code, type | FunctionType) and code.__name__ == name:
                return code
        for value in _inside(part):
            if id(value) not in seen:
                seen.add(id(value))
                waiting.append(value)
    return None


def _inside(part: Any) -> Iterator[Any]:
    if isinstance(part, dict):
        yield from part.values()
    elif isinstance(part, list | tuple):
        yield from part
    elif not isinstance(part, type | FunctionType):
        yield from getattr(part, "__dict__", {}).values()


def difference(model: Any, twin: Any) -> str | None:
    """Say in what a copy of a model with classes of the user's own is another model.

    Parameters
    ----------
    model, twin : keras.Model

    Returns
    -------
    str or None
        None where nothing is seen.
    """
    parts = layers_of(model)
    if all(_is_keras(type(part).__module__) for part in parts):
        return None
    for part, other in zip(parts, layers_of(twin), strict=False):
        mine, its = _traits(part), _traits(other)
        for name, value in mine.items():
            if its.get(name) != value:
                kind = type(part).__name__
                return f"{kind} has {name}={its.get(name)} in the place of {value}"
    return None


def _traits(part: Any) -> dict[str, str]:
    """Give what a layer was made with, as far as it tells; names are made anew for each."""
    traits: dict[str, Any] = {}
    if not isinstance(part, load_keras().Model):  # whose layers are looked at themselves
        traits.update(part.get_config())
    for name in inspect.signature(type(part).__init__).parameters:
        value = vars(part).get(name)
        if isinstance(value, int | float | str):
            traits[name] = value
    return {name: str(_unnamed(value)) for name, value in traits.items() if name != "name"}


def _unnamed(value: Any) -> Any:
    if isinstance(value, dict):
        told = ("name", "shared_object_id", "build_config")
        return {key: _unnamed(item) for key, item in value.items() if key not in told}
    return [_unnamed(item) for item in value] if isinstance(value, list | tuple) else value
