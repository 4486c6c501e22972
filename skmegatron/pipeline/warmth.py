"""Go on from an earlier fit: which steps can, and what they start from.

A step that goes on is fitted as a copy of what it was, with ``warm_start=True``; what that
means is up to its estimator. The fitted pipeline is left alone until all has gone well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

from sklearn.base import clone

from skmegatron.layers.adapters import Sklearn
from skmegatron.nodes.core import Step
from skmegatron.nodes.graph import Graph


def warm_layers(
    graph: Graph, asked: str | Sequence[str] | None, fitted: Mapping[str, Any]
) -> dict[str, Any]:
    """Give the layers that go on from what they have learned.

    Parameters
    ----------
    graph : Graph
    asked : str, sequence of str or None
        Names of steps. Those whose own parameter ``warm_start`` is True go on in any case.
    fitted : mapping of str to layer
        What was fitted before, by name. What is not in it, or was of another kind, starts anew.

    Returns
    -------
    dict of str to layer
        Ready to be fitted; none of `fitted`.

    Raises
    ------
    ValueError
        If a name is no step's, or that of one that cannot go on.
    """
    names = [asked] if isinstance(asked, str) else list(asked or ())
    steps = graph.by_name
    able = [name for name, step in steps.items() if _goes_on(step)] if names else []
    for name in names:
        if name not in able:
            raise ValueError(_refusal(graph, name, able))
    chosen = [name for name, step in steps.items() if name in names or _told_to_go_on(step)]
    return {
        name: _going_on(steps[name].layer, fitted[name])
        for name in chosen
        if name in fitted and _kind(fitted[name]) == _kind(steps[name].layer)
    }


def cool_down(graph: Graph, layers: Mapping[str, Any], warm: Mapping[str, Any]) -> None:
    """Give the layers that went on the parameters of their steps again.

    Parameters
    ----------
    graph : Graph
    layers : mapping of str to layer
        Fitted; this changes them.
    warm : mapping of str to layer
        Those that `warm_layers` gave.
    """
    for name in warm:
        own = _params(graph.by_name[name])["warm_start"]
        fitted = layers[name]
        (fitted.current if isinstance(fitted, Sklearn) else fitted).set_params(warm_start=own)


def _going_on(template: Any, fitted: Any) -> Any:
    if isinstance(template, Sklearn):
        layer = clone(template)
        layer.go_on_from(fitted)
        return layer
    layer = deepcopy(fitted)
    return layer.set_params(**{**clone(template).get_params(deep=False), "warm_start": True})


def _told_to_go_on(step: Step) -> bool:
    # Every fit asks this of every step, and hardly any says yes: get_params takes longer.
    return bool(getattr(_named(step), "warm_start", False)) and _goes_on(step)


def _goes_on(step: Step) -> bool:
    return bool(getattr(step.layer, "stateful", True)) and "warm_start" in _params(step)


def _named(step: Step) -> Any:
    return getattr(step.layer, "wrapped", step.layer)


def _params(step: Step) -> dict[str, Any]:
    """Give the parameters of a step's estimator, or of its layer where that is our own."""
    named = _named(step)
    return named.get_params(deep=False) if hasattr(named, "get_params") else {}


def _kind(layer: Any) -> tuple[type[Any], type[Any]]:
    inner = layer.current if isinstance(layer, Sklearn) else layer
    return type(layer), type(inner)


def _refusal(graph: Graph, name: str, able: Sequence[str]) -> str:
    what = f"{name!r} cannot go on from an earlier fit: it has no parameter warm_start"
    if name not in graph.by_name:
        what = f"{name!r} is no step of this pipeline"
    can = f"the steps that can go on are {able}" if able else "no step of it can go on"
    return f"warm_start takes names of steps; {what}, and {can}. Leave the others out."
