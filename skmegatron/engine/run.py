"""Run a plan.

`values` maps each node to its array. It starts with the fed inputs, grows by one step at
a time, and loses a node as soon as the plan says that no later step needs it, so at any
moment it holds only what is still to be used.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, MutableMapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

from skmegatron.engine.heldout import HeldOut, other_labels
from skmegatron.engine.plan import Level, Plan, Task, is_fed, levels
from skmegatron.engine.workers import Call, Failed, Outcome, Workers, n_workers
from skmegatron.io.tables import describe, guarded
from skmegatron.nodes.base import Node
from skmegatron.nodes.graph import Graph

Layers = Mapping[str, Any]
Observe = Callable[[Task, Any], AbstractContextManager[Any]]


class Work:
    """What is done at a step. Subclasses say which methods of the layer are called.

    Parameters
    ----------
    layers : mapping of str to layer
        The layer of each step, by the step's name.
    graph : Graph
        Knows the names.
    """

    doing = "transforming"
    #: Whether steps must run one after the other, because they change what is kept here.
    in_order = False
    #: Places of the rows that are left, for nodes behind a step that takes some away.
    rows: dict[Node, Any]

    def __init__(self, layers: Layers, graph: Graph) -> None:
        self.layers = layers
        self.graph = graph
        self.rows = {}

    def do(self, task: Task, arrays: list[Any], fit_only: dict[str, Any]) -> Any:
        """Give the value of a step.

        Parameters
        ----------
        task : Task
        arrays : list of array
            Values of the inbound nodes.
        fit_only : dict of str to array
            Values of the fit-only nodes; empty where the step does not learn.

        Returns
        -------
        array, tuple of arrays or None
            None where nobody reads the value.
        """
        return self.take(task, self.call(task, arrays, fit_only)())

    def call(
        self, task: Task, arrays: list[Any], fit_only: dict[str, Any]
    ) -> Callable[[], Outcome]:
        """Give what computes a step's value when it is called, in any thread or process.

        Parameters
        ----------
        task : Task
        arrays : list of array
        fit_only : dict of str to array
            As in `do`.

        Returns
        -------
        callable
            It holds the layer, and the arrays that the layer reads.
        """
        layer, method = self.answering(task)
        return Call(layer, method, arrays)

    def take(self, task: Task, outcome: Outcome) -> Any:
        """Keep what a call has learned, and give the value; always in the thread of the run.

        Parameters
        ----------
        task : Task
        outcome : Outcome

        Returns
        -------
        array, tuple of arrays or None
        """
        return outcome.value

    def anew(self) -> Work:
        """Give the work for another run over the same layers."""
        return type(self)(self.layers, self.graph)

    def answering(self, task: Task) -> tuple[Any, str]:
        """Give the layer that gives the step's value, and the method of it."""
        source = task.step.state_of
        if source is not None:
            return self.layers[self.graph.names[source.step]], "inverse_transform"
        return self.layers[task.name], task.method

    def respond(self, task: Task, arrays: Sequence[Any]) -> Any:
        """Call the method that gives the step's value, learning nothing."""
        layer, method = self.answering(task)
        return getattr(layer, method)(*arrays)

    def kept_rows(self, task: Task, arrays: Sequence[Any]) -> Any:
        """Tell which rows a step that takes some away has left."""
        return self.layers[task.name].kept_rows(*arrays)

    def hand_on(self, task: Task, values: dict[Node, Any]) -> None:
        """Give on what a step reads that changes the rows while fitting only.

        Parameters
        ----------
        task : Task
        values : dict of Node to array
            Grows.
        """
        for node, source in zip(task.nodes, task.inbound, strict=True):
            values[node] = values[source]
            if source in self.rows:
                self.rows[node] = self.rows[source]


