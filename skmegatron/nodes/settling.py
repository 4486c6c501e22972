"""Settling: values in the place of choices, and labels turned into values.

A settled layer is a clone whose choices have given way to their first candidates. Its step
remembers them by path. Setting the label of a candidate puts a clone of that candidate in
place; what it leaves open itself takes the place of what the one before left open.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, TypeAlias

from sklearn.base import clone

from skmegatron.nodes.choices import Choice, choice_in, labelled, refuse_choices
from skmegatron.nodes.core import StepNode

#: By the path of the parameter.
Choices: TypeAlias = dict[str, Choice]
#: A layer or value, and what it left open.
Settled: TypeAlias = tuple[Any, Choices]


def settled(value: Any) -> Settled:
    """Put first candidates in the place of choices.

    Parameters
    ----------
    value : object
        An estimator, a layer, or anything that a parameter can be.

    Returns
    -------
    value : object
        A clone, where it has parameters.
    choices : dict of str to Choice
        By the path of the parameter.

    Raises
    ------
    TypeError
        If there is a choice that ``set_params`` could not reach.
    """
    if not hasattr(value, "get_params") or isinstance(value, type):
        _refuse_hidden(value)
        return value, {}
    twin = clone(value)
    choices: Choices = {}
    for path, choice in value.get_params(deep=True).items():
        if isinstance(choice, Choice):
            default, below = settled(choice.default)
            twin.set_params(**{path: default})
            choices[path] = choice
            choices.update({f"{path}__{inner}": other for inner, other in below.items()})
    _refuse_hidden(twin)
    return twin, choices


def settled_layer(layer: Any) -> Settled:
    """Put first candidates in the place of the choices of a step.

    Parameters
    ----------
    layer : Layer

    Returns
    -------
    layer : Layer
        A clone.
    choices : dict of str to Choice
        By the path of the parameter, as the pipeline's ``set_params`` knows it: from
        what the layer wraps.

    Raises
    ------
    TypeError
        If there is a choice that ``set_params`` could not reach.
    """
    wrapped = layer.wrapped
    if wrapped is layer:
        return settled(layer)
    if isinstance(wrapped, Choice):
        around = [_around(layer, candidate) for candidate in wrapped.candidates]
        return settled_step(Choice(around, wrapped.labels, wrapped.distribution))
    value, choices = settled(wrapped)
    around_it = _around(layer, value)
    _refuse_hidden(around_it)
    return around_it, choices


def settled_step(choice: Choice) -> Settled:
    """Put the first candidate in the place of a step.

    Parameters
    ----------
    choice : Choice
        Between layers.

    Returns
    -------
    layer : Layer
    choices : dict of str to Choice
        With the choice itself under ``""``.

    Raises
    ------
    TypeError
        If a candidate cannot be the step, or holds a choice that ``set_params`` could not
        reach.
    """
    if choice.distribution is not None:
        raise TypeError(
            f"A step is chosen from a list of estimators, got {choice!r}. A distribution goes "
            "into the place of a parameter's value: Sklearn(Ridge(alpha=sm.choose(...)))."
        )
    every = [_candidate_layer(candidate, choice) for candidate in choice.candidates]
    outputs = {getattr(layer, "n_outputs", 1) for layer, _ in every}
    if len(outputs) > 1:
        raise TypeError(
            f"The candidates of {choice!r} have {sorted(outputs)} outputs, and the step gives "
            "one node for each. Choose between layers with the same number of outputs."
        )
    if len({bool(getattr(layer, "train_only", False)) for layer, _ in every}) > 1:
        raise TypeError(
            f"Some candidates of {choice!r} change the rows while fitting, and give a node for "
            "each that they read; the others give one value. Choose between layers of one kind, "
            "such as Resample(...) and Resample('passthrough')."
        )
    layer, below = every[0]
    labels = choice.labels or labelled([one.wrapped for one, _ in every])
    return layer, {"": Choice(choice.candidates, labels), **below}


def _candidate_layer(candidate: Any, choice: Choice) -> Settled:
    layer, below = settled_layer(candidate)
    if "" in below:
        raise TypeError(
            f"A candidate of {choice!r} is a choice between steps itself. List the candidates "
            "of both in one choose."
        )
    layer.validate()
    return layer, below


def settled_once(template: Any, settle: Callable[[Any], Settled]) -> Settled:
    """Settle what is called; called again unchanged, it gives the same layer again.

    Parameters
    ----------
    template : Layer or Choice
    settle : callable
        Does it the first time.

    Returns
    -------
    layer : Layer
    choices : dict of str to Choice
    """
    params = template.get_params() if hasattr(template, "get_params") else {}
    key = id(template)
    known, before, result = _known.get(key, (None, {}, None))
    same = before.keys() == params.keys() and all(before[name] is params[name] for name in before)
    if known is None or result is None or known() is not template or not same:
        result = settle(template)
        forget = weakref.ref(template, lambda _: _known.pop(key, None))
        _known[key] = forget, params, result
    return result


#: What has been settled, by the id of the template: not every layer can be a dictionary's key.
_known: dict[int, tuple[Any, dict[str, Any], Settled | None]] = {}


def keep_choices(drawn: Any, choices: Mapping[str, Choice]) -> Any:
    """Let the step that was just drawn remember the choices that its layer was settled from.

    Parameters
    ----------
    drawn : StepNode or sequence of StepNode
        The outputs of one step.
    choices : mapping of str to Choice

    Returns
    -------
    StepNode or sequence of StepNode
        `drawn`.
    """
    node: StepNode = drawn[0] if isinstance(drawn, list | tuple) else drawn
    node.step._set(choices=MappingProxyType(dict(choices)))
    return drawn


def put(
    choices: Mapping[str, Choice], values: Mapping[str, Any]
) -> tuple[dict[str, Any], Choices]:
    """Put candidates in the place of their labels.

    Parameters
    ----------
    choices : mapping of str to Choice
        Of a step.
    values : mapping of str to object
        What its parameters are set to, by path; ``""`` is the step.

    Returns
    -------
    values : dict of str to object
        Without labels.
    choices : dict of str to Choice
        Of the step with these values in place.

    Raises
    ------
    TypeError
        If a value is, or holds, a choice.
    ValueError
        If a word given for the step is no label.
    """
    kept = dict(choices)
    unlabelled: dict[str, Any] = {}
    # What holds a parameter comes before it: labels of the parameter may depend on it.
    for path in sorted(values, key=lambda path: (path != "", path.count("__"))):
        value = values[path]
        refuse_choices(value)
        choice = kept.get(path)
        lasting = roots(kept)
        kept = {p: c for p, c in kept.items() if p in lasting or not is_below(p, path)}
        if choice is not None and choice.names(value):
            settle = settled if path else settled_layer
            value, below = settle(choice.named(value))
            front = f"{path}__" if path else ""
            kept.update({f"{front}{inner}": other for inner, other in below.items()})
        elif choice is not None and not path and isinstance(value, str) and value != "passthrough":
            raise ValueError(
                f"{value!r} is none of the candidates {choice.listed} of this step. Name one of "
                "them, or give an estimator or 'passthrough'."
            )
        unlabelled[path] = value
    return unlabelled, kept


def roots(choices: Mapping[str, Choice]) -> list[str]:
    """List the paths of the choices that do not depend on another one.

    Parameters
    ----------
    choices : mapping of str to Choice

    Returns
    -------
    list of str
    """
    return [path for path in choices if not any(is_below(path, other) for other in choices)]


def is_below(path: str, other: str) -> bool:
    """Tell whether one path leads to a parameter of what is at another.

    Parameters
    ----------
    path, other : str

    Returns
    -------
    bool
    """
    return path != other and (not other or path.startswith(f"{other}__"))


def dependent(choice: Choice, path: str) -> Iterator[tuple[Any, Choices]]:
    """Give each candidate as it is listed, with the choices that it holds itself.

    Parameters
    ----------
    choice : Choice
    path : str
        Where the choice is in its step.

    Yields
    ------
    listed : object
    choices : dict of str to Choice
        By their paths in the candidate.
    """
    settle = settled if path else settled_layer
    for listed, candidate in zip(choice.listed, choice.candidates, strict=True):
        yield listed, {} if choice_in(candidate) is None else settle(candidate)[1]


def _around(layer: Any, wrapped: Any) -> Any:
    """Make a layer like another one, around something else."""
    params = layer.get_params(deep=False)
    return type(layer)(
        **{name: wrapped if value is layer.wrapped else value for name, value in params.items()}
    )


def _refuse_hidden(value: Any) -> None:
    choice = choice_in(value)
    if choice is not None:
        raise TypeError(
            f"{value!r} holds {choice!r} where set_params of a pipeline cannot reach it. Put "
            "choose in the place of a whole parameter of an estimator or layer, or choose "
            "between whole steps: sm.choose({'a': Sklearn(...), 'b': Sklearn(...)})(node)."
        )
