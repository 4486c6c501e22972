"""Bind what the user hands in to the inputs of a graph.

A mapping feeds by name. A dataframe feeds by name too, unless the graph has one input
that takes it whole. An array feeds the one input whole, or several scalar inputs column by
column. ``y`` feeds the `Target`; every other fit-only input is fed by its name. A mapping may
also hold the value of a step, under the step's name, where the run starts below it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from skmegatron.errors import MissingInputError, ShapeError
from skmegatron.io.tables import (
    as_values,
    column_names,
    columns_together,
    drop_columns,
    is_frame,
    select_block,
    select_column,
)
from skmegatron.nodes.base import Node
from skmegatron.nodes.core import InputNode, Target, TransformationNode


@dataclass
class Feed:
    """The arrays bound to the input nodes for one run.

    Attributes
    ----------
    values : dict of Node to array
    table : {ndarray, sparse matrix, dataframe} or None
        What scikit-learn would call X: None where a mapping was fed.
    positions : dict of str to list of int
        Which columns of the table each input takes.
    by_name : bool
        Whether columns were found by their names, so that order and extras do not matter.
    index : pandas Index or None
        Of the rows, where pandas data was fed.
    rows : dict of Node to ndarray of int
        After the run: places of the rows that are left, where steps took some away.
    n_rows : int or None
        How many rows were fed; None where nothing was.
    """

    values: dict[Node, Any] = field(default_factory=dict)
    table: Any = None
    positions: dict[str, list[int]] = field(default_factory=dict)
    by_name: bool = False
    index: Any = None
    rows: dict[Node, Any] = field(default_factory=dict)
    n_rows: int | None = None

    def handed_over(self) -> dict[Node, Any]:
        """Give the values away, for a run to drop each at its last reader.

        Returns
        -------
        dict of Node to array
            The feed keeps arrays of the same shapes and dtypes that take no memory.
        """
        values = self.values
        self.values = {node: _outline(value) for node, value in values.items()}
        return values


def _outline(value: Any) -> Any:
    if type(value) is not np.ndarray:
        return value
    return np.broadcast_to(np.zeros((), value.dtype), value.shape)


@dataclass(frozen=True)
class Given:
    """A step's value that is fed in the place of computing it.

    Attributes
    ----------
    node : TransformationNode
    name : str
        Under which it is fed.
    shape : tuple of int or None
        Of one observation, as the fit saw it; None where it did not.
    as_array : bool
        Whether a dataframe becomes an array, because the steps below were fitted on one.
    """

    node: TransformationNode
    name: str
    shape: tuple[int, ...] | None
    as_array: bool

    def take(self, data: Mapping[str, Any]) -> Any:
        """Give the value, checked against what the fit saw.

        Parameters
        ----------
        data : mapping of str to array-like

        Returns
        -------
        {ndarray, sparse matrix, dataframe} of shape (n_rows, ...)

        Raises
        ------
        ShapeError
            If it has another shape.
        """
        value = as_values(data[self.name], self.name)
        got = tuple(value.shape)
        if got and self.shape in (None, got[1:]):
            frame = self.as_array and is_frame(value)
            return select_block(value, range(got[1])) if frame else value
        sizes = "..., " if self.shape is None else "".join(f"{size}, " for size in self.shape)
        expected = f"(n_rows, {sizes}".rstrip(" " if self.shape == () else ", ") + ")"
        raise ShapeError(
            f"Step {self.name!r} gives shape {expected}, and is fed shape {got}. Feed what "
            f"transform(X, outputs={self.name!r}) gives, or leave {self.name!r} out."
        )


def bind(
    inputs: Sequence[InputNode],
    needed: Sequence[InputNode],
    data_inputs: Sequence[InputNode],
    X: Any,
    y: Any = None,
    extra: Mapping[str, Any] | None = None,
    names: Sequence[str] | None = None,
    given: Sequence[Given] = (),
) -> Feed:
    """Bind data to inputs.

    Parameters
    ----------
    inputs : sequence of InputNode
        All inputs of the pipeline.
    needed : sequence of InputNode
        Those that the run reads; the others may be missing.
    data_inputs : sequence of InputNode
        Those that `X` feeds when it is an array, in order.
    X : mapping, dataframe, array-like or sparse matrix
    y : array-like or mapping, default=None
        For the target.
    extra : mapping of str to array-like, default=None
        Fit-only inputs by name.
    names : sequence of str, default=None
        Column names seen in fit, for an array that comes without any.
    given : sequence of Given, default=()
        What `X` holds of the values of steps.

    Returns
    -------
    Feed

    Raises
    ------
    MissingInputError
        If something needed is not there; the message lists what is missing and what came.
    ShapeError
        If a value has another shape than its input declares, or the rows do not match.
    """
    extra = dict(extra or {})
    unknown = [key for key in extra if key not in {node.name for node in inputs}]
    if unknown:
        raise _unknown_error(unknown[0], inputs)
    source = labelled = _source(X, names)
    in_table = [n.name for n in inputs if isinstance(n, Target) and n.name in labelled]
    in_table = [name for name in in_table if names is None or name not in names]
    if isinstance(labelled, _Frame) and y is None and in_table:
        # Labels that came inside the table are no features.
        source = _Frame(drop_columns(X, in_table))
    feed = Feed(table=None if isinstance(source, _Mapping) else source.data)
    if isinstance(X, pd.DataFrame | pd.Series):
        feed.index = X.index
    missing = []
    for node in needed:
        if node.name in extra:
            value = extra[node.name]
        elif isinstance(node, Target):
            value = _target(node, y, labelled, [n for n in inputs if isinstance(n, Target)])
        else:
            value = source.take(node, data_inputs, feed)
        if value is _MISSING:
            missing.append(node)
            continue
        if value is not None:
            value = as_values(value, node.name)
            node.validate_input(value)
        feed.values[node] = value
    if missing:
        raise _missing_error(missing, source, extra)
    feed.values.update(_taken(given, X))
    feed.n_rows = _common_rows(feed.values, given)
    return feed


_MISSING = object()


class _Mapping:
    """Data by name."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self.data = data

    def __contains__(self, name: str) -> bool:
        return name in self.data

    def named(self, name: str) -> Any:
        return self.data[name]

    def take(self, node: InputNode, data_inputs: Sequence[InputNode], feed: Feed) -> Any:
        columns = node.columns
        if node.name in self.data and (columns is None or node.name not in columns):
            value = self.data[node.name]
            if columns is None:
                return value
            if is_frame(value):
                names = column_names(value)
                places = [_place(column, names) for column in columns]
                return _MISSING if None in places else select_block(value, places)
            return value
        if columns is not None and all(column in self.data for column in columns):
            # `data` is a mapping or a table here; mypy knows only that it is data
            return _block(node, {c: as_values(self.data[c], str(c)) for c in columns})  # type: ignore[index]
        return _MISSING

    @property
    def came(self) -> str:
        return f"a mapping with {list(self.data)}"


