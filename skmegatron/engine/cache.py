"""Run only what has not been computed before.

`remembered` asks from the outputs down what the cache holds: a step whose value or learned
state is found is not run, and nothing above it is looked at. What is left is an ordinary plan.
While it runs, `Remembering` measures each step and keeps what `engine.accounts` finds worth it.
"""

from __future__ import annotations

import pickle
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import sparse

from skmegatron.engine.accounts import AGAIN, account_of, books_of, kind_of, size_of
from skmegatron.engine.lineage import Lineage, Origin
from skmegatron.engine.plan import Plan, Task, handing_on, is_stateful, with_last_readers
from skmegatron.engine.run import Observe, Work, run, split_outputs
from skmegatron.engine.workers import Outcome
from skmegatron.io.caching import OpenedCache, decode, encode
from skmegatron.io.digest import changed, global_random_state, randomness
from skmegatron.nodes.base import Node
from skmegatron.nodes.core import StepNode

#: Attributes of layers, and of pipelines within them, that follow from the others.
_IN_PASSING = {
    *("_asker", "_observer"),
    *("_compiled_graph", "_made_by", "_memory_opened", "_own_keys"),
}


def attributes_of(layer: Any) -> dict[str, Any]:
    """Give what a layer consists of, without what it only holds while it is at work.

    Parameters
    ----------
    layer : layer

    Returns
    -------
    dict of str to object
    """
    return {name: value for name, value in vars(layer).items() if name not in _IN_PASSING}


@dataclass(frozen=True)
class Timed:
    """What came of a measured call.

    Attributes
    ----------
    outcome : Outcome
    seconds : float
    drew : bool
        Whether it may have drawn random numbers that another run would draw differently.
    """

    outcome: Outcome
    seconds: float
    drew: bool


@dataclass(frozen=True)
class Measured:
    """Call something, and measure it.

    Attributes
    ----------
    inner : callable
    watch : bool
        Whether it may draw from the global random generators.
    """

    inner: Callable[[], Outcome]
    watch: bool

    def __call__(self) -> Timed:
        """Compute.

        Returns
        -------
        Timed
        """
        before = global_random_state() if self.watch else None
        begin = time.perf_counter()
        outcome = self.inner()
        seconds = time.perf_counter() - begin
        return Timed(outcome, seconds, before is not None and changed(before))


