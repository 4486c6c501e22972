"""Tests of what a run does, and in which order."""

import skmegatron as sm
from skmegatron.engine.plan import plan
from skmegatron.nodes.graph import Graph


def test_nothing_above_a_given_value_is_run():
    x = sm.Input("x")
    middle = sm.layers.ScalarMultiply(2)(x, "middle")
    end = sm.layers.ScalarMultiply(3)(middle, "end")
    graph = Graph(x, end)
    planned = plan(graph, [end], given={middle})
    assert [task.name for task in planned.tasks] == ["end"]
    assert planned.inputs == ()