class _Frame:
    """A dataframe."""

    def __init__(self, data: Any) -> None:
        self.data = data
        self.names = column_names(data)

    def __contains__(self, name: str) -> bool:
        return name in self.names

    def named(self, name: str) -> Any:
        return select_column(self.data, self.names.index(name))

    def take(self, node: InputNode, data_inputs: Sequence[InputNode], feed: Feed) -> Any:
        alone = list(data_inputs) == [node]
        if alone and node.columns is None and node.shape != ():
            feed.positions[node.name] = list(range(len(self.names)))
            return self.data
        feed.by_name = True
        if node.columns is not None:
            places = [_place(column, self.names) for column in node.columns]
            if None in places:
                return _MISSING
            feed.positions[node.name] = places
            return select_block(self.data, places)
        if node.name in self.names:
            place = self.names.index(node.name)
        elif alone and len(self.names) == 1:
            place = 0
        else:
            return _MISSING
        feed.positions[node.name] = [place]
        return select_column(self.data, place)

    @property
    def came(self) -> str:
        return f"a dataframe with columns {self.names}"


class _Array:
    """An array or sparse matrix, with the column names of the fit where there were any."""

    def __init__(self, data: Any, names: Sequence[str] | None) -> None:
        self.data = data
        self.names = list(names) if names is not None else None

    def __contains__(self, name: str) -> bool:
        return False

    def named(self, name: str) -> Any:
        return _MISSING

    def take(self, node: InputNode, data_inputs: Sequence[InputNode], feed: Feed) -> Any:
        if node not in data_inputs:
            return _MISSING
        alone = len(data_inputs) == 1
        if alone and node.columns is None:
            if self.data.ndim == 2:
                feed.positions[node.name] = list(range(self.data.shape[1]))
                if node.shape == () and self.data.shape[1] == 1:
                    return self._columns([0]).ravel()
            return self.data
        places = self._places(node, data_inputs)
        feed.positions[node.name] = places
        block = self._columns(places)
        return block.ravel() if node.shape == () else block

    def _places(self, node: InputNode, data_inputs: Sequence[InputNode]) -> list[int]:
        shape = tuple(self.data.shape)
        if len(shape) != 2:
            raise ShapeError(
                f"{len(data_inputs)} inputs {[n.name for n in data_inputs]} take the columns of "
                f"a 2D array of shape (n_rows, {len(data_inputs)}), got shape {shape}. Reshape "
                "your data, or feed by name: Dataset("
                + ", ".join(f"{n.name}=..." for n in data_inputs)
                + ")."
            )
        if self.names is not None and len(self.names) == shape[1]:
            wanted = node.columns if node.columns is not None else (node.name,)
            places = [_place(column, self.names) for column in wanted]
            if None not in places:
                return places
        if node.columns is not None:
            if all(isinstance(c, int) and -shape[1] <= c < shape[1] for c in node.columns):
                return [int(column) for column in node.columns]
            raise ShapeError(
                f"Input {node.name!r} takes the columns {list(node.columns)}, and an array of "
                f"shape {shape} has no column names. Pass a dataframe or a mapping, or give "
                "columns as integers within its width."
            )
        deep = [n.name for n in data_inputs if n.shape != () or n.columns is not None]
        if deep or shape[1] != len(data_inputs):
            raise ShapeError(
                f"An array feeds several inputs only column by column: expected shape "
                f"(n_rows, {len(data_inputs)}) for {[n.name for n in data_inputs]}"
                + (f", of which {deep} are no single columns" if deep else "")
                + f", got {shape}. Feed by name: Dataset("
                + ", ".join(f"{n.name}=..." for n in data_inputs)
                + ")."
            )
        return [list(data_inputs).index(node)]

    def _columns(self, places: list[int]) -> Any:
        data = self.data.tocsc() if sparse.issparse(self.data) else self.data
        taken = data[:, places]
        return taken.toarray() if sparse.issparse(taken) else taken

    @property
    def came(self) -> str:
        return f"an array of shape {tuple(self.data.shape)}"