class Remembering(Work):
    """Do what another work does, and keep what is worth it.

    Parameters
    ----------
    inner : Work
    lineage : Lineage
    cache : OpenedCache
    size : int
        Of the fed data, as `account_of` sorts it.

    Attributes
    ----------
    shapes_at : dict of str to tuple of int
        Shape of one observation of each value that is known, by key.
    computed, saved, keeping : float
        Seconds in which steps were computed, in which others would have been, and in which what
        came of them was put into the cache.
    """

    def __init__(self, inner: Work, lineage: Lineage, cache: OpenedCache, size: int) -> None:
        super().__init__(inner.layers, inner.graph)
        self.layers: Any = inner.layers  # a dictionary that grows, where there is a fit
        self.inner = inner
        self.doing = inner.doing
        self.rows = inner.rows
        self.lineage = lineage
        self.cache = cache
        self.books = books_of(cache)
        self.size = size
        self.shapes_at: dict[str, tuple[int, ...]] = {}
        self._before: dict[str, dict[str, Any]] = {}
        # Seconds that went into each value since what the cache holds.
        self._waiting: dict[Node, float] = {}
        self.computed = self.saved = self.keeping = 0.0
        # Values that another run would draw differently, and what is made of them.
        self._drawn: set[Node] = set()

    def find(self, task: Task, *, give: bool) -> dict[Node, Any] | None:
        """Look for what a task would compute.

        Parameters
        ----------
        task : Task
        give : bool
            Whether its value is needed.

        Returns
        -------
        dict of Node to array, or None
            The values, without any where none is needed; None where the task must be run.
        """
        key = self.lineage.tasks[task.step]
        found: dict[Node, Any] = {}
        seconds = 0.0
        rows = None
        if give:
            loaded = None if key is None else self._load(key)
            if loaded is None:
                return None
            outputs, seconds, rows = loaded
            found = {node: outputs[node.layer_out_index] for node in task.nodes}
        if task.fit:
            loaded = None
            if task.step not in self.lineage.private:
                loaded = self._load(self.lineage.states[task.name])
            if loaded is None:
                return None
            learned, fitting, _ = loaded
            template = task.step.layer
            layer = type(template)(**template.get_params(deep=False))
            layer.__dict__.update(learned)
            self.layers[task.name] = layer
            seconds = max(seconds, fitting)
        if rows is not None:
            self.rows.update(dict.fromkeys(task.nodes, rows))
        self.saved += seconds
        self.cache.counters.add(hits=1, seconds=seconds)
        return found

    def _load(self, key: str) -> tuple[Any, float, Any] | None:
        """Give what is held under a key, the seconds that saves, and places of rows."""
        begin = time.perf_counter()
        try:
            content = self.cache.get(key)
            if content is None:
                return None
            value, meta = decode(content)
        except ValueError:  # not what was put there: computed again, and replaced
            return None
        self.shapes_at.update({key: tuple(shape) for key, shape in meta["shapes"].items()})
        rows = None
        if meta["rows"]:
            *value, rows = value
        return value, max(meta["seconds"] - (time.perf_counter() - begin), 0.0), rows

    def call(self, task: Task, arrays: list[Any], fit_only: dict[str, Any]) -> Any:  # noqa: D102 - documented on Work
        if task.fit:
            self._before[task.name] = attributes_of(self.layers[task.name])
        kind = randomness(self.layers.get(task.name, task.step.layer))
        if kind == "own" and (task.fit or not is_stateful(task.step)):
            self._drawn.update(task.nodes)  # and leave no trace
            self.lineage.make_private(task)
        return Measured(self.inner.call(task, arrays, fit_only), kind == "global")

    def take(self, task: Task, outcome: Any) -> Any:  # noqa: D102 - documented on Work
        value = self.inner.take(task, outcome.outcome)
        self.cache.counters.add(misses=1)
        self.computed += outcome.seconds
        # Two paths may share what is above them, but no value took more than the whole run.
        waited = sum(self._waiting.get(node, 0.0) for node in task.reads)
        seconds = min(outcome.seconds + waited, self.computed)
        if outcome.drew or any(node in self._drawn for node in task.reads):
            self._drawn.update(task.nodes)
            self.lineage.make_private(task)
        begin = time.perf_counter()
        if task.fit:
            self._keep_state(task, seconds)
        if task.give:
            self._keep_value(task, split_outputs(task.step, value), seconds)
        self.keeping += time.perf_counter() - begin
        return value

    def _keep_state(self, task: Task, seconds: float) -> None:
        """Put what a step has learned into the cache, if that is worth it."""
        if task.step in self.lineage.private:
            return
        kind = kind_of(task), self.size
        if seconds < AGAIN * self.cache.cost(self.books.state_bytes.get(kind, 0)):
            return
        before = self._before.pop(task.name)
        now = attributes_of(self.layers[task.name])
        learned = {key: value for key, value in now.items() if before.get(key, self) is not value}
        content = self._encoded(task, learned, seconds)
        if content is None:
            return
        self.books.state_bytes[kind] = len(content)
        key = self.lineage.states[task.name]
        if self.books.worth(key, seconds, self.cache.cost(len(content))):
            self.cache.put(key, content)

    def _keep_value(self, task: Task, outputs: Sequence[Any], seconds: float) -> None:
        """Put the outputs of a step into the cache, if that is worth it."""
        for node in task.nodes:
            self._note_shape(node, outputs[node.layer_out_index])
        self._waiting.update(dict.fromkeys(task.nodes, seconds))
        key = self.lineage.tasks[task.step]
        changes_rows = getattr(self.layers.get(task.name), "changes_rows", False)
        if key is None or task.step in self.lineage.private or changes_rows:
            return
        cost = self.cache.cost(sum(_n_bytes(output) for output in outputs))
        if self.books.worth(key, seconds, cost):
            fed = () if task.step.train_only else task.inbound
            rows = next((self.rows[n] for n in fed if n in self.rows), None)
            with_rows = outputs if rows is None else (*outputs, rows)
            content = self._encoded(task, tuple(with_rows), seconds, rows=rows is not None)
            if content is not None:
                self.cache.put(key, content)
                self._waiting.update(dict.fromkeys(task.nodes, 0.0))

    def _encoded(self, task: Task, value: Any, seconds: float, *, rows: bool = False) -> Any:
        """Give the bytes to keep; None for what cannot be pickled, and so not be kept."""
        meta = {"seconds": seconds, "shapes": self._shapes_above(task), "rows": rows}
        try:
            return encode(value, meta)
        except (pickle.PicklingError, TypeError, AttributeError, ValueError):
            return None

    def _note_shape(self, node: Node, value: Any) -> None:
        key = self.lineage.nodes[node]
        if key is not None:
            self.shapes_at[key] = tuple(np.shape(value)[1:])

    def _shapes_above(self, task: Task) -> dict[str, list[int]]:
        """Give the shapes that are known of a task and of what it reads.

        Steps that learn tell their own; between them nobody else would.
        """
        found: dict[str, list[int]] = {}
        waiting: list[Node] = [*task.nodes, *task.step.parents]
        seen = set(waiting)
        while waiting:
            node = waiting.pop()
            key = self.lineage.nodes.get(node)
            if key is not None and key in self.shapes_at:
                found[key] = list(self.shapes_at[key])
            if isinstance(node, StepNode) and not is_stateful(node.step):
                above = [parent for parent in node.step.parents if parent not in seen]
                seen.update(above)
                waiting.extend(above)
        return found

    def kept_rows(self, task: Task, arrays: Sequence[Any]) -> Any:  # noqa: D102 - documented on Work
        return self.inner.kept_rows(task, arrays)

    def hand_on(self, task: Task, values: dict[Node, Any]) -> None:  # noqa: D102 - documented on Work
        super().hand_on(task, values)
        for node, source in zip(task.nodes, task.inbound, strict=True):
            self._waiting[node] = self._waiting.get(source, 0.0)
            if source in self._drawn:
                self._drawn.add(node)


