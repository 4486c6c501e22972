"""Check, before anything is fitted, that each step takes what it is drawn with."""

from __future__ import annotations

import inspect
from inspect import Parameter
from typing import Any

from skmegatron.layers.adapters import Sklearn
from skmegatron.layers.core import StatefulLayer
from skmegatron.nodes.core import Step
from skmegatron.nodes.graph import Graph

_NAMED = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)


def check_keywords(graph: Graph) -> None:
    """Insist that the ``fit`` of each step has the keywords that the step is called with.

    Parameters
    ----------
    graph : Graph

    Raises
    ------
    TypeError
        If one has not, and takes no keywords at will.
    """
    for step in graph.steps:
        drawn = [keyword for keyword in step.fit_only if keyword != "y"]
        if drawn:
            _check(step, graph.names[step], drawn)


def _check(step: Step, name: str, drawn: list[str]) -> None:
    layer, fits = step.layer, step.layer
    if isinstance(layer, Sklearn):
        if not layer.stateful:
            return
        fits = layer.estimator
        if layer.cv is not None:  # which reads them itself
            drawn = [keyword for keyword in drawn if keyword != "groups"]
    taken = _keywords(fits)
    wrong = [] if taken is None else [keyword for keyword in drawn if keyword not in taken]
    if not wrong:
        return
    keyword, kind = wrong[0], type(fits).__name__
    advice = f"Call it without {keyword}=, or put another estimator there."
    if keyword == "groups" and isinstance(layer, Sklearn):
        advice = f"groups= tells how folds are cut: write Sklearn({kind}(), cv=GroupKFold())."
    raise TypeError(
        f"Step {name!r} is called with {keyword}=, which {kind}.fit does not take: its keywords "
        f"are {taken}. {advice}"
    )


def _keywords(fits: Any) -> list[str] | None:
    """List the keywords of a ``fit``; None where it takes any, or does not tell."""
    inherited = isinstance(fits, StatefulLayer) and type(fits).fit is StatefulLayer.fit
    function = getattr(fits, "partial_fit", fits.fit) if inherited else fits.fit  # where it ends
    try:
        parameters = inspect.signature(function).parameters.values()
    except ValueError:  # compiled code without a signature
        return None
    if any(p.kind is Parameter.VAR_KEYWORD for p in parameters):
        return None
    # The first is the data, whatever it is called.
    return [p.name for p in list(parameters)[1:] if p.kind in _NAMED]