_Source = _Mapping | _Frame | _Array


def _block(node: InputNode, columns: Mapping[str | int, Any]) -> Any:
    rows = {tuple(column.shape[:1]) for column in columns.values()}
    if len(rows) > 1 or () in rows:
        shapes = ", ".join(f"{name!r} has {column.shape}" for name, column in columns.items())
        raise ShapeError(
            f"The columns of input {node.name!r} need one value for each row, got shapes "
            f"{shapes}. Put a single observation into lists: {{{next(iter(columns))!r}: [...]}}."
        )
    return columns_together(list(columns.values()))


def _source(X: Any, names: Sequence[str] | None) -> _Source:
    if isinstance(X, Mapping) and not sparse.issparse(X):  # a DOK matrix is a dict too
        return _Mapping(X)
    if is_frame(X):
        return _Frame(X)
    if X is None:
        raise MissingInputError(
            "The pipeline was fed None. Pass an array, a dataframe, or a mapping of input "
            "names to arrays."
        )
    if isinstance(X, tuple) and any(isinstance(part, Mapping) or is_frame(part) for part in X):
        raise TypeError(
            f"X takes one mapping, dataframe or array, got a tuple of {len(X)}. Hand in labels "
            "apart, as fit(X, y); storage finds the keys of rows through index_field=."
        )
    return _Array(as_values(X, "X"), names)


