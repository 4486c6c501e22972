"""Rows that a fit holds out: handed in as `validation_data`, or cut off by `validation_split`.

Both end as values of the inputs, which `engine.run.Fit` puts through the steps fitted on the
other rows. What is cut is the bound feed, so that images, tables, labels, weights and groups
are cut together; and it is cut the same way every time, so that all candidates of a search are
compared on the same rows, and a memory finds what it kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from numbers import Real
from typing import Any

import narwhals as nw
import numpy as np
from sklearn.model_selection import GroupShuffleSplit, ShuffleSplit, StratifiedShuffleSplit
from sklearn.utils import check_consistent_length
from sklearn.utils.multiclass import type_of_target

from skmegatron.engine.feed import Feed
from skmegatron.engine.heldout import other_labels
from skmegatron.engine.plan import Plan, plan
from skmegatron.errors import ShapeError
from skmegatron.io.tables import as_values, column_names, is_frame, select_block, take_rows
from skmegatron.nodes.base import Node
from skmegatron.nodes.core import InputNode, Step, Target
from skmegatron.nodes.graph import Graph

#: Fixed: a search that cut anew for each candidate would compare them on different rows.
SEED = 0


def takers(planned: Plan) -> list[Step]:
    """List the steps of a fit that can use held-out rows.

    Parameters
    ----------
    planned : Plan

    Returns
    -------
    list of Step
    """
    learning = [task.step for task in planned.tasks if task.fit]
    return [step for step in learning if getattr(step.layer, "takes_validation", False)]


def check_holding(planned: Plan, validation_data: Any, validation_split: Any) -> None:
    """Check what a fit was told about rows to hold out, before anything is bound.

    Parameters
    ----------
    planned : Plan
    validation_data, validation_split : object
        As `fit` takes them.

    Raises
    ------
    ValueError
        If both are given, if one is none of what `fit` takes, or if no step can use them.
    """
    if validation_data is None and validation_split is None:
        return
    name = "validation_data" if validation_split is None else "validation_split"
    if validation_data is not None and validation_split is not None:
        raise ValueError(
            f"fit takes validation_data or validation_split, got both (validation_split="
            f"{validation_split!r}). Leave validation_split out to validate on your own rows."
        )
    if validation_data is not None:
        members_of(validation_data)
    elif not _is_fraction(validation_split):
        raise ValueError(
            "validation_split takes the fraction of rows to hold out, between 0 and 1, got "
            f"{validation_split!r}. Write fit(X, y, validation_split=0.1), or leave it out."
        )
    if not takers(planned):
        names = list(dict.fromkeys(task.name for task in planned.tasks if task.fit))
        raise ValueError(
            f"No step can use {name}: the steps that learn are {names}. HistGradientBoosting "
            "(unless early_stopping=False), XGBoost, LightGBM and CatBoost estimators can, and "
            "layers of your own with takes_validation = True. Leave "
            f"{name} out, or use one of these."
        )


def _is_fraction(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and 0 < float(value) < 1


def members_of(validation_data: Any) -> tuple[Any, Any, Any]:
    """Take `validation_data` apart.

    Parameters
    ----------
    validation_data : tuple of (X, y) or (X, y, sample_weight)

    Returns
    -------
    tuple of (X, y, sample_weight)
        None for weights that are not given.

    Raises
    ------
    ValueError
        If it is anything else.
    """
    given = validation_data if isinstance(validation_data, list | tuple) else ()
    if len(given) not in (2, 3):
        came = type(validation_data).__name__ + (f" of {len(given)}" if given else "")
        raise ValueError(
            f"validation_data takes a pair (X, y), or (X, y, sample_weight), got {came}. Write "
            "fit(X, y, validation_data=(X_val, y_val))."
        )
    X, y, *weights = given
    return X, y, weights[0] if weights else None


def inputs_held_out(graph: Graph, planned: Plan, X: Any, named: Iterable[str]) -> list[InputNode]:
    """Tell which inputs are fed with held-out rows.

    Parameters
    ----------
    graph : Graph
    planned : Plan
    X : object
        The held-out `X`.
    named : iterable of str
        What is fed by name besides.

    Returns
    -------
    list of InputNode
        All that the steps which can use such rows, and their labels, are made of. What only
        their weights are made of is among them where it is there.
    """
    asking = takers(planned)
    labels = [step.fit_only["y"] for step in asking if "y" in step.fit_only]
    labels += [node for step in asking for node in other_labels(step)]
    must = plan(graph, [*(node for step in asking for node in step.inbound_nodes), *labels]).inputs
    known = {*named, *_names_in(X), *(node.name for node in graph.data_inputs)}
    for_weights = plan(graph, _weights_of(asking)).inputs
    maybe = [node for node in for_weights if node.name in known or _is_target(node)]
    return [node for node in graph.inputs if node in {*must, *maybe}]


def weights_by_name(graph: Graph, planned: Plan, weights: Any) -> dict[str, Any]:
    """Tell which input the weights of held-out rows feed.

    Parameters
    ----------
    graph : Graph
    planned : Plan
    weights : mapping of str to array-like, array-like of shape (n_rows,), or None

    Returns
    -------
    dict of str to array-like

    Raises
    ------
    ValueError
        If it is none, or one of several.
    """
    if weights is None:
        return {}
    read = plan(graph, _weights_of(takers(planned))).inputs
    names = [node.name for node in read if not _is_target(node) and node not in graph.data_inputs]
    if isinstance(weights, Mapping) and set(weights) <= set(names):
        return dict(weights)
    if len(names) == 1 and not isinstance(weights, Mapping):
        return {names[0]: weights}
    if not names:
        raise ValueError(
            "validation_data has weights, got as its third member, and no step that can use "
            "validation data reads any. Draw w = sm.Input('w') and pass it to the step, as in "
            "Sklearn(model)(x, y=y, sample_weight=w), or leave the third member out."
        )
    raise ValueError(
        f"The weights of validation_data feed the inputs {names}, got "
        f"{sorted(weights) if isinstance(weights, Mapping) else 'one array'}. Pass a mapping: "
        f"(X_val, y_val, {{{', '.join(f'{name!r}: ...' for name in names)}}})."
    )


def alike(feed: Feed, held_out: Feed) -> dict[Node, Any]:
    """Give held-out rows as the rows to learn from come: as dataframes or as arrays.

    Parameters
    ----------
    feed, held_out : Feed

    Returns
    -------
    dict of Node to array or dataframe

    Raises
    ------
    ShapeError
        If it has others, or the same in another order.
    """
    if not feed.by_name and is_frame(feed.table) and is_frame(held_out.table):
        ours, theirs = column_names(feed.table), column_names(held_out.table)
        if ours != theirs:
            raise ShapeError(
                f"X has the columns {ours}, and that of validation_data {theirs}. Pass the same "
                "columns in the same order."
            )
    return {node: _like(feed.values.get(node), value) for node, value in held_out.values.items()}


def _like(learned: Any, value: Any) -> Any:
    if is_frame(value) and isinstance(learned, np.ndarray):
        return select_block(value, range(len(column_names(value))))
    if isinstance(value, np.ndarray) and is_frame(learned):
        frame = nw.from_native(learned, eager_only=True)
        return nw.from_numpy(value, frame.columns, backend=frame.implementation).to_native()
    return value


def groups_apart(graph: Graph, fit_only: Mapping[str, Any]) -> tuple[Any, Mapping[str, Any]]:
    """Take out groups that no input is fed by, and that only tell how to cut.

    Parameters
    ----------
    graph : Graph
    fit_only : mapping of str to array-like
        Keywords of `fit`.

    Returns
    -------
    tuple of (array-like or None, mapping of str to array-like)
        The groups, and what feeds inputs.
    """
    if "groups" in [node.name for node in graph.inputs]:
        return fit_only.get("groups"), fit_only
    rest = dict(fit_only)
    return rest.pop("groups", None), rest


def cut(
    graph: Graph, planned: Plan, feed: Feed, fraction: float, groups: Any, *, classifier: bool
) -> tuple[Feed, dict[Node, Any]]:
    """Cut rows off a feed.

    Parameters
    ----------
    graph : Graph
    planned : Plan
    feed : Feed
    fraction : float
        Of the rows, or of the groups.
    groups : array-like of shape (n_rows,) or None
        None where the graph knows, or where there are none.
    classifier : bool
        Whether classes are to keep their shares, where there are no groups.

    Returns
    -------
    tuple of (Feed, dict of Node to array)
        The rows to learn from, and those held out, both in their order.

    Raises
    ------
    ValueError
        If there are too few rows, groups, or members of a class.
    """
    n_rows = next(value.shape[0] for value in feed.values.values() if value is not None)
    of_rows = _groups(graph, planned, feed) if groups is None else as_values(groups, "groups")
    if of_rows is not None:
        check_consistent_length(np.empty(n_rows), of_rows)
    labels = _classes(feed) if classifier and of_rows is None else None
    train, held_out = _places(n_rows, float(fraction), labels, of_rows)
    values = {node: _taken(value, train) for node, value in feed.values.items()}
    table = feed.table
    for node, value in feed.values.items():
        table = values[node] if value is feed.table else table
    index = None if feed.index is None else feed.index[train]
    kept = replace(feed, values=values, table=table, index=index, rows={})
    return kept, {node: _taken(value, held_out) for node, value in feed.values.items()}


def _taken(value: Any, places: Any) -> Any:
    return None if value is None else take_rows(value, places)


def _places(n_rows: int, fraction: float, labels: Any, groups: Any) -> tuple[Any, Any]:
    """Choose the rows: by groups, else by shares of the classes, else any."""
    way: Any = ShuffleSplit
    if groups is not None:
        way, what = GroupShuffleSplit, f"{len(np.unique(groups))} groups of {n_rows} rows"
    elif labels is not None:
        way, what = StratifiedShuffleSplit, f"{n_rows} rows of {len(np.unique(labels))} classes"
    else:
        what = f"{n_rows} rows"
    splitter = way(1, test_size=fraction, random_state=SEED)
    try:
        ((train, held_out),) = splitter.split(np.empty((n_rows, 1)), labels, groups)
    except ValueError as error:
        raise ValueError(
            f"validation_split={fraction} cannot cut {what} in two: {error} Pass another "
            "fraction, more rows, or rows of your own: "
            "fit(X, y, validation_data=(X_val, y_val))."
        ) from error
    return np.sort(train), np.sort(held_out)


def _classes(feed: Feed) -> Any:
    """Give the labels to stratify by, where the feed has one column of them."""
    targets = [value for node, value in feed.values.items() if _is_target(node)]
    if len(targets) != 1 or targets[0] is None or getattr(targets[0], "ndim", 0) != 1:
        return None
    # Of other labels the classifier says itself that it cannot use them.
    kind = type_of_target(targets[0], input_name="y")
    return targets[0] if kind in ("binary", "multiclass") else None


def _groups(graph: Graph, planned: Plan, feed: Feed) -> Any:
    """Give the groups that the steps of a graph read."""
    read = [
        t.step.fit_only["groups"] for t in planned.tasks if t.fit and "groups" in t.step.fit_only
    ]
    nodes = list(dict.fromkeys(read))
    if not nodes:
        return None
    if len(nodes) == 1 and nodes[0] in feed.values:
        return feed.values[nodes[0]]
    names = [graph.node_names[node] for node in nodes]
    raise ValueError(
        f"validation_split cuts by groups, and the steps read them from {names}, which is not "
        "one input. Pass the groups to cut by: fit(X, y, validation_split=0.1, groups=values)."
    )


def _weights_of(steps: Sequence[Step]) -> list[Node]:
    return [step.fit_only["sample_weight"] for step in steps if "sample_weight" in step.fit_only]


def _names_in(X: Any) -> set[str]:
    if isinstance(X, Mapping):
        return set(X)
    return set(column_names(X)) if is_frame(X) else set()


def _is_target(node: Node) -> bool:
    return isinstance(node, Target)
