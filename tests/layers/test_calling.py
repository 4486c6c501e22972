"""Calling layers on nodes, eager ones too."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression, LogisticRegression

import skmegatron as sm
from skmegatron.errors import NamingError, NodeTypeError
from skmegatron.layers.adapters import Sklearn
from skmegatron.layers.core import Lambda
from skmegatron.layers.explore import Explorer
from skmegatron.layers.metrics import Metric
from skmegatron.layers.numeric import (
    Add,
    Whiten,
)

NUMBERS = np.array([[1.0, 2.0], [3.0, 6.0], [5.0, 4.0], [7.0, 0.0]])
LABELS = np.array([0, 0, 1, 1])


def low_and_high(x):
    return x.min(axis=1), x.max(axis=1)


def table(name="X"):
    return sm.Input(name, shape=(None,))


def test_a_call_on_one_node_draws_a_node_of_that_layer():
    x, layer = table(), Whiten()

    node = layer(x)

    assert node.layer is layer
    assert node.inbound_nodes == (x,)
    assert x.outbound_nodes == (node,)


@pytest.mark.parametrize(
    "call",
    [
        lambda layer, a, b: layer(a, b),
        lambda layer, a, b: layer([a, b]),
        lambda layer, a, b: layer((a, b)),
        lambda layer, a, b: layer([a], b),
    ],
    ids=["several", "list", "tuple", "mixed"],
)
def test_nodes_may_come_one_by_one_or_in_a_list(call):
    a, b = sm.Input("a"), sm.Input("b")

    assert call(Add(), a, b).inbound_nodes == (a, b)


def test_one_node_may_be_read_twice():
    a = sm.Input("a")

    pipe = sm.Pipeline(a, Add()(a, a))

    assert_array_equal(pipe.transform([1, 2]), [2, 4])


@pytest.mark.parametrize(
    "call",
    [
        lambda x: Whiten()(x, "small"),
        lambda x: Whiten()([x], "small"),
        lambda x: Whiten()(x, name="small"),
        lambda x: Whiten()([x], name="small"),
    ],
)
def test_the_name_is_the_second_argument_or_a_keyword(call):
    assert call(table()).name == "small"


def test_a_node_without_a_name_gets_one_from_the_graph_only():
    node = Whiten()(table())

    assert node.name is None
    assert list(sm.Pipeline(table(), node).graph.by_name) == ["whiten"]


def test_a_layer_with_several_outputs_gives_one_node_for_each():
    low, high = Lambda(low_and_high, n_outputs=2)(table(), name=["low", "high"])

    assert (low.name, high.name) == ("low", "high")
    assert (low.layer_out_index, high.layer_out_index) == (0, 1)
    assert low.step is high.step


def test_outputs_named_one_by_one_come_out_under_these_names():
    x = table()
    outputs = Lambda(low_and_high, n_outputs=2)(x, name=("low", "high"))

    result = sm.Pipeline(x, list(outputs)).transform(NUMBERS)

    assert_array_equal(result["low"], NUMBERS.min(axis=1))
    assert_array_equal(result["high"], NUMBERS.max(axis=1))


def test_one_name_for_several_outputs_names_the_step():
    x = table()
    outputs = Lambda(low_and_high, n_outputs=2)(x, "ends")

    result = sm.Pipeline(x, list(outputs)).transform(NUMBERS)

    assert list(result) == ["ends[0]", "ends[1]"]


def test_the_number_of_names_must_be_the_number_of_outputs():
    with pytest.raises(NodeTypeError, match=r"gives 2 outputs, got 1 names \['low'\].*one name"):
        Lambda(low_and_high, n_outputs=2)(table(), name=["low"])


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("a__b", r"'a__b' contains '__'.*Write 'a_b'"),
        ("", "name is a string, got ''"),
        ([3], r"name is a string, got \[?3"),
    ],
)
def test_a_name_that_cannot_be_is_refused(name, words):
    with pytest.raises(NamingError, match=words):
        Whiten()(table(), name=name)


def test_a_name_of_another_type_is_refused_by_our_own_error():
    with pytest.raises((NamingError, NodeTypeError), match="got 5"):
        Whiten()(table(), name=5)


def test_keywords_of_the_call_are_fit_only_nodes():
    x, y, weight = table(), sm.Target("y"), sm.Input("weight")

    node = Sklearn(LinearRegression())(x, y=y, sample_weight=weight)

    assert node.inbound_nodes == (x,)
    assert node.step.fit_only == {"y": y, "sample_weight": weight}


def test_fit_only_nodes_reach_fit_and_nothing_else():
    x, y, weight = table(), sm.Target("y"), sm.Input("weight")
    pipe = sm.Pipeline([x, y, weight], Sklearn(LinearRegression())(x, y=y, sample_weight=weight))
    weights = np.array([1.0, 1.0, 1.0, 0.0])

    pipe.fit(NUMBERS, LABELS, weight=weights)

    expected = LinearRegression().fit(NUMBERS, LABELS, sample_weight=weights)
    assert_allclose(pipe.predict(NUMBERS), expected.predict(NUMBERS))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (Whiten, r"got the class Whiten; write Whiten\(\) to make a layer"),
        (Whiten(), r"got Whiten\(\), which is a layer or estimator; call it on a node first"),
        (PCA(), r"got PCA\(\), which is a layer or estimator; .*layer\(node\)"),
        (NUMBERS, r"got an array of shape \(4, 2\); draw sm\.Input\('x', shape=\(2,\)\)"),
        (3, "got 3 of type int"),
        (None, "got None of type NoneType"),
        ({"x": 1}, "of type dict"),
    ],
    ids=["class", "layer", "estimator", "array", "number", "none", "dict"],
)
def test_a_layer_is_called_on_nodes_and_says_what_it_got_instead(given, words):
    with pytest.raises(NodeTypeError, match=words) as caught:
        Whiten()(given)

    assert "Whiten() is called on nodes" in str(caught.value)


@pytest.mark.parametrize("nothing", [(), ([],)])
def test_a_call_on_nothing_says_what_to_write(nothing):
    with pytest.raises(NodeTypeError, match=r"was called on nothing. Write layer\(node\)"):
        Whiten()(*nothing)


@pytest.mark.parametrize("kind", [Metric, Explorer])
def test_what_ends_a_branch_cannot_be_called_upon(kind):
    end = kind(np.mean)(table(), "mean")

    with pytest.raises(NodeTypeError, match="mean"):
        Whiten()(end)


@pytest.mark.parametrize(
    ("keyword", "value", "words"),
    [
        ("y", LABELS, r"y= of .* takes a node, got an array of shape \(4,\)"),
        ("y", "label", "y= of .* takes a node, got 'label' of type str"),
        ("sample_weight", LABELS, r"sample_weight=.*sm\.Input\('sample_weight'\).*fit\(X, y, "),
        ("sample_weight", PCA(), r"sample_weight= of .* takes a node, got PCA\(\)"),
    ],
)
def test_a_fit_only_keyword_takes_a_node_and_says_how_to_feed_it(keyword, value, words):
    with pytest.raises(NodeTypeError, match=words):
        Sklearn(LogisticRegression())(table(), **{keyword: value})


def test_calling_never_changes_the_layer():
    layer, before = Whiten(), dict(vars(Whiten()))

    layer(table())
    layer(table("other")(NUMBERS))

    assert vars(layer) == before


# Eager nodes


def test_a_layer_called_on_eager_nodes_computes_at_once():
    node = Whiten()(table()(NUMBERS))

    assert node.eager
    assert node.is_fitted
    assert_allclose(node.output, (NUMBERS - NUMBERS.mean(0)) / NUMBERS.std(0))


def test_an_eager_step_keeps_its_fitted_layer_and_leaves_the_template_alone():
    layer = Whiten()

    node = layer(table()(NUMBERS))

    assert_array_equal(node.step.fitted.mean_, NUMBERS.mean(0))
    assert not hasattr(layer, "mean_")


def test_eager_labels_are_used_at_once():
    x, y = table()(NUMBERS), sm.Target("y")(LABELS)

    node = Sklearn(LogisticRegression())(x, y=y)

    assert_array_equal(node.output, LogisticRegression().fit(NUMBERS, LABELS).predict(NUMBERS))


def test_eager_outputs_each_carry_their_own_value():
    low, high = Lambda(low_and_high, n_outputs=2)(table()(NUMBERS))

    assert_array_equal(low.output, NUMBERS.min(axis=1))
    assert_array_equal(high.output, NUMBERS.max(axis=1))


def test_one_node_without_a_value_leaves_the_call_uncomputed():
    node = Add()(sm.Input("a")(np.arange(3)), sm.Input("b"))

    assert not node.eager
    assert not node.is_fitted


def test_a_pipeline_over_eager_nodes_learns_from_what_it_is_fed():
    x = table()(NUMBERS)
    pipe = sm.Pipeline(x, Whiten()(x))

    pipe.fit(NUMBERS * 10)

    assert_array_equal(pipe.steps_["whiten"].mean_, NUMBERS.mean(0) * 10)


def test_an_error_in_an_eager_call_keeps_its_type_and_tells_where():
    def fail(x):
        raise KeyError("no such thing")

    with pytest.raises(KeyError, match="no such thing") as caught:
        Lambda(fail)(table("sizes")(NUMBERS), "broken")

    (note,) = caught.value.__notes__
    assert note == "  at step 'broken' (Lambda), eagerly, called on 'sizes' (4, 2) float64"


def test_an_error_in_an_eager_call_names_the_wrapped_estimator():
    with pytest.raises(ValueError, match="NaN") as caught:
        Sklearn(PCA())(table()(NUMBERS * np.nan))

    assert "(PCA), eagerly, called on 'X' (4, 2) float64" in caught.value.__notes__[0]


@pytest.mark.parametrize(
    "fn",
    [lambda x: (x, x, x), lambda x: (x,), lambda x: x],
    ids=["too many", "too few", "an array"],
)
def test_eager_outputs_must_be_as_many_as_declared(fn):
    with pytest.raises(ValueError, match="n_outputs=2"):
        Lambda(fn, n_outputs=2)(table()(NUMBERS))


def test_a_function_that_writes_into_its_input_is_stopped():
    def zero_first(x):
        x[0] = 0
        return x

    data, x = NUMBERS.copy(), table()

    for run in (lambda: Lambda(zero_first)(x(data)), lambda: in_pipeline(zero_first, data)):
        with pytest.raises(ValueError, match="read-only"):
            run()

    assert_array_equal(data, NUMBERS)


def in_pipeline(fn, data):
    x = table()
    return sm.Pipeline(x, Lambda(fn)(x)).transform(data)


def test_what_comes_out_may_be_written_into():
    eager = Lambda(lambda x: x)(table()(NUMBERS.copy())).output
    result = in_pipeline(lambda x: x + 1, NUMBERS)

    assert eager.flags.writeable
    assert result.flags.writeable
