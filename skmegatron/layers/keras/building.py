"""From a build function or a template to a fresh, compiled model.

A template is copied and never trained. What the layer's parameters say about the optimizer,
loss and metrics takes the place of what the model was compiled with; the rest stays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sklearn.utils import Bunch

from skmegatron.layers.keras.backend import load_keras
from skmegatron.layers.keras.code import code_in, difference, layers_of
from skmegatron.layers.keras.hyper import (
    META,
    arguments,
    check_options,
    for_building,
    is_template,
    label_of,
    routed,
)

#: What `compile` was told, as far as it can be asked of a model as it is.
_LIVE = ("optimizer", "loss")


def built(layer: Any, meta: Bunch, arrays: Sequence[Any]) -> Any:
    """Make the model that a layer's parameters describe.

    Parameters
    ----------
    layer : Keras
    meta : Bunch
        About the data; handed to a build function that has an argument of this name.
    arrays : sequence of ndarray
        The inputs: a model that does not know their shapes is shown one row.

    Returns
    -------
    keras.Model
        With fresh weights, or the template's; compiled.

    Raises
    ------
    TypeError
        If there is no function or model, the function lacks an argument, or returns something
        else.
    ValueError
        If there is no loss, or an option that nobody takes.
    """
    keras = load_keras()
    with keras.saving.custom_object_scope(layer.custom_objects or {}):
        if is_template(layer.model):
            model = copied(layer.model)
        elif not callable(layer.model):
            raise TypeError(
                f"{type(layer).__name__} takes a function that builds a model, or a keras.Model, "
                f"got {layer.model!r}. Write {type(layer).__name__}(build, ...)."
            )
        else:
            model = _called(layer, meta)
        if not isinstance(model, keras.Model):
            raise TypeError(
                f"{label_of(layer.model)} must return a keras.Model, got "
                f"{type(model).__name__}. Does it end in 'return model'?"
            )
        rows = [array[:1] for array in arrays]
        names = layer.input_names
        show(model, dict(zip(names, rows, strict=True)) if names else rows)
        if is_template(layer.model) and not layer.reset_weights:
            model.set_weights(layer.model.get_weights())
        _compile(layer, model)
    return model


def show(model: Any, rows: Any) -> None:
    """Let a model that does not know the shapes of its inputs make its weights.

    Parameters
    ----------
    model : keras.Model
    rows : list or dict of array of shape (1, ...)
        One row of each input.
    """
    if model.built:
        return
    if isinstance(rows, list) and len(rows) == 1:
        rows = rows[0]
    if isinstance(model, load_keras().Sequential):
        model.build((None, *rows.shape[1:]))
    else:  # its build() would be that of the user, or say that there is none
        model(rows)


def _called(layer: Any, meta: Bunch) -> Any:
    """Call the build function."""
    taken = arguments(layer.model)
    anything = any(p.kind is p.VAR_KEYWORD for p in taken.values())
    given = dict(for_building(layer.hyperparameters))
    for name, value in layer.own_params().items():
        if name in taken and name != "model" and value is not None:
            given.setdefault(name, value)
    # The arguments that a class of models leaves open are those of keras.Model.
    if META in taken or (anything and not isinstance(layer.model, type)):
        given[META] = meta
    missing = [
        name
        for name, p in taken.items()
        if name not in given
        and p.default is p.empty
        and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)
    ]
    if "model" in missing:
        raise TypeError(
            f"{label_of(layer.model)} has the argument 'model', which is what the layer calls "
            "the function itself. Give it another name."
        )
    if missing:
        names = ", ".join(f"{name}=..." for name in missing)
        raise TypeError(
            f"{label_of(layer.model)} needs {missing}, which have no default. Write "
            f"Keras({label_of(layer.model)}, {names})."
        )
    return layer.model(**given)


def copied(model: Any) -> Any:
    """Copy a model: the same structure with fresh weights, compiled in the same way.

    Parameters
    ----------
    model : keras.Model

    Returns
    -------
    keras.Model

    Raises
    ------
    TypeError
        If a class of the user's own does not tell what the model was made with.
    """
    keras = load_keras()
    lambdas = [part for part in layers_of(model) if isinstance(part, keras.layers.Lambda)]
    compiled = model.get_compile_config() if model.compiled else None
    with keras.saving.custom_object_scope(code_in(compiled, model, {})):
        if lambdas:  # what is stored of them would run code, so Keras makes none again
            twin = keras.models.clone_model(model, clone_function=_again)
        else:
            twin = keras.models.clone_model(model)
    other = difference(model, twin)
    if other is not None:
        raise TypeError(
            f"A copy of the model {model.name!r} would be another one: {other}. Let get_config() "
            "give all that __init__ takes, or hand in a function that builds it: Keras(build)."
        )
    if model.compiled:
        again(twin, compiled_with(model, fresh=True))
    return twin


def _again(part: Any) -> Any:
    if isinstance(part, load_keras().layers.Lambda):
        return part  # it has no weights, and may be shared
    return type(part).from_config(part.get_config())


def compiled_with(model: Any, *, fresh: bool = False) -> dict[str, Any]:
    """Give what a model was compiled with.

    Parameters
    ----------
    model : keras.Model
    fresh : bool, default=False
        Whether to give another optimizer, one that has not learned anything.

    Returns
    -------
    dict of str to object
        Keywords of ``compile``. Losses are the model's own: they hold nothing that changes.
    """
    keras = load_keras()
    told = dict(model.get_compile_config())
    kept = {name: getattr(model, name) for name in _LIVE}
    if fresh and kept["optimizer"] is not None:
        kept["optimizer"] = optimizer_like(kept["optimizer"], {})
    rest = {name: value for name, value in told.items() if name not in _LIVE}
    # jit_compile is what Keras has made of "auto" with this backend, which it does again.
    if rest.get("jit_compile"):
        rest["jit_compile"] = "auto"
    with keras.saving.custom_object_scope(code_in(rest, model, {})):  # it may be in metrics
        rest = {
            name: keras.saving.deserialize_keras_object(value) if value is not None else None
            for name, value in rest.items()
        }
    return kept | rest


def again(model: Any, told: Mapping[str, Any]) -> None:
    """Compile a model with what `compiled_with` gave, changed or not.

    Parameters
    ----------
    model : keras.Model
    told : mapping of str to object
    """
    model.compile(**told)


def _compile(layer: Any, model: Any) -> None:
    """Compile a model with what the layer's parameters say."""
    keras = load_keras()
    options = routed(layer.hyperparameters, "compile")
    check_options("compile", options, model.compile)
    settings = routed(layer.hyperparameters, "optimizer")
    changes = {name: getattr(layer, name) for name in ("loss", "metrics")}
    changes = {name: value for name, value in changes.items() if value is not None} | options
    if "metrics" in changes:
        changes["metrics"] = _own_metrics(changes["metrics"])
    own = model.optimizer if model.compiled else None
    if layer.optimizer is not None or settings or own is None:
        base = layer.optimizer if layer.optimizer is not None else own
        changes["optimizer"] = optimizer_like("rmsprop" if base is None else base, settings)
    elif model.compiled and not changes:
        return
    if "loss" not in changes and getattr(model, "loss", None) is None:
        loss = layer.default_loss(model)
        if loss is not None:
            changes["loss"] = loss
    before = compiled_with(model) if model.compiled else {}
    if not model.compiled and "loss" not in changes and not _has_own_loss(model, keras):
        raise ValueError(
            f"The model that {label_of(layer.model)} gives is not compiled, and nothing says "
            "what it is to minimise. Pass loss=, as in Keras(build, loss='mse'), or compile it."
        )
    again(model, before | changes)