def _target(node: Target, y: Any, source: _Source, targets: Sequence[Target]) -> Any:
    if isinstance(y, Mapping):
        return y.get(node.name, _MISSING)
    if y is not None and len(targets) > 1 and is_frame(y):
        names = column_names(y)
        return select_column(y, names.index(node.name)) if node.name in names else _MISSING
    if y is not None and len(targets) > 1:
        raise MissingInputError(
            f"The pipeline has {len(targets)} targets {[t.name for t in targets]}, and y is one "
            "array. Pass y as a mapping from target names to arrays."
        )
    if y is None:
        return source.named(node.name) if node.name in source else _MISSING
    if is_frame(y):
        names = column_names(y)
        return select_column(y, 0) if len(names) == 1 else select_block(y, range(len(names)))
    return y


def _place(column: str | int, names: Sequence[Any]) -> Any:
    if column in names:
        return list(names).index(column)
    if isinstance(column, int) and -len(names) <= column < len(names):
        return column % len(names)
    return None


def _missing_error(
    missing: Sequence[InputNode], source: _Source, extra: Mapping[str, Any]
) -> MissingInputError:
    names = [node.name for node in missing]
    came = source.came + (f" and {list(extra)}" if extra else "")
    if all(isinstance(node, Target) for node in missing):
        return MissingInputError(
            "This Pipeline estimator requires y to be passed, but the target y is None: "
            f"Target {names[0]!r} is fed by y, or by its name in X; what came is {came}. "
            "Pass y after X: fit(X, y), evaluate(X, y), or (X, y) as a batch."
        )
    columns = {c for node in missing for c in node.columns or ()}
    lacking = sorted(str(column) for column in columns if str(column) not in source)
    detail = f" (columns {lacking})" if lacking else ""
    tables = [n.name for n in missing if n.columns is None and len(n.shape) == 1]
    block = ""
    if tables and isinstance(source, _Mapping):
        block = f" Input({tables[0]!r}, columns=[...]) is made of columns that are fed one by one."
    return MissingInputError(
        f"Missing input {names}{detail}; what came is {came}. Feed every input by its name: "
        f"{{{', '.join(f'{name!r}: ...' for name in names)}}}, or as keyword where only fit "
        f"reads it.{block}"
    )


def _unknown_error(key: str, inputs: Sequence[InputNode]) -> TypeError:
    advice = f"Draw sm.Input({key!r}) and pass it to a layer, as in layer(node, {key}=that_input)"
    if key == "epochs":  # a name of Keras and of the 2019 library, never that of an array
        advice = "Give epochs to what has them: Keras(build, epochs=5), fit_generator(epochs=5)"
    return TypeError(
        f"Unexpected argument {key!r}: the inputs of this pipeline are "
        f"{[node.name for node in inputs]}. {advice}."
    )


def _taken(given: Sequence[Given], X: Any) -> dict[Node, Any]:
    return {one.node: one.take(X) for one in given}


def _common_rows(values: Mapping[Node, Any], given: Sequence[Given]) -> int | None:
    n_rows = {value.shape[0] for value in values.values() if value is not None}
    if len(n_rows) > 1:
        names: dict[Node, str] = {one.node: one.name for one in given}
        shown = {node: v for node, v in values.items() if v is not None}
        rows = {names.get(node, node.name): int(v.shape[0]) for node, v in shown.items()}
        raise ShapeError(
            "Found inputs with inconsistent numbers of rows: "
            + ", ".join(f"{name!r} has {n}" for name, n in rows.items())
            + ". Every input needs one row per observation."
        )
    return next(iter(n_rows), None)
