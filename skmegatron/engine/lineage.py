"""The key of every value and of every learned state: a hash of all that it comes from.

A key is made of the step's code, its parameters and its parents' keys, so that nothing but
the fed arrays is ever hashed by content. Equal keys mean equal values, in any process. None
stands for a value that cannot be told from others, so that it is neither looked up nor kept.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from sklearn import get_config

from skmegatron.engine.plan import Plan, Task, is_fed, is_stateful
from skmegatron.io.digest import (
    UndigestibleError,
    content_digest,
    digest,
    environment_digest,
    joined,
)
from skmegatron.nodes.base import Node
from skmegatron.nodes.core import Step
from skmegatron.nodes.graph import Graph

#: What scikit-learn can be told that changes no value.
_HARMLESS = {"display", "print_changed_only", "working_memory"}


@dataclass(frozen=True)
class Origin:
    """What a run starts from, besides the fed arrays.

    Attributes
    ----------
    layers : mapping of str to layer
        What is run, by the step's name.
    learned : mapping of str to str
        Key of the learned state of each fitted step, by the step's name.
    held_out : mapping of Node to array or None
        The fed values of validation data.
    warm : collection of str
        Names of steps that go on from an earlier fit. What they learn has no key.
    """

    layers: Mapping[str, Any]
    learned: Mapping[str, str] = field(default_factory=dict)
    held_out: Mapping[Node, Any] | None = None
    warm: Collection[str] = ()


class Lineage:
    """The keys of one run.

    Parameters
    ----------
    plan : Plan
    graph : Graph
    fed : mapping of Node to array
        Values of the plan's inputs, and of what is given in the middle of it.
    origin : Origin

    Attributes
    ----------
    nodes : dict of Node to (str or None)
        Key of each value.
    tasks : dict of Step to (str or None)
        Key under which all outputs of a step are kept together.
    states : dict of str to str
        Key of each learned state, by the step's name.
    private : set of Step
        Steps whose random state differs in each fit, so that their keys never come again.
    """

    def __init__(self, plan: Plan, graph: Graph, fed: Mapping[Node, Any], origin: Origin) -> None:
        self.nodes: dict[Node, str | None] = {
            node: _content_key(fed[node]) for node in (*plan.inputs, *plan.given) if node in fed
        }
        self.tasks: dict[Step, str | None] = {}
        self.states: dict[str, str] = dict(origin.learned)
        self.private: set[Step] = set()
        self._graph = graph
        self._base = environment_digest() + digest(
            {key: value for key, value in get_config().items() if key not in _HARMLESS}
        )
        self._warm = origin.warm
        fed_out = dict(origin.held_out or {}).items()
        keys = {str(node.name): _content_key(value) for node, value in fed_out}
        #: Of the held-out rows: nothing where there are none, None where they cannot be told.
        self._held_out = b"" if not keys else None if None in keys.values() else digest(keys)
        for task in plan.tasks:
            if task.hands_on:  # and there need be no layer: one that does so has learned nothing
                self._hand_on(task)
                continue
            source = task.step if task.step.state_of is None else task.step.state_of.step
            self._add(task, origin.layers[graph.names[source]])

    def _hand_on(self, task: Task) -> None:
        """Give values the keys that they have already."""
        self.tasks[task.step] = None
        self.nodes.update(
            (node, self.nodes.get(source))
            for node, source in zip(task.nodes, task.inbound, strict=True)
        )

    def _add(self, task: Task, layer: Any) -> None:
        if task.fit:
            state = self._state_key(task, layer)
            if state is None:
                self.private.add(task.step)
                state = uuid4().hex
            self.states[task.name] = state
            parts = b"fitted value", task.method.encode(), _raw(state)
            key: str | None = joined(self._base, *parts)
        else:
            key = self._value_key(task, layer)
        self.tasks[task.step] = key
        for node in task.nodes:
            place = node.layer_out_index
            self.nodes[node] = None if key is None else joined(_raw(key), b"%d" % place)

    def make_private(self, task: Task) -> None:
        """Give a step that has drawn random numbers a key that never comes again.

        Parameters
        ----------
        task : Task
        """
        self.private.add(task.step)
        if task.fit:
            self.states[task.name] = uuid4().hex

    def _state_key(self, task: Task, layer: Any) -> str | None:
        parts, code = self._read(task), _layer_digest(layer)
        if code is None or parts is None or task.name in self._warm:
            return None
        named = task.step.fit_only.items()
        # One that changes the rows gives one output for each, in the order of the call.
        for name, node in named if task.step.train_only else sorted(named):
            key = self.nodes.get(node)
            if key is None:
                return None
            # Labels that a step has computed are handed on as a plain row.
            parts += [name.encode(), b"fed" if is_fed(node) else b"made", _raw(key)]
        if getattr(layer, "takes_validation", False):
            if self._held_out is None:
                return None
            parts += [b"held out", self._held_out] if self._held_out else []
        return joined(self._base, b"state", code, *parts)

    def _value_key(self, task: Task, layer: Any) -> str | None:
        parts, code = self._read(task), _layer_digest(layer)
        if code is None or parts is None:
            return None
        source = task.step if task.step.state_of is None else task.step.state_of.step
        if is_stateful(source):
            state = self.states.get(self._graph.names[source])
            if state is None:
                return None
            parts.append(_raw(state))
        way = b"inverse" if task.step.state_of is not None else task.method.encode()
        return joined(self._base, b"value", code, way, *parts)

    def _read(self, task: Task) -> list[bytes] | None:
        keys = [self.nodes.get(node) for node in task.inbound]
        return None if None in keys else [_raw(key) for key in keys if key is not None]


def _content_key(value: Any) -> str | None:
    try:
        return content_digest(value).hex()
    except UndigestibleError:
        return None


def _layer_digest(layer: Any) -> bytes | None:
    """Hash the code and the parameters of a layer, fitted or not."""
    try:
        if hasattr(layer, "told_params"):  # some would say too little or too much of themselves
            return digest((type(layer), layer.told_params()))
        return digest((type(layer), layer.get_params(deep=False)))
    except UndigestibleError:
        return None


def _raw(key: str) -> bytes:
    return bytes.fromhex(key)
