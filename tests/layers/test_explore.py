"""Explorers: looks at the data, run by `explore` and by nothing else."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression

import skmegatron as sm
from skmegatron.errors import MissingInputError, NamingError, NodeTypeError
from skmegatron.layers.adapters import Sklearn
from skmegatron.layers.explore import Explorer
from skmegatron.layers.metrics import Metric
from skmegatron.layers.numeric import Whiten
from skmegatron.nodes.core import ExploreNode, MetricNode

DATA = np.array([[1.0, 10.0], [2.0, 40.0], [6.0, 10.0]])


def table():
    return sm.Input("X", shape=(None,))


# Drawing


@pytest.mark.parametrize(
    "call",
    [
        lambda explorer, x: explorer(x, "look"),
        lambda explorer, x: explorer([x], "look"),
        lambda explorer, x: explorer(x, name="look"),
    ],
)
def test_an_explorer_is_called_as_a_layer_is(call):
    x = table()

    node = call(Explorer(np.max), x)

    assert isinstance(node, ExploreNode)
    assert not isinstance(node, MetricNode)
    assert node.name == "look"
    assert node.inbound_nodes == (x,)


def test_an_explorer_refuses_what_is_no_node():
    with pytest.raises(NodeTypeError, match=r"Explorer\(max\) is called on nodes, got an array"):
        Explorer(np.max)(DATA)


def test_an_explorer_refuses_a_name_that_cannot_be():
    with pytest.raises(NamingError, match="contains '__'"):
        Explorer(np.max)(table(), "a__b")


def test_an_explorer_tells_its_function():
    assert repr(Explorer(np.max)) == "Explorer(max)"


# Parameters


def test_keywords_of_an_explorer_are_its_parameters_and_reach_the_function():
    explorer = Explorer(np.max, axis=0)

    assert explorer.get_params() == {"metric_fn": np.max, "axis": 0}
    assert_array_equal(explorer.evaluate(DATA), [6, 40])


def test_a_cloned_explorer_stays_an_explorer_with_its_parameters():
    twin = clone(Explorer(np.max, axis=0))

    assert type(twin) is Explorer
    assert twin.get_params() == {"metric_fn": np.max, "axis": 0}


# Exploring


def test_explore_gives_what_each_explorer_gives_under_its_name():
    x = table()
    white = Whiten()(x)
    looks = [Explorer(np.max, axis=0)(x, "largest"), Explorer(np.shape)(white, "shape")]

    found = sm.Pipeline(x, white, explorers=looks).fit(DATA).explore(DATA)

    assert list(found) == ["largest", "shape"]
    assert_array_equal(found["largest"], [6, 40])
    assert found["shape"] == (3, 2)


def test_an_explorer_may_read_several_nodes():
    x = table()
    white = Whiten()(x)
    Explorer(lambda raw, white: (raw.mean(), white.mean().round(9)))(x, white, "means")

    found = sm.Pipeline(x, white).fit(DATA).explore(DATA)

    assert found == {"means": (DATA.mean(), 0.0)}


def test_explorers_without_a_name_are_named_by_the_graph():
    x = table()
    Explorer(np.max)(x)

    assert list(sm.Pipeline(x, Whiten()(x)).fit(DATA).explore(DATA)) == ["explorer"]


def test_what_learned_nothing_can_be_explored_before_fitting():
    x = table()
    look = Explorer(np.max)(x, "largest")

    assert sm.Pipeline(x, Whiten()(x), explorers=look).explore(DATA) == {"largest": 40}


def test_what_learns_must_be_fitted_before_it_is_explored():
    x = table()
    white = Whiten()(x)
    look = Explorer(np.max)(white, "largest")

    with pytest.raises(NotFittedError, match="step 'whiten' has not learned"):
        sm.Pipeline(x, white, explorers=look).explore(DATA)


def test_an_error_in_an_explorer_tells_which_and_on_what():
    x = table()
    look = Explorer(lambda x: x["missing"])(x, "broken")

    with pytest.raises(IndexError) as caught:
        sm.Pipeline(x, x * 2, explorers=look).explore(DATA)

    (note,) = caught.value.__notes__
    assert note == "  at step 'broken' (Explorer), evaluating, called on 'X' (3, 2) float64"


# When an explorer runs


def test_an_explorer_runs_only_when_asked():
    calls = []
    x = table()
    white = Whiten()(x)
    Explorer(lambda white: calls.append(len(white)))(white, "spy")
    Metric(np.mean)(white, "mean")
    pipe = sm.Pipeline(x, white)

    pipe.fit(DATA)
    pipe.fit_transform(DATA)
    pipe.transform(DATA)
    pipe.evaluate(DATA)
    pipe.partial_fit(DATA)
    assert calls == []

    assert list(pipe.explore(DATA)) == ["spy"]
    assert calls == [3]


def test_labels_that_only_an_explorer_reads_are_needed_by_explore_only():
    x, y = table(), sm.Target("y")
    balance = Explorer(lambda y: np.bincount(y).tolist())(y, "balance")
    pipe = sm.Pipeline([x, y], Whiten()(x), explorers=balance).fit(DATA)

    assert pipe.transform(DATA).shape == (3, 2)
    assert pipe.explore(DATA, [0, 1, 1]) == {"balance": [1, 2]}
    with pytest.raises(MissingInputError, match="requires y"):
        pipe.explore(DATA)


def test_an_explorer_of_the_data_alone_needs_no_labels():
    x, y = table(), sm.Target("y")
    pred = Sklearn(LogisticRegression())(x, y=y)
    Explorer(np.shape)(x, "shape")
    pipe = sm.Pipeline([x, y], pred).fit(DATA, [0, 1, 1])

    assert pipe.explore(DATA) == {"shape": (3, 2)}


# Finding attached explorers


def test_listed_explorers_are_the_only_ones():
    x = table()
    Explorer(np.min)(x, "smallest")
    look = Explorer(np.max)(x, "largest")

    assert list(sm.Pipeline(x, x * 2, explorers=[look]).explore(DATA)) == ["largest"]


def test_explorers_are_found_on_inputs_steps_and_outputs():
    x = table()
    white = Whiten()(x)
    for place, node in {"in": x, "between": white, "out": (output := white * 2)}.items():
        Explorer(np.shape)(node, place)

    found = sm.Pipeline(x, output).fit(DATA).explore(DATA)

    assert set(found) == {"in", "between", "out"}


def test_an_explorer_attached_after_the_pipeline_was_made_is_found():
    x = table()
    pipe = sm.Pipeline(x, x * 2)
    assert pipe.explore(DATA) == {}

    Explorer(np.max)(x, "largest")

    assert pipe.explore(DATA) == {"largest": 40}


@pytest.mark.parametrize("copied", [clone, lambda pipe: pickle.loads(pickle.dumps(pipe))])
def test_attached_explorers_come_along_when_the_pipeline_is_copied(copied):
    x = table()
    Explorer(lambda x: x.max())(x, "largest")

    assert copied(sm.Pipeline(x, x * 2)).explore(DATA) == {"largest": 40}