class Fit(Work):
    """Fit each step that learns, and give its value while at it.

    Parameters
    ----------
    layers : mapping of str to layer
        Unfitted layers, which this fits, or puts fitted copies in the place of.
    graph : Graph
    validation : dict of Node to array, default=None
        Held-out values of the inputs. They go through the steps fitted on the training
        rows, each once, and reach the layers that take ``validation_data``.
    """

    doing = "fitting"
    layers: MutableMapping[str, Any]
    #: Shape of one observation at each node whose value was computed, by node name.
    shapes: dict[str, tuple[int, ...]]
    #: Names of the steps that go on from an earlier fit.
    warm: Collection[str] = ()

    def __init__(
        self,
        layers: MutableMapping[str, Any],
        graph: Graph,
        validation: dict[Node, Any] | None = None,
    ) -> None:
        super().__init__(layers, graph)
        self.validation = validation
        self._held_out = None if validation is None else HeldOut(graph, validation)
        self.shapes = {}

    def call(  # noqa: D102 - documented on Work
        self, task: Task, arrays: list[Any], fit_only: dict[str, Any]
    ) -> Callable[[], Outcome]:
        layer, method = self.answering(task)
        if not task.fit:
            return Call(layer, method, arrays)
        if self._held_out is not None and getattr(layer, "takes_validation", False):
            fit_only["validation_data"] = self._validation_data(task, self._held_out)
        return Call(layer, method, arrays, fit_only, task.give)

    def take(self, task: Task, outcome: Outcome) -> Any:  # noqa: D102 - documented on Work
        if outcome.layer is not None:
            self.layers[task.name] = outcome.layer
        if task.give:
            outputs = split_outputs(task.step, outcome.value)
            for node in task.nodes:
                shape = np.shape(outputs[node.layer_out_index])
                self.shapes[self.graph.node_names[node]] = tuple(shape[1:])
        return outcome.value

    def _validation_data(self, task: Task, held_out: HeldOut) -> tuple[Any, ...]:
        """Give what a step reads of the held-out rows, their labels, and weights if known."""
        wanted, planned = held_out.asked_by(task.step)
        values = run(planned, held_out.values, Work(self.layers, self.graph))
        labels, weights = (task.step.fit_only.get(key) for key in ("y", "sample_weight"))
        y = None if labels is None else guarded(as_labels(labels, values[labels]))
        others = [guarded(values[node]) for node in other_labels(task.step)]
        found: tuple[Any, ...] = (
            [guarded(values[node]) for node in task.step.inbound_nodes],
            [y, *others] if others else y,
        )
        if weights is not None and weights in wanted:
            found = *found, guarded(values[weights])
        held_out.forget()
        return found


def run(
    planned: Plan,
    values: dict[Node, Any],
    work: Work,
    observe: Observe | None = None,
    n_jobs: int | None = 1,
) -> dict[Node, Any]:
    """Run a plan on fed values.

    Parameters
    ----------
    planned : Plan
    values : dict of Node to array
        Values of the plan's inputs. The run goes on with this dictionary, so that they too are
        dropped at their last reader.
    work : Work
        What is done at each step.
    observe : callable, default=None
        Gives a context manager around each task and its layer, for progress and timing. Of steps
        that run at once it is told when their results are taken, with None for the layer.
    n_jobs : int or None, default=1
        How many independent steps run at once, as joblib takes it. Neither values nor errors
        depend on it.

    Returns
    -------
    dict of Node to array
        At least the plan's wanted nodes; everything where the plan does not prune.

    Raises
    ------
    Exception
        Whatever a layer raises, with a note that tells the step, what it was doing, and
        what came in.
    """
    alone = n_jobs is None and len(planned.tasks) == 1  # asking joblib would take its time
    if not alone and not work.in_order and n_workers(n_jobs) > 1:
        return _in_levels(planned, values, work, observe or _unobserved, n_jobs)
    if observe is None and type(work) is Work:
        return _lean(planned, values, work)
    for task in planned.tasks:
        _do(task, values, work, observe or _unobserved)
        for node in task.spent:
            values.pop(node, None)
    return values


def _unobserved(task: Task, layer: Any) -> AbstractContextManager[Any]:
    return nullcontext()


