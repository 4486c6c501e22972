"""Whether what a pipeline answers has one row for each that was fed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from skmegatron.engine.feed import Feed
from skmegatron.engine.plan import Plan
from skmegatron.errors import ShapeError
from skmegatron.nodes.base import Node


def is_aligned(feed: Feed, node: Node, value: Any) -> bool:
    """Tell whether a value has one row for each that was fed.

    Parameters
    ----------
    feed : Feed
    node : Node
    value : object

    Returns
    -------
    bool
        True also where steps say which rows they have taken away.
    """
    shape = getattr(value, "shape", None)
    return not shape or feed.n_rows in (None, shape[0]) or node in feed.rows


def misaligned(
    planned: Plan, values: Mapping[Node, Any], layers: Mapping[str, Any], method: str
) -> ShapeError:
    """Word which step gave other rows than it took.

    Parameters
    ----------
    planned : Plan
    values : mapping of Node to array
        All that the plan computes.
    layers : mapping of str to layer
    method : str
        What was asked of the pipeline.

    Returns
    -------
    ShapeError
    """
    told = "A step gave other rows than it took"
    for task in planned.tasks:
        layer = layers.get(task.name, task.step.layer)
        given, taken = _n_rows(values[task.nodes[0]]), _n_rows(values[task.inbound[0]])
        if given != taken and not getattr(layer, "changes_rows", False):
            kind = type(getattr(layer, "wrapped", layer)).__name__
            told = f"Step {task.name!r} ({kind}) gave {given} rows for {taken}"
            break
    return ShapeError(
        f"{told}, so what {method} gives would not tell which row of X it is about. To change "
        "rows while fitting only, derive the layer from TrainOnly, or use Resample(sampler); "
        "Filter takes rows away for good."
    )


def _n_rows(value: Any) -> int | None:
    shape = getattr(value, "shape", None)
    return int(shape[0]) if shape else None
