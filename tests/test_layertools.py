"""Ways of using layers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.linear_model import LinearRegression
from sklearn.preprocessing import StandardScaler

import skmegatron as sm
from skmegatron import layertools
from skmegatron.errors import NodeTypeError, ShapeError
from skmegatron.layers import Flatten, Lambda, ScalarMultiply, Sklearn, Whiten


def people():
    return {"his": sm.Input("his"), "hers": sm.Input("hers")}


def test_apply_makes_a_layer_for_each_node():
    whitened = layertools.apply(Whiten, people(), ddof=1)

    assert list(whitened) == ["his", "hers"]
    assert whitened["his"].layer is not whitened["hers"].layer
    assert whitened["his"].layer.ddof == whitened["hers"].layer.ddof == 1


def test_applied_steps_are_searched_one_by_one():
    nodes = people()
    whitened = layertools.apply(Whiten, nodes)
    pipe = sm.Pipeline(list(nodes.values()), list(whitened.values()))

    pipe.set_params(his_whiten__ddof=1)

    assert pipe.get_params()["hers_whiten__ddof"] == 0


def test_map_shares_one_layer_whose_steps_learn_their_own():
    nodes = people()
    his, hers = layertools.map(Whiten(), list(nodes.values()))
    pipe = sm.Pipeline(list(nodes.values()), [his, hers])

    result = pipe.fit_transform({"his": [0.0, 2.0], "hers": [10.0, 30.0]})

    assert his.layer is hers.layer
    assert_allclose(result[0], [-1, 1])
    assert_allclose(result[1], [-1, 1])


def test_steps_over_a_wrapped_estimator_are_named_after_it():
    mapped = layertools.map(Sklearn(StandardScaler()), people())

    assert mapped["hers"].name == "hers_standardscaler"


@pytest.mark.parametrize("tool", [layertools.apply, layertools.map])
def test_a_single_node_is_refused(tool):
    layer = Whiten if tool is layertools.apply else Whiten()

    with pytest.raises(NodeTypeError, match=r"takes a dict or a list of nodes.*Call the layer"):
        tool(layer, sm.Input("x"))


def test_apply_refuses_a_layer_and_names_map():
    with pytest.raises(NodeTypeError, match=r"takes a class, got Whiten\(\).*map\(layer, nodes\)"):
        layertools.apply(Whiten(), people())


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20))
def test_vectorize_calls_the_function_row_by_row(values):
    X = np.array(values)

    result = layertools.vectorize(lambda x: x * 2 + 1).transform(X)

    assert_array_equal(result, X * 2 + 1)


def test_vectorize_takes_several_nodes_and_keywords():
    join = layertools.vectorize(lambda a, b, by: f"{a}{by}{b}", by="-")
    first, second = sm.Input("first"), sm.Input("second")
    pipe = sm.Pipeline([first, second], join(first, second, "joined"))

    assert list(pipe.transform({"first": ["a"], "second": ["b"]})) == ["a-b"]
    assert list(pipe.set_params(joined__by="+").transform({"first": ["a"], "second": ["b"]})) == [
        "a+b"
    ]


def test_vectorize_gives_several_outputs():
    ends = layertools.vectorize(lambda row: (row.min(), row.max()), n_outputs=2)

    low, high = ends.transform(np.array([[1, 9], [4, 3]]))

    assert_array_equal(low, [1, 3])
    assert_array_equal(high, [9, 4])


def test_maybe_is_the_identity_at_transform():
    X = np.arange(6.0)
    flip = layertools.maybe(ScalarMultiply(-1), p=1.0)

    assert_array_equal(flip.fit_transform(X), -X)
    assert_array_equal(flip.transform(X), X)


@given(p=st.floats(0, 1), seed=st.integers(0, 1000))
def test_maybe_changes_whole_observations_or_leaves_them(p, seed):
    X = np.ones((30, 4))

    result = layertools.maybe(ScalarMultiply(2), p=p, random_state=seed).fit_transform(X)

    assert set(map(tuple, result)) <= {(1, 1, 1, 1), (2, 2, 2, 2)}
    assert_array_equal(X, 1)


def test_maybe_is_the_same_for_the_same_seed_and_another_for_another():
    X = np.ones(50)
    results = [
        layertools.maybe(ScalarMultiply(2), random_state=seed).fit_transform(X)
        for seed in (0, 0, 1)
    ]

    assert_array_equal(results[0], results[1])
    assert (results[0] != results[2]).any()


def test_maybe_augments_only_what_is_learned_from():
    x, y = sm.Input("x", shape=(None,)), sm.Target("y")
    noisy = layertools.maybe(Lambda(lambda v: v + 100.0), p=0.5, random_state=0)(x)
    pipe = sm.Pipeline([x, y], Sklearn(LinearRegression())(noisy, y=y))
    X = np.arange(10.0).reshape(-1, 1)

    pipe.fit(X, X.ravel())

    seen = layertools.maybe(Lambda(lambda v: v + 100.0), p=0.5, random_state=0).fit_transform(X)
    expected = LinearRegression().fit(seen, X.ravel())
    assert_allclose(pipe.predict(X), expected.predict(X))


def test_maybe_refuses_a_layer_that_changes_the_shape():
    with pytest.raises(ShapeError, match=r"keeps the shape, and Flatten\(\) made \(3, 4\)"):
        layertools.maybe(Flatten(), p=1.0).fit_transform(np.ones((3, 2, 2)))


@pytest.mark.parametrize(("layer", "p"), [(ScalarMultiply(2), 1.5), (StandardScaler(), 0.5)])
def test_maybe_checks_what_it_is_given(layer, p):
    with pytest.raises((TypeError, ValueError), match=r"takes a layer|between 0 and 1"):
        layertools.maybe(layer, p=p).fit_transform(np.ones(3))


def test_maybes_are_cloned_with_what_they_wrap():
    flip = layertools.maybe(ScalarMultiply(-1), p=0.1, random_state=3)

    assert clone(flip).get_params()["layer__factor"] == -1
