"""Models as bytes and back, in any process and with any backend.

A model is written as the bytes of a ``.keras`` file. Such a file names code instead of holding
it, and forgets what some losses were made with. So code of the user's own goes beside it, by
value where it cannot be imported, and a loss that would come back as another one goes as it is.
What could not be read again is refused when it is written.
"""

from __future__ import annotations

import io
import json
import os
import pickle
import sys
import tempfile
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from types import FunctionType
from typing import Any

from skmegatron.io.saving import Portable, unwrapped
from skmegatron.layers.keras.backend import load_keras
from skmegatron.layers.keras.building import again, compiled_with, layers_of

_CONFIG = "config.json"


def packed(model: Any, custom_objects: Mapping[str, Any] | None) -> dict[str, Any]:
    """Write a model down.

    Parameters
    ----------
    model : keras.Model
    custom_objects : mapping of str to object or None
        Classes and functions of the user's own, by name.

    Returns
    -------
    dict of str to object
        What `unpacked` takes.

    Raises
    ------
    PicklingError
        If it could not be read again; the message names the part that is to blame.
    """
    content = _written(model)
    config = _config_of(content)
    custom: dict[str, Any] = dict(custom_objects or {})
    whole = {key: part for key, part in config.items() if key != "compile_config"}
    custom |= _code_in(whole, model, custom)
    compiled = dict(config.get("compile_config") or {})
    loss = getattr(model, "loss", None)
    kept = loss is not None and not _comes_back(loss)
    if kept:
        compiled["loss"] = None
        content = _with_config(content, {**config, "compile_config": compiled})
    custom |= _code_in(compiled, model, custom)
    state = {"content": content, "custom_objects": Portable(custom)}
    if kept:
        state["loss"] = Portable(_loss_apart(loss))
    if custom or kept:
        _try_out(state, model)
    return state


def unpacked(state: Mapping[str, Any]) -> Any:
    """Make the model again that `packed` has written down.

    Parameters
    ----------
    state : mapping of str to object

    Returns
    -------
    keras.Model
    """
    keras = load_keras()
    custom = unwrapped(state["custom_objects"])
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model.keras")
        with open(path, "wb") as file:
            file.write(state["content"])
        model = keras.saving.load_model(path, custom_objects=custom, safe_mode=True)
    if "loss" in state:
        with keras.saving.custom_object_scope(custom):
            again(
                model, {**compiled_with(model), "loss": _loss_together(unwrapped(state["loss"]))}
            )
    if model.compiled and model.jit_compile:
        # What was compiled for one backend need not be for another: torch would take a minute.
        model.jit_compile = None
    return model


def _written(model: Any) -> bytes:
    keras = load_keras()
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model.keras")
        try:
            with warnings.catch_warnings():  # a template has nothing to lose
                warnings.filterwarnings("ignore", "You are saving a model that has not yet been")
                keras.saving.save_model(model, path)
        except Exception as error:  # whatever a class of the user's own raises
            raise pickle.PicklingError(
                f"The model {model.name!r} ({type(model).__name__}) cannot be saved: Keras raised "
                f"{type(error).__name__}: {error}. A class of your own needs get_config()."
            ) from error
        with open(path, "rb") as file:
            return file.read()


def _config_of(content: bytes) -> dict[str, Any]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        config: dict[str, Any] = json.loads(archive.read(_CONFIG))
    return config


def _with_config(content: bytes, config: Mapping[str, Any]) -> bytes:
    changed = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as old,
        zipfile.ZipFile(changed, "w") as new,
    ):
        for member in old.infolist():
            own = member.filename == _CONFIG
            new.writestr(member, json.dumps(config) if own else old.read(member))
    return changed.getvalue()


def _code_in(config: Any, model: Any, known: Mapping[str, Any]) -> dict[str, Any]:
    """Find the classes and functions of the user's own that a config names."""
    found: dict[str, Any] = {}
    for part, owner in _parts(config, ""):
        name = part["class_name"]
        if name == "__lambda__":
            raise pickle.PicklingError(
                f"Layer {owner!r} of the model {model.name!r} holds a lambda, which Keras refuses "
                "to load because it would run code from the file. Write the function with def in "
                "a module of yours, or as a class derived from keras.Layer."
            )
        module = part.get("module") or "__main__"
        if name.startswith("__") or module.partition(".")[0] in ("builtins", "keras"):
            continue
        name = str(part["config"] if name == "function" else name)
        registered = str(part.get("registered_name") or name)
        code = _found(module, name, registered, model, known)
        if code is None:
            raise pickle.PicklingError(
                f"The model {model.name!r} uses {name!r} of {module!r}, which a saved model names "
                "but does not hold, and which cannot be found by that name. Pass it along: "
                f"Keras(..., custom_objects={{{name!r}: {name.rpartition('.')[2]}}})."
            )
        found[registered] = found[name] = code
    return found


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
    home: Any = sys.modules.get(module)
    for part in name.split("."):
        home = getattr(home, part, None)
    return home if home is not None else _local_code(model, name)


def _local_code(model: Any, name: str) -> Any:
    """Look for code that a model holds, and that was written inside a function."""
    for part in [*layers_of(model), model.loss, model.optimizer]:
        for value in (type(part), part, *getattr(part, "__dict__", {}).values()):
            if isinstance(value, type | FunctionType) and value.__name__ == name:
                return value
    return None


def _comes_back(loss: Any) -> bool:
    """Tell whether a loss is the same again when Keras has written and read it."""
    if loss is None or isinstance(loss, str):
        return True
    if isinstance(loss, list | tuple):
        return all(map(_comes_back, loss))
    if isinstance(loss, dict):
        return all(map(_comes_back, loss.values()))
    if isinstance(loss, FunctionType):
        return loss.__module__.partition(".")[0] == "keras"
    if type(loss).__module__.partition(".")[0] != "keras":
        return False
    other = type(loss).from_config(loss.get_config())
    mine, its = ({**vars(one), "_dtype_policy": None} for one in (loss, other))
    return bool(mine == its)


class _Apart:
    """A loss of Keras as its class and what it holds: pickled by itself it would forget some."""

    def __init__(self, loss: Any) -> None:
        self.kind = type(loss)
        self.held = dict(vars(loss))

    def together(self) -> Any:
        loss = object.__new__(self.kind)
        vars(loss).update(self.held)
        return loss


def _loss_apart(loss: Any) -> Any:
    if isinstance(loss, list | tuple):
        return [_loss_apart(one) for one in loss]
    if isinstance(loss, dict):
        return {name: _loss_apart(one) for name, one in loss.items()}
    return _Apart(loss) if isinstance(loss, load_keras().Loss) else loss


def _loss_together(apart: Any) -> Any:
    if isinstance(apart, list):
        return [_loss_together(one) for one in apart]
    if isinstance(apart, dict):
        return {name: _loss_together(one) for name, one in apart.items()}
    return apart.together() if isinstance(apart, _Apart) else apart


def _try_out(state: Mapping[str, Any], model: Any) -> None:
    """Read a model with code of the user's own once, before anybody relies on it."""
    try:
        unpacked(state)
    except Exception as error:  # whatever a class of the user's own raises
        names = sorted(unwrapped(state["custom_objects"])) or [type(model).__name__]
        raise pickle.PicklingError(
            f"The model {model.name!r} with {', '.join(names)} can be written but not read again: "
            f"loading stopped with {type(error).__name__}: {error}. Let get_config() give all "
            "that __init__ takes, or pass custom_objects= to the layer."
        ) from error
