"""Run a plan.

`values` maps each node to its array. It starts with the fed inputs, grows by one step at
a time, and loses a node as soon as the plan says that no later step needs it, so at any
moment it holds only what is still to be used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

from skmegatron.engine.plan import Plan, Task
from skmegatron.io.tables import describe, guarded
from skmegatron.nodes.core import InputNode, Node
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
        return self.respond(task, arrays)

    def respond(self, task: Task, arrays: Sequence[Any]) -> Any:
        """Call the method that gives the step's value, learning nothing."""
        source = task.step.state_of
        if source is not None:
            return self.layers[self.graph.names[source.step]].inverse_transform(*arrays)
        return getattr(self.layers[task.name], task.method)(*arrays)

    def kept_rows(self, task: Task, arrays: Sequence[Any]) -> Any:
        """Tell which rows a step that takes some away has left."""
        return self.layers[task.name].kept_rows(*arrays)

    def forget(self, nodes: Sequence[Node]) -> None:
        """Drop what the work itself holds of spent nodes."""


class Fit(Work):
    """Fit each step that learns, and give its value while at it.

    Parameters
    ----------
    layers : mapping of str to layer
        Unfitted layers, which this changes.
    graph : Graph
    validation : dict of Node to array, default=None
        Held-out values of the inputs. They go through the steps fitted on the training
        rows, and reach the layers that take ``validation_data``.
    """

    doing = "fitting"
    #: Shape of one observation at each node whose value was computed, by node name.
    shapes: dict[str, tuple[int, ...]]

    def __init__(
        self,
        layers: Layers,
        graph: Graph,
        validation: dict[Node, Any] | None = None,
    ) -> None:
        super().__init__(layers, graph)
        self.validation = validation
        self.shapes = {}

    def do(self, task: Task, arrays: list[Any], fit_only: dict[str, Any]) -> Any:  # noqa: D102 - documented on Work
        layer = self.layers.get(task.name, task.step.layer)
        if not task.fit:
            value = self.respond(task, arrays)
        else:
            if self.validation is not None and getattr(layer, "takes_validation", False):
                fit_only["validation_data"] = self._held_out(task, self.validation)
            value = self._fit(layer, task, arrays, fit_only)
        if task.give:
            outputs = split_outputs(layer, value)
            for node in task.nodes:
                shape = np.shape(outputs[node.layer_out_index])
                self.shapes[self.graph.node_names[node]] = tuple(shape[1:])
        if self.validation is not None and task.give:
            arrays, _ = self._held_out(task, self.validation)
            _store(task, self.respond(task, arrays), self.validation)
        return value

    def _fit(self, layer: Any, task: Task, arrays: list[Any], fit_only: dict[str, Any]) -> Any:
        if task.method == "fit_predict":
            return layer.fit_predict(*arrays, **fit_only)
        if not task.give:
            layer.fit(*arrays, **fit_only)
            return None
        if task.method == "transform":
            return layer.fit_transform(*arrays, **fit_only)
        layer.fit(*arrays, **fit_only)
        return getattr(layer, task.method)(*arrays)

    @staticmethod
    def _held_out(task: Task, values: dict[Node, Any]) -> tuple[list[Any], Any]:
        """Give the held-out values that a step reads, and their labels."""
        labels = task.step.fit_only.get("y")
        y = None if labels is None or not task.fit else as_labels(labels, values[labels])
        return [guarded(values[node]) for node in task.step.inbound_nodes], guarded(y)

    def forget(self, nodes: Sequence[Node]) -> None:  # noqa: D102 - documented on Work
        if self.validation is not None:
            for node in nodes:
                self.validation.pop(node, None)


def run(
    plan: Plan,
    values: dict[Node, Any],
    work: Work,
    observe: Observe = lambda task, layer: nullcontext(),
) -> dict[Node, Any]:
    """Run a plan on fed values.

    Parameters
    ----------
    plan : Plan
    values : dict of Node to array
        Values of the plan's inputs. The run goes on with this dictionary, so that they too are
        dropped at their last reader.
    work : Work
        What is done at each step.
    observe : callable, default does nothing
        Gives a context manager around each task, for progress and timing.

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
    for task in plan.tasks:
        # Guarded: an estimator with copy=False must not write into what others read too.
        arrays = [guarded(values[node]) for node in task.step.inbound_nodes]
        try:
            fit_only = _fit_only(task, values)
            with observe(task, work.layers.get(task.name)):
                result = work.do(task, arrays, fit_only)
            if task.give:
                _store(task, result, values)
                _follow_rows(task, arrays, work)
        except Exception as error:  # whatever a layer raises is told with its place, and raised
            doing = work.doing if task.fit else "transforming"
            names = [work.graph.node_names[node] for node in task.step.inbound_nodes]
            given = list(zip(names, arrays, strict=True))
            error.add_note(where(task.name, task.step.layer, doing, given))
            raise
        del arrays, fit_only, result  # or they would outlive their last reader
        for node in task.spent:
            values.pop(node, None)
        work.forget(task.spent)
    return values


def _follow_rows(task: Task, arrays: list[Any], work: Work) -> None:
    """Note which of the fed rows a step's value is about, where some are gone."""
    if any(array is None for array in arrays):  # in a stream, where no rows are left
        return
    rows = next((work.rows[n] for n in task.step.inbound_nodes if n in work.rows), None)
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
    return {
        key: guarded(as_labels(node, value) if key == "y" else value)
        for key, (node, value) in found.items()
        if value is not None
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
    computed = not isinstance(node, InputNode)
    if computed and getattr(value, "ndim", 0) == 2 and value.shape[1] == 1:
        return np.asarray(value).ravel()
    return value


def split_outputs(layer: Any, result: Any) -> Sequence[Any]:
    """Give one value per output of a layer.

    Parameters
    ----------
    layer : layer
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
    outputs = split_outputs(task.step.layer, result)
    for node in task.nodes:
        values[node] = outputs[node.layer_out_index]
