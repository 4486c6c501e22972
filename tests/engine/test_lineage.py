"""Keys: equal for what gives equal values, different for all else."""

import numpy as np
import pytest
from sklearn.decomposition import PCA

import skmegatron as sm
from skmegatron.engine.lineage import Lineage, Origin
from skmegatron.engine.plan import plan
from skmegatron.layers import ScalarMultiply, Sklearn, Whiten

ROWS = np.random.default_rng(0).normal(size=(20, 3))


def drawn(*layers):
    X = node = sm.Input("X", shape=(None,))
    for layer in layers:
        node = layer(node)
    return sm.Pipeline(X, node)


def lineage_of(pipe, rows=ROWS, *, fit=False, learned=None):
    graph = pipe.graph
    planned = plan(graph, graph.outputs, fit=fit)
    layers = {name: step.layer for name, step in graph.by_name.items()}
    return Lineage(planned, graph, {graph.inputs[0]: rows}, Origin(layers, learned or {}))


def last_key(pipe, **how):
    lineage = lineage_of(pipe, **how)
    return lineage.nodes[pipe.graph.outputs[0]]


def test_equal_graphs_have_equal_keys_whatever_their_steps_are_called():
    one, other = drawn(Whiten(), ScalarMultiply(2.0)), drawn(Whiten(), ScalarMultiply(2.0))
    renamed = sm.Pipeline(one.inputs, ScalarMultiply(2.0)(one.graph.find("whiten"), "twice"))

    assert last_key(one, fit=True) == last_key(other, fit=True) == last_key(renamed, fit=True)


@pytest.mark.parametrize(
    "other",
    [
        drawn(Sklearn(PCA(3)), ScalarMultiply(2.0)),
        drawn(Sklearn(PCA(2, whiten=True)), ScalarMultiply(2.0)),
        drawn(Sklearn(PCA(2)), ScalarMultiply(3.0)),
        drawn(Sklearn(PCA(2))),
        drawn(ScalarMultiply(2.0), Sklearn(PCA(2))),
    ],
)
def test_other_steps_and_parameters_have_other_keys(other):
    pipe = drawn(Sklearn(PCA(2)), ScalarMultiply(2.0))

    assert last_key(pipe, fit=True) != last_key(other, fit=True)


def test_other_rows_have_other_keys():
    pipe, changed = drawn(Whiten()), ROWS.copy()
    changed[3, 1] = np.nextafter(changed[3, 1], 9)

    assert last_key(pipe, fit=True) != last_key(pipe, rows=changed, fit=True)


def test_a_fitted_value_is_not_that_of_transform():
    pipe = drawn(Whiten())
    fitted = lineage_of(pipe, fit=True)

    assert fitted.nodes[pipe.graph.outputs[0]] != last_key(pipe, learned=fitted.states)


def test_without_the_key_of_what_was_learned_there_is_none_for_the_value():
    pipe = drawn(Whiten(), ScalarMultiply(2.0))

    assert last_key(pipe, learned={}) is None
    assert last_key(pipe, learned={"whiten": "0" * 32}) is not None


def test_what_cannot_be_told_apart_has_no_key_and_nothing_below_it_has():
    pipe = drawn(ScalarMultiply(2.0))
    strange = np.array([[(i for i in range(3))]], dtype=object)

    assert last_key(pipe, rows=strange) is None