def _do(task: Task, values: dict[Node, Any], work: Work, observe: Observe) -> None:
    """Do one task; its own names end with it, or arrays would outlive their last reader."""
    if task.hands_on:
        with observe(task, None):
            work.hand_on(task, values)
        return
    # Guarded: an estimator with copy=False must not write into what others read too.
    arrays = [guarded(values[node]) for node in task.inbound]
    try:
        with observe(task, work.layers.get(task.name)):
            result = work.do(task, arrays, _fit_only(task, values))
        _put(task, result, arrays, values, work)
    except Exception as error:  # whatever a layer raises is told with its place, and raised
        error.add_note(_where(task, arrays, work))
        raise


def _lean(planned: Plan, values: dict[Node, Any], work: Work) -> dict[Node, Any]:
    """Run without learning and without anybody watching: the same as `_do`, in fewer calls."""
    for task in planned.tasks:
        if task.hands_on:
            work.hand_on(task, values)
            for node in task.spent:
                values.pop(node, None)
            continue
        arrays = [guarded(values[node]) for node in task.inbound]
        try:
            layer, method = work.answering(task)
            result = getattr(layer, method)(*arrays)
            if task.whole:
                values[task.nodes[0]] = result
            else:
                _store(task, result, values)
            if work.rows or getattr(layer, "changes_rows", False):
                _follow_rows(task, arrays, work)
        except Exception as error:  # as in `_do`
            error.add_note(_where(task, arrays, work))
            raise
        del arrays, result  # or they would outlive their last reader
        for node in task.spent:
            values.pop(node, None)
    return values


def _in_levels(
    planned: Plan, values: dict[Node, Any], work: Work, observe: Observe, n_jobs: int | None
) -> dict[Node, Any]:
    """Run the tasks of a level at once, one level after the other."""
    waiting = dict(enumerate(planned.tasks))
    with Workers(n_jobs) as workers:
        for level in levels(planned):
            failed = _do_level(level, values, work, observe, workers)
            done = [place for place, _ in level.tasks if failed is None or place < failed[0]]
            for place in done:
                del waiting[place]
            if failed is not None:
                for place, task in waiting.items():  # in the order of a run without workers
                    if place < failed[0]:
                        _do(task, values, work, observe)
                try:
                    raise failed[1]
                finally:
                    del failed  # the error holds on to this frame, and with it to all values
            for node in level.spent:
                values.pop(node, None)
    return values


def _do_level(
    level: Level, values: dict[Node, Any], work: Work, observe: Observe, workers: Workers
) -> tuple[int, Exception] | None:
    """Do the tasks of a level; give the first error in the plan's order, and its place."""
    tasks = [(place, task) for place, task in level.tasks if not task.hands_on]
    for _, task in level.tasks:
        if task.hands_on:  # nothing is computed, so nothing need be sent to a worker
            _do(task, values, work, observe)
    if len(tasks) == 1:
        return _do_alone(*tasks[0], values, work, observe)
    read = [[guarded(values[node]) for node in task.inbound] for _, task in tasks]
    calls = [
        _call(task, arrays, values, work) for (_, task), arrays in zip(tasks, read, strict=True)
    ]
    outcomes = workers.compute(calls) if calls else []
    for (place, task), arrays, outcome in zip(tasks, read, outcomes, strict=True):
        try:
            if isinstance(outcome, Failed):
                raise outcome.error
            with observe(task, None):
                result = work.take(task, outcome)
            _put(task, result, arrays, values, work)
        except Exception as error:  # noqa: BLE001 - raised when the tasks before it are done
            error.add_note(_where(task, arrays, work))
            return place, error
    return None


def _do_alone(
    place: int, task: Task, values: dict[Node, Any], work: Work, observe: Observe
) -> tuple[int, Exception] | None:
    try:
        _do(task, values, work, observe)
    except Exception as error:  # noqa: BLE001 - raised when the tasks before it are done
        return place, error
    return None