def _has_own_loss(model: Any, keras: Any) -> bool:
    own = type(model)
    return own.compute_loss is not keras.Model.compute_loss or (
        own.train_step is not keras.Model.train_step
    )


def optimizer_like(base: Any, settings: Mapping[str, Any]) -> Any:
    """Make a new optimizer.

    Parameters
    ----------
    base : str, class or keras.Optimizer
    settings : mapping of str to object
        What to change, such as ``learning_rate``.

    Returns
    -------
    keras.Optimizer

    Raises
    ------
    ValueError
        If it has no such setting; the message lists those there are.
    """
    keras = load_keras()
    optimizer = base() if isinstance(base, type) else keras.optimizers.get(base)
    kind = type(optimizer)
    check_options("optimizer", settings, kind)
    return kind.from_config({**optimizer.get_config(), **settings})


def _own_metrics(metrics: Any) -> Any:
    """Copy the metrics in a parameter: each counts for one model."""
    if isinstance(metrics, list | tuple):
        return [_own_metrics(metric) for metric in metrics]
    if isinstance(metrics, dict):
        return {name: _own_metrics(metric) for name, metric in metrics.items()}
    if isinstance(metrics, load_keras().Metric):
        return type(metrics).from_config(metrics.get_config())
    return metrics


def loss_names(model: Any) -> str:
    """Name the loss of a model, or several of them, in one word.

    Parameters
    ----------
    model : keras.Model

    Returns
    -------
    str
        In lower case and without underscores, whether it was given by name or as an object.
    """
    loss = getattr(model, "loss", None)
    name = loss if isinstance(loss, str) else _name_of(loss)
    return name.replace("_", "").lower()


def _name_of(loss: Any) -> str:
    if callable(loss) and hasattr(loss, "__name__"):
        return str(loss.__name__)
    return type(loss).__name__
