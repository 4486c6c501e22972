"""Do nothing twice: what a pipeline has learned and computed is kept in its `memory`.

The keys are made in `engine.lineage`, and `engine.cache` decides what is run. A fitted
pipeline holds the key of each step's learned state, and what that state looked like, so that a
step that somebody has changed by hand is told from the one that was fitted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from uuid import uuid4

from skmegatron.engine.accounts import account_of
from skmegatron.engine.cache import remembered
from skmegatron.engine.lineage import Origin
from skmegatron.engine.plan import Plan
from skmegatron.engine.run import Fit, Observe, Work, run
from skmegatron.engine.unwritten import leave_unwritten
from skmegatron.io.caching import OpenedCache, open_cache
from skmegatron.io.saving import unwrapped
from skmegatron.nodes.base import Node
from skmegatron.pipeline.running import Ready, Running, looks_of


class Remembering(Running):
    """A pipeline that has a place for what it need not compute again."""

    _lineage: dict[str, Any]

    @property
    def memory(self) -> OpenedCache | None:
        """The cache, with its ``stats()``; None where the pipeline was given none.

        Examples
        --------
        >>> import skmegatron as sm
        >>> x = sm.Input("x")
        >>> sm.Pipeline(x, x * 2, memory=sm.MemoryCache(max_bytes=2**20)).memory
        MemoryCache(max_bytes=1048576)
        """
        given = vars(self).get("memory")
        opened: tuple[Any, OpenedCache | None] = vars(self).get("_memory_opened", (None, None))
        if opened[0] is not given:
            opened = self._memory_opened = given, open_cache(given)
        return opened[1]

    @memory.setter
    def memory(self, given: Any) -> None:
        self.__dict__["memory"] = given

    def _run_work(self, ready: Ready, values: dict[Node, Any], work: Work) -> dict[Node, Any]:
        in_batches = type(work) is not Work  # where values depend on the batches before
        cache = None if in_batches else self._cache_for(ready.planned, values)
        if cache is None:
            return super()._run_work(ready, values, work)
        origin = Origin(work.layers, self._learned_keys(work.layers))
        found, _ = remembered(
            ready.planned, values, work, cache, origin, lambda left: None, self.n_jobs
        )
        return found

    def _run_fit(
        self,
        planned: Plan,
        fed: dict[Node, Any],
        work: Fit,
        observe: Callable[[Plan], Observe | None],
    ) -> tuple[dict[Node, Any], dict[str, str]]:
        """Fit, and give the values with the key of each learned state where there are keys."""
        cache = self._cache_for(planned, fed)
        if cache is None:
            direct = leave_unwritten(planned)
            return run(direct, fed, work, observe(direct), self.n_jobs), {}
        templates = {name: step.layer for name, step in work.graph.by_name.items()}
        origin = Origin(templates, held_out=work.validation, warm=work.warm)
        values, done = remembered(planned, fed, work, cache, origin, observe, self.n_jobs)
        for task in planned.tasks:
            for node in task.nodes if task.give else ():
                shape = done.shapes_at.get(done.lineage.nodes[node] or "")
                if shape is not None:
                    work.shapes.setdefault(work.graph.node_names[node], shape)
        return values, done.lineage.states

    def _cache_for(self, planned: Plan, fed: Mapping[Node, Any]) -> OpenedCache | None:
        """Give the cache, if there is one and asking it has paid so far."""
        cache = self.memory
        if cache is None or not planned.prune or not account_of(planned, fed, cache).asks():
            return None
        return cache

    def _learned_keys(self, layers: Mapping[str, Any]) -> dict[str, str]:
        """Give the key of each learned state that is still as it was learned.

        Of those among `layers`: another thread may have fitted the pipeline since they were taken.
        """
        own = self.__dict__
        fitted: Mapping[str, Any] = own.get("steps_", {})
        known: dict[str, tuple[str, Any]] | None = own.get("_lineage")
        if known is None:  # learned without a memory, or from batches
            known = own.get("_own_keys")
        if known is None:
            made_up = {name: uuid4().hex for name in fitted}
            known = own["_own_keys"] = _with_looks(made_up, fitted)
        return {
            name: key
            for name, (key, looks) in known.items()
            if name in fitted
            and layers.get(name) is fitted[name]
            and _same(looks, looks_of(fitted[name]))
        }

    def __getstate__(self) -> dict[str, Any]:
        state = super().__getstate__()
        # Keys that were made up for this process say nothing of what was learned: a pipeline is
        # the same before it has been used and after.
        for name in ("_memory_opened", "_own_keys"):
            state.pop(name, None)
        if "_lineage" in state:
            layers = {name: unwrapped(layer) for name, layer in state["steps_"].items()}
            state["_lineage"] = self._learned_keys(layers)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if "_lineage" in vars(self):
            self._lineage = _with_looks(self._lineage, self.steps_)


def _same(before: tuple[dict[str, Any], ...], now: tuple[dict[str, Any], ...]) -> bool:
    return all(
        old.keys() == new.keys() and all(value is new[name] for name, value in old.items())
        for old, new in zip(before, now, strict=True)
    )


def _with_looks(keys: Mapping[str, str], layers: Mapping[str, Any]) -> dict[str, Any]:
    return {name: (key, looks_of(layers[name])) for name, key in keys.items() if name in layers}
