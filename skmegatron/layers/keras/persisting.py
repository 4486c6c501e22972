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
import tempfile
import warnings
import zipfile
from collections.abc import Mapping
from types import FunctionType
from typing import Any

from skmegatron.io.saving import Portable, unwrapped
from skmegatron.layers.keras.apart import apart, together
from skmegatron.layers.keras.backend import load_keras
from skmegatron.layers.keras.building import again, compiled_with
from skmegatron.layers.keras.code import code_in, difference, lambda_holder, lambda_refused
from skmegatron.layers.keras.seeding import seeded

_CONFIG = "config.json"
#: What Keras says of an optimizer that had learned nothing yet when it was saved.
_NOT_BUILT = r"Skipping variable loading for optimizer .* the saved optimizer has [12] variables"


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
    holder = lambda_holder(model)
    if holder is not None:
        raise lambda_refused(model, f"Layer {holder!r}")
    custom |= code_in(whole, model, custom)
    compiled = _for_any_backend(config.get("compile_config") or {})
    loss = getattr(model, "loss", None)
    kept = loss is not None and not _comes_back(loss)
    if kept:
        compiled["loss"] = None
    if compiled:
        content = _with_config(content, {**config, "compile_config": compiled})
    custom |= code_in(compiled, model, custom)
    state = {"content": content, "custom_objects": Portable(custom)}
    if kept:
        state["loss"] = Portable(apart(loss))
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
    with keras.saving.custom_object_scope(custom), tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model.keras")
        with open(path, "wb") as file:
            file.write(state["content"])
        with seeded(0), warnings.catch_warnings():  # weights are drawn, and then read
            # Of a template that was compiled and not fitted.
            warnings.filterwarnings("ignore", "Skipping variable loading for optimizer")
            model = keras.saving.load_model(path, safe_mode=True)
        if "loss" in state:
            loss = together(unwrapped(state["loss"]))
            again(model, {**compiled_with(model), "loss": loss})
    if model.compiled and model.jit_compile:
        # What was compiled for one backend need not be for another: torch would take a minute.
        model.jit_compile = None
    return model


def _written(model: Any) -> bytes:
    keras = load_keras()
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model.keras")
        try:
            with warnings.catch_warnings():
                # A template has nothing to lose, and a lambda is kept by value or refused.
                warnings.filterwarnings("ignore", "You are saving a model that has not yet been")
                warnings.filterwarnings("ignore", "The object being serialized includes a `lambda")
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


def _for_any_backend(config: Any) -> Any:
    """Name optimizers as everybody knows them: torch has its own, not there elsewhere."""
    if isinstance(config, list):
        return [_for_any_backend(item) for item in config]
    if not isinstance(config, dict):
        return config
    told = {key: _for_any_backend(value) for key, value in config.items()}
    own = str(told.get("module")).startswith("keras.src.backend.")
    if own and hasattr(load_keras().optimizers, str(told.get("class_name"))):
        told.update(module="keras.optimizers", registered_name=None)
    return told


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


def _try_out(state: Mapping[str, Any], model: Any) -> None:
    """Read a model with code of the user's own once, before anybody relies on it."""
    try:
        other = difference(model, unpacked(state))
    except Exception as error:  # whatever a class of the user's own raises
        names = sorted(unwrapped(state["custom_objects"])) or [type(model).__name__]
        raise pickle.PicklingError(
            f"The model {model.name!r} with {', '.join(names)} can be written but not read again: "
            f"loading stopped with {type(error).__name__}: {error}. Let get_config() give all "
            "that __init__ takes, or pass custom_objects= to the layer."
        ) from error
    if other is not None:
        raise pickle.PicklingError(
            f"The model {model.name!r} would come back as another one: {other}. Let get_config() "
            "give all that __init__ takes."
        )
