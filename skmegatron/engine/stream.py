"""Fit batch by batch: how many passes it takes, and what each one does.

A step must have learned everything before the steps below it can learn, so a graph is
fitted in as many passes over the batches as its longest chain of steps that learn. Steps
that do not wait for each other share a pass. What a layer has to remember from one batch to the
next, such as the last rows of a window, is kept by the work and ends with the pass.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from skmegatron.engine.plan import Plan, Task, plan
from skmegatron.engine.run import Layers, Work, as_labels
from skmegatron.errors import StreamError
from skmegatron.io.seen import note_rows
from skmegatron.nodes.base import Node
from skmegatron.nodes.core import Step, StepNode
from skmegatron.nodes.graph import Graph


@dataclass(frozen=True)
class Pass:
    """One reading of all batches.

    Attributes
    ----------
    learn : tuple of Step
        The steps that take the batches in.
    collect : tuple of Step
        The classifiers whose classes are gathered, so that they can learn in the next pass.
    epoch : int
        Counted from 1. The second and later ones repeat the first for models.
    plan : Plan
    """

    learn: tuple[Step, ...]
    collect: tuple[Step, ...]
    epoch: int
    plan: Plan


def fit_passes(graph: Graph, epochs: int = 1) -> list[Pass]:
    """Decide in which passes a graph is fitted.

    Parameters
    ----------
    graph : Graph
    epochs : int, default=1
        How often models, which learn more from a second reading, take the batches in.

    Returns
    -------
    list of Pass

    Raises
    ------
    StreamError
        If a step cannot learn from batches; the message says what to use instead.
    """
    learn: defaultdict[int, list[Step]] = defaultdict(list)
    collect: defaultdict[int, list[Step]] = defaultdict(list)
    waits: set[int] = set()
    known_after: dict[Step, int] = {}
    for task in plan(graph, (), fit=True).tasks:
        step, layer = task.step, task.step.layer
        read = step.parents if task.fit else (*task.inbound, *_state(step))
        ready = max((_after(node, known_after) for node in read), default=0)
        if not task.fit:
            known_after[step] = ready
            continue
        _check_learns(task)
        if getattr(layer, "takes_classes", False) and "y" in step.fit_only:
            seen = _after(step.fit_only["y"], known_after) + 1
            collect[seen].append(step)
            ready = max(ready, seen)
        learn[ready + 1].append(step)
        if getattr(layer, "learns_nothing", False):
            known_after[step] = ready  # fitted on the first batch, and ready to give values
        else:
            known_after[step] = ready + 1
            waits.add(ready + 1)
    passes = []
    for level in sorted({*waits, *collect} or {1 for _ in learn}):
        models = [step for step in learn[level] if _gains(step.layer)]
        for epoch in range(1, (epochs if models else 1) + 1):
            chosen = learn[level] if epoch == 1 else models
            asked = collect[level] if epoch == 1 else []
            labels = [step.fit_only["y"] for step in asked]
            planned = plan(graph, labels, learning=frozenset(chosen))
            passes.append(Pass(tuple(chosen), tuple(asked), epoch, planned))
    return passes


def late_learners(graph: Graph, passes: Sequence[Pass]) -> list[Step]:
    """List the steps that no pass fits: behind the last that learns, with nothing to learn.

    Parameters
    ----------
    graph : Graph
    passes : sequence of Pass

    Returns
    -------
    list of Step
    """
    fitted = {step for one in passes for step in one.learn}
    tasks = plan(graph, (), fit=True).tasks
    return [task.step for task in tasks if task.fit and task.step not in fitted]


def _gains(layer: Any) -> bool:
    """Tell whether a layer learns more from taking the same batches in again."""
    learns = not getattr(layer, "learns_nothing", False)
    return learns and getattr(layer, "takes_epochs", False)


def _after(node: Node, known_after: Mapping[Step, int]) -> int:
    return known_after[node.step] if isinstance(node, StepNode) else 0


def _state(step: Step) -> tuple[Node, ...]:
    return () if step.state_of is None else (step.state_of,)


def learns_in_batches(layer: Any) -> bool:
    """Tell whether a layer can be fitted batch by batch.

    Parameters
    ----------
    layer : layer

    Returns
    -------
    bool
        Also where it has nothing to learn, and no ``partial_fit``.
    """
    # Out-of-fold values need all rows at once.
    out_of_fold = getattr(layer, "cv", None) is not None
    learns_nothing = getattr(layer, "learns_nothing", False)
    return not out_of_fold and (hasattr(layer, "partial_fit") or learns_nothing)


def _check_learns(task: Task) -> None:
    layer = task.step.layer
    inner = getattr(getattr(layer, "wrapped", layer), "graph", None)
    if isinstance(inner, Graph) and sum(bool(one.learn) for one in fit_passes(inner)) > 1:
        raise StreamError(
            f"Step {task.name!r} is a pipeline whose own steps wait for each other, and a step "
            "has one pass to learn in. Draw its steps in this graph, or fit it on a sample and "
            "freeze it: Frozen(pipeline.fit(sample))."
        )
    if not learns_in_batches(layer):
        raise StreamError(cannot_learn(task))


def cannot_learn(task: Task) -> str:
    """Say that a step cannot learn from batches, and what to do.

    Parameters
    ----------
    task : Task

    Returns
    -------
    str
    """
    layer = task.step.layer
    advice = getattr(layer, "batch_advice", "Define partial_fit(self, X) on the layer.")
    return (
        f"Step {task.name!r} ({type(getattr(layer, 'wrapped', layer)).__name__}) cannot learn "
        f"from batches. {advice}"
    )


class Stream(Work):
    """Give the values of one batch after the other, remembering what layers need of the last.

    Parameters
    ----------
    layers : mapping of str to layer
    graph : Graph

    Notes
    -----
    Where no rows of a batch are left, a step has no value for it: most estimators cannot
    be called on nothing.
    """

    in_order = True

    def __init__(self, layers: Layers, graph: Graph) -> None:
        super().__init__(layers, graph)
        self.tails: dict[str, Any] = {}
        self._before: dict[str, Any] = {}

    def anew(self) -> Stream:
        """Give itself: what it remembers goes on to the next batch."""
        return self

    def do(self, task: Task, arrays: list[Any], fit_only: dict[str, Any]) -> Any:  # noqa: D102 - documented on Work
        if any(array is None or array.shape[0] == 0 for array in arrays):
            return None if task.whole else (None,) * task.step.n_outputs
        if task.fit:
            self.learn(task, arrays, fit_only)
        return self.respond(task, arrays) if task.give else None

    def learn(self, task: Task, arrays: list[Any], fit_only: dict[str, Any]) -> None:
        """Take a batch in."""
        raise NotImplementedError

    def respond(self, task: Task, arrays: Sequence[Any]) -> Any:  # noqa: D102 - documented on Work
        layer = self.layers.get(task.name)
        if task.step.state_of is not None or task.method != "transform":
            return super().respond(task, arrays)
        batchwise = getattr(layer, "transform_batch", None)
        if batchwise is None:
            return super().respond(task, arrays)
        self._before[task.name] = self.tails.get(task.name)
        value, self.tails[task.name] = batchwise(self._before[task.name], *arrays)
        return value

    def kept_rows(self, task: Task, arrays: Sequence[Any]) -> Any:  # noqa: D102 - documented on Work
        before = self._before.get(task.name)
        known = {} if before is None else {"state": before}
        return self.layers[task.name].kept_rows(*arrays, **known)


class BatchFit(Stream):
    """Let steps take in one batch after the other.

    Parameters
    ----------
    layers : mapping of str to layer
        This changes them.
    graph : Graph
    classes : array of shape (n_classes,), default=None
        All labels there are, for classifiers whose own are not in `gathered`.
    """

    doing = "fitting a batch"

    def __init__(self, layers: Layers, graph: Graph, classes: Any = None) -> None:
        super().__init__(layers, graph)
        self.classes = classes
        #: Of each classifier: the labels seen so far, one array per column of the target.
        self.gathered: dict[str, list[Any]] = {}
        self.shapes: dict[str, tuple[int, ...]] = {}
        self._taught: set[str] = set()

    def begin(self, learning: Sequence[Step] = ()) -> None:
        """Start a pass: what layers remember of the last batch is gone.

        Parameters
        ----------
        learning : sequence of Step, default=()
            The steps that will learn in it. Layers that count epochs are told.
        """
        self.tails = {}
        self._tell(learning, "begin_epoch")

    def end(self, learning: Sequence[Step]) -> None:
        """End a pass.

        Parameters
        ----------
        learning : sequence of Step
        """
        self._tell(learning, "end_epoch")

    def finish(self) -> None:
        """End the last pass: there will be no more batches."""
        self._tell(self.graph.steps, "end_stream")

    def _tell(self, steps: Sequence[Step], what: str) -> None:
        for step in steps:
            layer = self.layers.get(self.graph.names[step])
            if hasattr(layer, what):
                getattr(layer, what)()

    def needs(self, steps: Sequence[Step]) -> bool:
        """Tell whether any of the steps would learn more from another pass.

        Parameters
        ----------
        steps : sequence of Step

        Returns
        -------
        bool
        """
        layers = [self.layers[self.graph.names[step]] for step in steps]
        return not all(getattr(layer, "learned_enough", False) for layer in layers)

    def learn(self, task: Task, arrays: list[Any], fit_only: dict[str, Any]) -> None:  # noqa: D102 - documented on Stream
        layer = self.layers[task.name]
        if getattr(layer, "learned_enough", False):
            return
        first = task.name not in self._taught
        self._taught.add(task.name)
        if getattr(layer, "learns_nothing", False):
            if first:
                layer.fit(*arrays, **fit_only)
            return
        if getattr(layer, "takes_classes", False):
            classes = self._classes(task.name)
            if classes is not None:
                fit_only["classes"] = classes
        layer.partial_fit(*arrays, **fit_only)
        note_rows(layer, arrays, fit_only, vars(layer).get("_seen"))

    def check_taught(self, steps: Sequence[Step]) -> None:
        """Insist, at the end of a pass, that steps have had something to learn from.

        Parameters
        ----------
        steps : sequence of Step

        Raises
        ------
        StreamError
            If a step has not.
        """
        for step in steps:
            name = self.graph.names[step]
            if name not in self._taught:
                raise StreamError(
                    f"No rows have reached step {name!r} in any batch, so it has nothing to "
                    "learn from. Check the masks of the Filter layers above it."
                )

    def _classes(self, name: str) -> Any:
        columns = self.gathered.get(name)
        if columns is None:
            return self.classes
        return columns[0] if len(columns) == 1 else columns

    def gather(self, step: Step, values: Mapping[Node, Any]) -> None:
        """Add the labels of a batch to the classes that a classifier will be told.

        Parameters
        ----------
        step : Step
        values : mapping of Node to array
            Of the batch.
        """
        labels = as_labels(step.fit_only["y"], values[step.fit_only["y"]])
        if labels is None:
            return
        labels = np.asarray(labels)
        columns = [labels] if labels.ndim == 1 else list(labels.T)
        seen = self.gathered.setdefault(self.graph.names[step], [])
        for place, column in enumerate(columns):
            known = np.unique(column)
            if place < len(seen):
                seen[place] = np.union1d(seen[place], known)
            else:
                seen.append(known)