def _call(
    task: Task, arrays: list[Any], values: Mapping[Node, Any], work: Work
) -> Callable[[], Outcome]:
    try:
        return work.call(task, arrays, _fit_only(task, values))
    except Exception as error:  # noqa: BLE001 - raised in its turn
        return Failed(error)


def _put(task: Task, result: Any, arrays: list[Any], values: dict[Node, Any], work: Work) -> None:
    if task.give:
        _store(task, result, values)
        _follow_rows(task, arrays, work)


def _where(task: Task, arrays: Sequence[Any], work: Work) -> str:
    doing = work.doing if task.fit else "transforming"
    names = [work.graph.node_names[node] for node in task.inbound]
    given = list(zip(names, arrays, strict=True))
    return where(task.name, task.step.layer, doing, given)


def _follow_rows(task: Task, arrays: list[Any], work: Work) -> None:
    """Note which of the fed rows a step's value is about, where some are gone."""
    if any(array is None for array in arrays):  # in a stream, where no rows are left
        return
    if task.step.train_only:  # what it gives while fitting is not about rows that were fed
        return
    rows = next((work.rows[n] for n in task.inbound if n in work.rows), None)
    layer = work.layers.get(task.name)
    if layer is not None and getattr(layer, "changes_rows", False):
        rows = np.arange(arrays[0].shape[0]) if rows is None else rows
        rows = rows[work.kept_rows(task, arrays)]
    if rows is not None:
        work.rows.update(dict.fromkeys(task.nodes, rows))


def where(name: str, layer: Any, doing: str, arrays: Sequence[tuple[str, Any]]) -> str:
    """Word the note that tells where an error happened.

    Parameters
    ----------
    name : str
        Of the step.
    layer : layer
    doing : str
    arrays : sequence of (str, array)
        Name and value of each inbound node.

    Returns
    -------
    str
    """
    kind = type(getattr(layer, "wrapped", layer)).__name__
    given = ", ".join(f"{label!r} {describe(array)}" for label, array in arrays)
    return f"  at step {name!r} ({kind}), {doing}, called on {given}"


def _fit_only(task: Task, values: Mapping[Node, Any]) -> dict[str, Any]:
    if not task.fit:
        return {}
    found = {key: (node, values[node]) for key, node in task.step.fit_only.items()}
    plain = not task.step.train_only  # which gives the labels back in the shape they came in
    return {
        key: guarded(as_labels(node, value) if key == "y" and plain else value)
        for key, (node, value) in found.items()
        if value is not None or not plain
    }


def as_labels(node: Node, value: Any) -> Any:
    """Give labels that a step has computed as one column in the plain shape they came in.

    Parameters
    ----------
    node : Node
        Where the labels are.
    value : array of shape (n_rows,) or (n_rows, n_columns)

    Returns
    -------
    array of shape (n_rows,) or (n_rows, n_columns)
    """
    if not is_fed(node) and getattr(value, "ndim", 0) == 2 and value.shape[1] == 1:
        return np.asarray(value).ravel()
    return value


def split_outputs(layer: Any, result: Any) -> Sequence[Any]:
    """Give one value per output of a layer.

    Parameters
    ----------
    layer : layer or Step
    result : array or tuple of array
        What its method returned.

    Returns
    -------
    sequence of array

    Raises
    ------
    ValueError
        If a layer with several outputs returned another number of them.
    """
    expected = getattr(layer, "n_outputs", 1)
    if expected == 1:
        return [result]
    if not isinstance(result, list | tuple) or len(result) != expected:
        got = f"{len(result)}" if isinstance(result, list | tuple) else type(result).__name__
        raise ValueError(
            f"The layer has n_outputs={expected} and must return a tuple of {expected} arrays, "
            f"got {got}. Return them as a tuple, or set n_outputs."
        )
    return result


def _store(task: Task, result: Any, values: dict[Node, Any]) -> None:
    outputs = split_outputs(task.step, result)
    for node in task.nodes:
        values[node] = outputs[node.layer_out_index]
