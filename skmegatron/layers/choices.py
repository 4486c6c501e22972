"""`choose`: where a graph leaves something open, for a search to decide.

What it gives stands in the place of a parameter's value, of the estimator in `Sklearn`,
or is called on nodes itself, as a layer is. The rules are those of
`skmegatron.nodes.settling`; here are the checks, and what needs to know layers.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from skmegatron.errors import NodeTypeError
from skmegatron.layers.adapters import Sklearn
from skmegatron.layers.core import Layer, StatefulLayer
from skmegatron.layers.rows import Resample
from skmegatron.nodes.base import Node, hooks
from skmegatron.nodes.choices import Choice, labelled
from skmegatron.nodes.settling import Settled, keep_choices, settled_once, settled_step


def choose(candidates: Any) -> Choice:
    """Leave a hyperparameter, or a whole step, open for a search.

    Parameters
    ----------
    candidates : sequence, 1-D array, dict of str to object, or distribution
        Values; or values by the label that shows up in grids and results; or anything
        with ``rvs``, such as ``scipy.stats.loguniform(0.1, 10)``. Estimators in a list are
        labelled with the names of their classes in lower case. Candidates may hold choices
        of their own.

    Returns
    -------
    Choice
        To be used as the value of a parameter, ``Sklearn(Ridge(alpha=choose([1, 10])))``, as
        the estimator, ``Sklearn(choose([PCA(), "passthrough"]))``, or called on nodes
        as a layer is, with layers and estimators as candidates.

    Raises
    ------
    TypeError
        If there is no order, or the only candidate stands alone.
    ValueError
        If there are no candidates.

    Notes
    -----
    Calling the layer puts the first candidate in the place of the choice, and the median of
    a distribution: as long as nothing is searched, that is what the pipeline uses. The
    layer object itself keeps its choices, and the step's layer is a clone.

    `Pipeline.param_grid` and `Pipeline.param_distributions` list the choices of a graph.
    A label means its candidate in ``pipeline.set_params`` too.

    Examples
    --------
    >>> import skmegatron as sm
    >>> from sklearn.decomposition import PCA
    >>> from sklearn.linear_model import LogisticRegression
    >>> X, y = sm.Input("X", shape=(None,)), sm.Target("y")
    >>> reduced = sm.choose({"pca": PCA(2), "none": "passthrough"})(X, "reduce")
    >>> model = LogisticRegression(C=sm.choose([0.1, 1, 10]))
    >>> pipe = sm.Pipeline([X, y], sm.layers.Sklearn(model)(reduced, y=y))
    >>> pipe.param_grid()
    {'reduce': ['pca', 'none'], 'logisticregression__C': [0.1, 1, 10]}
    >>> pipe.get_params()["logisticregression__C"]
    0.1
    """
    if hasattr(candidates, "rvs") and not isinstance(candidates, type):
        return Choice(distribution=candidates)
    values, labels = _listed(candidates)
    if not values:
        raise ValueError(
            f"choose takes at least one candidate, got {candidates!r}. The first one is used "
            "as long as nothing is searched: choose([0.1, 1, 10])."
        )
    if any(isinstance(value, Choice) for value in values):
        raise TypeError(
            f"A candidate of choose is a choice itself, in {values!r}. List the candidates of "
            "both in one choose."
        )
    if labels is None and any(_is_estimator(value) for value in values):
        labels = labelled([one.wrapped if isinstance(one, Layer) else one for one in values])
    return Choice(values, labels)


def _listed(candidates: Any) -> tuple[list[Any], list[str] | None]:
    if isinstance(candidates, Mapping):
        for label in candidates:
            if not isinstance(label, str) or not label:
                raise TypeError(
                    f"The labels of choose are strings, got {label!r}. Write "
                    f"choose({{{str(label)!r}: ...}}), or a list of the values."
                )
        return list(candidates.values()), list(candidates)
    if getattr(candidates, "ndim", None) == 1 and hasattr(candidates, "tolist"):
        return candidates.tolist(), None  # Python's own numbers are easier to read
    if isinstance(candidates, str | bytes) or not isinstance(candidates, Sequence):
        raise TypeError(_advice(candidates))
    return list(candidates), None


def _advice(candidates: Any) -> str:
    expected = "choose takes a list of candidates, a dict {label: candidate}, or a distribution"
    if hasattr(candidates, "sample") and hasattr(candidates, "icdf"):
        advice = "Distributions are those with rvs, such as scipy.stats.norm(0, 1)."
    elif isinstance(candidates, set | frozenset):
        advice = f"A set has no first candidate: choose({sorted(map(str, candidates))})."
    elif np.ndim(candidates) > 1:
        advice = f"It has {np.ndim(candidates)} axes: write choose(list(...)) to choose a row."
    elif hasattr(candidates, "__iter__") and not isinstance(candidates, str | bytes):
        advice = "Write choose(list(...)) to go through it once, here."
    else:
        advice = f"Write choose([{candidates!r}]) if it is the only one."
    return f"{expected}, got {candidates!r}. {advice}"


def _is_estimator(value: Any) -> bool:
    return hasattr(value, "get_params") and not isinstance(value, type)


def _draw(choice: Choice, nodes: Sequence[Any], keywords: dict[str, Any]) -> Any:
    """Call a choice on nodes."""
    if not any(isinstance(node, Node | list | tuple) for node in nodes):
        choice._refuse()
    layer, choices = settled_once(choice, _settled_call)
    if not all(one._has_params for one in choices[""].candidates):
        raise TypeError(
            f"{choice!r} offers metrics or explorers, which no search can set. Draw each of them."
        )
    given = [key for key, node in keywords.items() if key != "name" and node is not None]
    for one in choices[""].candidates:
        _check_keywords(one, given)
    return keep_choices(layer(*nodes, **keywords), choices)


def _check_keywords(layer: Any, given: Sequence[str]) -> None:
    """Check that a layer which learns can read what the others read."""
    if not given or not layer.stateful or isinstance(layer, Sklearn):
        return
    by_batches = type(layer).fit is StatefulLayer.fit and hasattr(layer, "partial_fit")
    takes = inspect.signature(layer.partial_fit if by_batches else layer.fit).parameters
    missing = [key for key in given if key not in takes]
    if missing and all(one.kind is not one.VAR_KEYWORD for one in takes.values()):
        raise NodeTypeError(
            f"{layer!r} is a candidate of a step that is called with {missing[0]}=, and its fit "
            f"does not take {missing[0]}. Choose between estimators, which Sklearn wraps, such "
            "as StandardScaler() instead of Whiten(); or draw the step without it."
        )


def _settled_call(choice: Choice) -> Settled:
    # A step that hands on its rows gives a node for each label, too, so its kind stays.
    changing = any(_changes_rows(value) for value in choice.candidates)
    kind = Resample if changing else Sklearn
    around = [value if isinstance(value, Layer) else kind(value) for value in choice.candidates]
    return settled_step(Choice(around, choice.labels, choice.distribution))


def _changes_rows(value: Any) -> bool:
    if isinstance(value, Layer):
        return value.train_only
    return hasattr(value, "fit_resample") and not hasattr(value, "transform")


hooks["choose"] = _draw
