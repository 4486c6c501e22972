"""Keep what `transform` gives, and give it back.

A row is kept under its key, the pipeline's name and version, and the fingerprint of the
fitted state that made it. With it goes a digest of the fed row, which tells later whether
that row is still the same.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from threading import Lock
from typing import Any, Self
from weakref import WeakKeyDictionary

import joblib
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from skmegatron.engine.feed import Feed
from skmegatron.engine.plan import is_stateful
from skmegatron.errors import GraphError, MissingInputError, ShapeError
from skmegatron.io.rowhash import row_digests
from skmegatron.io.saving import Portable
from skmegatron.io.storage import DataStore
from skmegatron.io.tables import column_names, is_frame, select_block, select_column, take_rows
from skmegatron.nodes.base import Node
from skmegatron.nodes.core import Step
from skmegatron.nodes.graph import Graph
from skmegatron.pipeline.remembering import Remembering
from skmegatron.pipeline.running import Ready

#: How many rows of a stream are kept until they are written in one transaction.
ROWS_A_WRITE = 4096

_opening = Lock()

#: The store that each pipeline has opened, and what it was opened for.
_opened: WeakKeyDictionary[Any, tuple[Any, DataStore]] = WeakKeyDictionary()


class Storing(Remembering):
    """A pipeline that has a place for its outputs."""

    name: str | None
    version: str | float | None

    @property
    def storage(self) -> Any:
        """The store under this name and version; None where the pipeline was given none.

        What is read was made by exactly this fitted pipeline; by the last that was fitted,
        where this one is not.

        Examples
        --------
        >>> import skmegatron as sm
        >>> x = sm.Input("x")
        >>> doubled = sm.layers.ScalarMultiply(2)(x, "doubled")
        >>> pipe = sm.Pipeline(x, doubled, name="demo", storage="sqlite://")
        >>> people = {"x": [10, 20], "who": ["ann", "bob"]}
        >>> _ = pipe.fit(people).transform(people, index_field="who")
        >>> pipe.storage.read(rows=["bob"])["doubled"]
        array([40])
        """
        given = vars(self).get("storage")
        if given is None:
            return None
        self._check_named()
        asked = (id(given), self.name, self.version, self.overwrite)
        with _opening:
            opened = _opened.get(self)
            if opened is None or opened[0] != asked:
                version = "" if self.version is None else str(self.version)
                opened = asked, DataStore(str(self.name), version, given, self.overwrite)
                _opened[self] = opened
        opened[1].fingerprint = self._fingerprint()
        return opened[1]

    @storage.setter
    def storage(self, given: Any) -> None:
        self.__dict__["storage"] = given

    def _check_named(self) -> None:
        if vars(self).get("storage") is not None and not self.name:
            raise ValueError(
                "storage keeps outputs under the pipeline's name, and it has none. Write "
                "Pipeline(..., name='digits', version='1', storage=...)."
            )

    def _valid_graph(self) -> Graph:
        graph = super()._valid_graph()
        self._check_named()
        return graph

    def _fingerprint(self) -> str | None:
        """Hash what the outputs depend on but for the data; None before the fit.

        Made once for each fit, and saved with it: estimators may keep what is different in
        another process, such as the address of an object.
        """
        graph, own = self.graph, self.__dict__  # which a fit in another thread replaces
        fitted: Mapping[str, Any] | None = own.get("steps_")
        if fitted is None and any(is_stateful(step) for step in graph.steps):
            return None
        if "_made_by" not in own or fitted is None:
            layers = {
                name: Portable((fitted or {}).get(name, step.layer))
                for step, name in ((step, graph.names[step]) for step in graph.steps)
            }
            made_by = str(joblib.hash((_drawing(graph), layers)))
            if fitted is None:  # parameters may change any time
                return made_by
            own["_made_by"] = made_by
        return str(own["_made_by"])

    def __getstate__(self) -> dict[str, Any]:
        given = vars(self).get("storage")
        if given is not None and "steps_" in vars(self):
            self._fingerprint()  # which is then part of the state
        state = super().__getstate__()
        if not isinstance(given, str | os.PathLike):
            state["storage"] = None  # an open connection belongs to this process
        return state

    def __copy__(self) -> Self:
        return self._twin(self.__getstate__())

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self._twin(deepcopy(self.__getstate__(), memo))

    def _twin(self, state: dict[str, Any]) -> Self:
        """Make another pipeline of a state, with the same place for its outputs."""
        twin = object.__new__(type(self))
        twin.__setstate__(state)
        for name in ("storage", "memory"):  # places, which both share
            twin.__dict__[name] = vars(self).get(name)
        return twin

    def _rows_to_keep(
        self, values: Mapping[Node, Any], ready: Ready, keys: Any, feed: Feed
    ) -> tuple[dict[str, Any], Any, Any]:
        """Give the outputs by name, the key of each of their rows, and the digest of each."""
        rows = _common_rows(ready, feed)
        digests = row_digests(_fed(ready, feed))
        if rows is not None:
            keys, digests = keys[rows], digests[rows]
        return named_arrays(ready, values), keys, digests

    def _check_stores(self, **asked: Any) -> None:
        """Refuse what only a store can do, where there is none."""
        for name, value in asked.items():
            if not isinstance(value, Hashable):
                raise TypeError(
                    f"{name}= takes the name of a column or key of X, got {type(value).__name__}. "
                    f"Put the keys into X, as in {{..., 'id': keys}}, and write {name}='id'."
                )
            if value and vars(self).get("storage") is None:
                raise ValueError(
                    f"{name}={value!r} is about stored outputs, and this pipeline stores none. "
                    "Write Pipeline(..., name='digits', storage='sqlite:///digits.db'), or leave "
                    f"{name}= out."
                )

    def _ready_and_place(self, graph: Graph, **how: Any) -> tuple[Ready, Place | None]:
        """Prepare a run of the outputs, and tell where they go: both of one fit."""
        while True:
            own = vars(self)
            ready = self._ready(graph, graph.outputs, **how)
            store = self.storage
            place = None if store is None else Place(store, self._fingerprint())
            if vars(self) is own:
                return ready, place
            # Another thread has fitted the pipeline meanwhile.

    def _run_and_store(self, place: Place, ready: Ready, keys: Any, feed: Feed) -> dict[Node, Any]:
        """Compute all rows, and write them."""
        values = self._run_ready(ready, feed)
        place.write(*self._rows_to_keep(values, ready, keys, feed))
        return values

    @contextmanager
    def _writing(
        self, place: Place | None, ready: Ready, index: str | None
    ) -> Iterator[Callable[..., None]]:
        """Write the outputs of a stream, some thousand rows at a time, the last at its end."""
        if place is None:
            yield lambda values, feed, X: None
            return
        place.store.store.open()  # before the source may be reading from the same database
        waiting = Waiting(place)
        n_seen = 0

        def add(values: Mapping[Node, Any] | None, feed: Feed, X: Any) -> None:
            nonlocal n_seen
            keys = row_keys(X, feed, index, n_seen)
            n_seen += len(keys)
            if values is not None:
                waiting.add(*self._rows_to_keep(values, ready, keys, feed))

        try:
            yield add
        except GeneratorExit:
            waiting.write()
            raise
        except BaseException as error:
            try:
                waiting.write()
            except Exception as other:  # noqa: BLE001 - told beside what happened first
                error.add_note(f"  and the last rows before it could not be stored: {other}")
            raise
        waiting.write()

    def _through_store(self, place: Place, ready: Ready, keys: Any, feed: Feed) -> dict[Node, Any]:
        """Compute the rows that the store does not hold as they are now, and read the others."""
        _check_rowwise(ready)
        names = {node: ready.graph.node_names[node] for node in ready.wanted}
        digests = row_digests(_fed(ready, feed))
        fresh = (place.digests(keys) == digests).all(axis=1)
        if place.store.replaces or not fresh.any():  # what is held is about to be dropped
            made = named_arrays(ready, self._run_and_store(place, ready, keys, feed))
            return {node: made[name] for node, name in names.items()}
        stored = place.read(keys[fresh])
        if fresh.all():
            return {node: stored[name] for node, name in names.items()}
        rest = Feed({node: take_rows(value, ~fresh) for node, value in feed.values.items()})
        made = named_arrays(ready, self._run_and_store(place, ready, keys[~fresh], rest))
        order = np.argsort(np.concatenate([np.flatnonzero(fresh), np.flatnonzero(~fresh)]))
        return {node: joined([stored[name], made[name]])[order] for node, name in names.items()}


@dataclass(frozen=True)
class Place:
    """Where the outputs of one fit go.

    Attributes
    ----------
    store : DataStore
    made_by : str or None
        The fingerprint of the fit.
    """

    store: DataStore
    made_by: str | None

    def write(self, arrays: Mapping[str, Any], keys: Any, digests: Any) -> None:
        """Write rows."""
        self.store.write(arrays, keys, fingerprint=self.made_by, digests=digests)

    def read(self, keys: Any) -> Mapping[str, Any]:
        """Read rows."""
        return self.store.read(rows=list(keys), fingerprint=self.made_by)

    def digests(self, keys: Any) -> Any:
        """Give the digests that rows were written with."""
        return self.store.digests(keys, fingerprint=self.made_by)


class Waiting:
    """Rows of a stream that are not written yet.

    Parameters
    ----------
    place : Place
    """

    def __init__(self, place: Place) -> None:
        self.place = place
        self.parts: list[tuple[dict[str, Any], Any, Any]] = []
        self._kinds: list[Any] = []

    def add(self, arrays: dict[str, Any], keys: Any, digests: Any) -> None:
        """Add the rows of a batch, and write when they are many."""
        kinds = [_kind(array) for array in arrays.values()]
        if kinds != self._kinds:  # joined, one would turn into the other
            self.write()
        self._kinds = kinds
        # Copies: these arrays have been handed out too, and who has them may change them.
        kept = {name: array.copy() for name, array in arrays.items()}
        self.parts.append((kept, keys, digests))
        if sum(len(keys) for _, keys, _ in self.parts) >= ROWS_A_WRITE:
            self.write()

    def write(self) -> None:
        """Write what is there in one transaction."""
        if not self.parts:
            return
        parts = self.parts
        columns = {name: joined([arrays[name] for arrays, _, _ in parts]) for name in parts[0][0]}
        keys = [some for _, some, _ in parts]
        alike = len({_kind(some) for some in keys}) == 1
        index = joined(keys) if alike else _objects([key for some in keys for key in some])
        self.place.write(columns, index, joined([digests for _, _, digests in parts]))
        self.parts = []


def _kind(array: Any) -> Any:
    return "U" if array.dtype.kind == "U" else array.dtype


def _objects(values: Sequence[Any]) -> NDArray[Any]:
    table = np.empty(len(values), dtype=object)
    table[:] = values
    return table


def row_keys(X: Any, feed: Feed, index_field: str | None, n_before: int = 0) -> NDArray[Any]:
    """Give the key of each fed row.

    Parameters
    ----------
    X : array-like, dataframe or mapping
        As it was handed in.
    feed : Feed
    index_field : str or None
        Name of the column of `X` that holds them.
    n_before : int, default=0
        How many rows came before, where they are counted.

    Returns
    -------
    ndarray of shape (n_rows,)
        The field, else the index of a pandas object, else the numbers of the rows.

    Raises
    ------
    MissingInputError
        If there is no such field.
    ShapeError
        If it does not hold one key for each row.
    """
    n_rows = next((int(v.shape[0]) for v in feed.values.values() if v is not None), 0)
    index = feed.index
    if index_field is None:
        # Numbers from 0 on say nothing of which batch of a stream it is.
        counted = isinstance(index, pd.RangeIndex) and (index.start, index.step) == (0, 1)
        if index is None or counted:
            return np.arange(n_before, n_before + n_rows)
        return np.asarray(index)
    keys = _field(X, index, index_field)
    if keys.shape != (n_rows,):
        raise ShapeError(
            f"index_field={index_field!r} must hold one key for each of the {n_rows} rows, got "
            f"shape {keys.shape}."
        )
    return keys


def _field(X: Any, index: Any, index_field: str) -> NDArray[Any]:
    if is_frame(X) and index_field in column_names(X):
        return select_column(X, column_names(X).index(index_field))
    if isinstance(X, Mapping) and index_field in X:
        keys = X[index_field]
        # A list may hold 0 beside "0", which an array would make the same.
        return _objects(keys) if isinstance(keys, list | tuple) else np.asarray(keys)
    if index is not None and index.name == index_field:
        return np.asarray(index)
    came = list(X) if isinstance(X, Mapping) else type(X).__name__
    came = column_names(X) if is_frame(X) else came
    raise MissingInputError(
        f"index_field={index_field!r} is not in the data, which has {came}. Name a column "
        "or key of X that tells the rows apart."
    )


def named_arrays(ready: Ready, values: Mapping[Node, Any]) -> dict[str, Any]:
    """Give the values asked for by name, as arrays.

    Parameters
    ----------
    ready : Ready
    values : mapping of Node to array

    Returns
    -------
    dict of str to {ndarray, sparse matrix}
    """
    arrays = {ready.graph.node_names[node]: values[node] for node in ready.wanted}
    return {
        name: select_block(value, range(len(column_names(value)))) if is_frame(value) else value
        for name, value in arrays.items()
    }


def _fed(ready: Ready, feed: Feed) -> dict[str, Any]:
    """Give by name what the outputs are made of."""
    read = (*ready.planned.inputs, *ready.planned.given)
    return {ready.graph.node_names[node]: feed.values[node] for node in read}


def _drawing(graph: Graph) -> list[Any]:
    """Write down which node is made of which."""
    lines: list[Any] = [
        (
            graph.names[step],
            [graph.node_names[node] for node in (*step.inbound_nodes, *_state(step))],
        )
        for step in graph.steps
    ]
    return [*lines, [graph.node_names[node] for node in graph.outputs]]


def _state(step: Step) -> Sequence[Node]:
    return () if step.state_of is None else (step.state_of,)


def _common_rows(ready: Ready, feed: Feed) -> Any:
    """Give the places of the rows that the outputs hold; None means all."""
    rows: list[Any] = [feed.rows.get(node) for node in ready.wanted]
    first = rows[0]
    if any((one is None) != (first is None) or not np.array_equal(one, first) for one in rows):
        names = [ready.graph.node_names[node] for node in ready.wanted]
        raise GraphError(
            f"The outputs {names} hold different rows, and storage keeps a row of all of them "
            "under one key. Make a pipeline for each, with its own name."
        )
    return first


def _check_rowwise(ready: Ready) -> None:
    """Insist that each row of the outputs comes from its own row of the data."""
    for task in ready.planned.tasks:
        layer = ready.work.layers.get(task.name, task.step.layer)
        if not getattr(layer, "rowwise", True):
            raise GraphError(
                f"cached=True computes only the rows that are new, and step {task.name!r} "
                f"({type(layer).__name__}) makes a row out of others. Leave cached= out."
            )


def joined(parts: Sequence[Any]) -> Any:
    """Put the rows of arrays, or of sparse matrices, one below the other."""
    if len(parts) == 1:
        return parts[0]
    if any(sparse.issparse(part) for part in parts):
        return sparse.vstack(parts, format="csr")
    return np.concatenate(parts)