def remembered(
    plan: Plan,
    fed: dict[Node, Any],
    work: Work,
    cache: OpenedCache,
    origin: Origin,
    observe: Callable[[Plan], Observe | None],
    n_jobs: int | None = None,
) -> tuple[dict[Node, Any], Remembering]:
    """Run a plan, taking from a cache what it holds.

    Parameters
    ----------
    plan : Plan
    fed : dict of Node to array
        Values of the plan's inputs; it is emptied, so that they are dropped at their last reader.
    work : Work
        What is done at each step that must be run.
    cache : OpenedCache
    origin : Origin
    observe : callable
        Takes the plan of what is left to run, and gives what `run` calls around each task.
    n_jobs : int, default=None

    Returns
    -------
    tuple of (dict of Node to array, Remembering)
        At least the wanted values, and who knows what was learned.
    """
    begin = time.perf_counter()
    account, size = account_of(plan, fed, cache), size_of(fed)
    lineage = Lineage(plan, work.graph, fed, origin)
    remembering = Remembering(work, lineage, cache, size)
    tasks, loaded = _frontier(plan, remembering)
    left = Plan(tuple(with_last_readers(tasks, plan.wanted)), plan.inputs, plan.wanted)
    needed = {*plan.wanted, *(node for task in tasks for node in task.reads)}
    start = {node: value for node, value in fed.items() if node in needed}
    fed.clear()
    start.update(loaded)
    given = [node for node in plan.wanted if node in loaded]
    del loaded
    values = run(left, start, remembering, observe(left), n_jobs)
    for node in given:
        if isinstance(values[node], np.ndarray):
            # What the cache gave belongs to the cache; what goes out may be written into.
            values[node] = values[node].copy(order="K")
    # What was kept may pay later, and is weighed where it is kept.
    asking = time.perf_counter() - begin - remembering.computed - remembering.keeping
    account.settle(asking, remembering.computed, remembering.saved)
    return values, remembering


def _frontier(plan: Plan, remembering: Remembering) -> tuple[list[Task], dict[Node, Any]]:
    """Ask from the outputs down which tasks must be run, and what stands in for the others."""
    needed: set[Node] = set(plan.wanted)
    tasks: list[Task] = []
    loaded: dict[Node, Any] = {}
    for task in reversed(plan.tasks):
        give = any(node in needed for node in task.nodes)
        if not give and not task.fit:
            continue
        if task.hands_on:
            asked = [node for node in task.nodes if node in needed]
            tasks.append(handing_on(task.step, task.name, asked))
            needed.update(tasks[-1].reads)
            continue
        found = remembering.find(task, give=give)
        if found is None:
            tasks.append(replace(task, give=give))
            needed.update(task.reads)
        else:
            loaded.update({node: value for node, value in found.items() if node in needed})
    return tasks[::-1], loaded


def _n_bytes(value: Any) -> int:
    """Tell how large an array is; about, where it is a table or sparse."""
    if sparse.issparse(value):
        return int(value.nnz * (value.dtype.itemsize + 4))
    n_bytes: Any = getattr(value, "nbytes", None)
    if n_bytes is None and hasattr(value, "memory_usage"):
        n_bytes = value.memory_usage().sum()
    known = isinstance(n_bytes, int | np.integer)
    return int(n_bytes) if known else sys.getsizeof(value)
