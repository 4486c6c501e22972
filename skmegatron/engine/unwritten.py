"""Which steps of a plan may leave their value unwritten.

A step may where its value is read once, by a step that only puts it beside others. Its layer
then gives the value with ``unwritten`` instead of ``transform``, and the reader's layer, which
says ``takes_unwritten``, writes it into its own.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

from skmegatron.engine.plan import Plan, Task
from skmegatron.nodes.base import Node


def leave_unwritten(planned: Plan) -> Plan:
    """Let the steps that may do so leave their values unwritten.

    Parameters
    ----------
    planned : Plan
        One that drops values at their last reader.

    Returns
    -------
    Plan
    """
    times_read = Counter(planned.wanted)
    for task in planned.tasks:
        times_read.update(task.reads)
    joined: set[Node] = set()
    for task in planned.tasks:
        if getattr(task.step.layer, "takes_unwritten", False) and task.step.state_of is None:
            joined.update(node for node in task.inbound if times_read[node] == 1)
    if not joined:
        return planned
    tasks = [
        replace(task, method="unwritten") if _may(task) and joined.issuperset(task.nodes) else task
        for task in planned.tasks
    ]
    return replace(planned, tasks=tuple(tasks))


def _may(task: Task) -> bool:
    plain = task.give and task.method == "transform" and task.step.state_of is None
    return plain and len(task.nodes) == 1 and _says_how(type(task.step.layer))


def _says_how(kind: type[Any]) -> bool:
    """Tell whether ``unwritten`` is about the ``transform`` that a class has.

    A class derived from one of ours may have another one, and know of nothing else.
    """
    owner = _owner(kind, "unwritten")
    others = [_owner(kind, name) for name in ("transform", "fit_transform")]
    return owner is not None and all(o is None or issubclass(owner, o) for o in others)


def _owner(kind: type[Any], name: str) -> type[Any] | None:
    return next((base for base in kind.__mro__ if name in vars(base)), None)
