"""Nodes: frozen, eager when given an array, and clear about what they are not."""

import copy
import gc
import pickle
import weakref

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression
from sklearn.preprocessing import MinMaxScaler, StandardScaler

import skmegatron as sm
from skmegatron.errors import FrozenNodeError, NamingError, NodeTypeError, ShapeError
from skmegatron.layers import (
    Concatenate,
    Explorer,
    Flatten,
    Lambda,
    Metric,
    Sklearn,
    StatefulLayer,
    Whiten,
)

ROWS = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 9.0]])


def halves(x):
    return x / 2, x * 2


# --- inputs and targets ---------------------------------------------------------------


def test_input_shape_may_be_given_as_one_number():
    assert sm.Input("x", shape=3).shape == (3,)


def test_input_of_columns_has_as_many_as_it_binds():
    node = sm.Input("sizes", columns=["height", "width"])

    assert node.shape == (2,)
    assert node.columns == ("height", "width")


def test_input_refuses_a_shape_that_contradicts_its_columns():
    with pytest.raises(ShapeError, match=r"binds 2 columns as shape \(2,\), got shape=\(3,\)"):
        sm.Input("sizes", shape=(3,), columns=["height", "width"])


def test_input_refuses_one_string_as_columns_and_shows_the_list():
    with pytest.raises(TypeError, match=r"got 'age'.*columns=\['age'\]"):
        sm.Input("x", columns="age")


@pytest.mark.parametrize("name", ["", None, 3, b"age", ["age"]])
def test_input_name_is_a_nonempty_string(name):
    with pytest.raises(NamingError, match=r"needs a name to be fed by.*Input\('age'\)"):
        sm.Input(name)


@pytest.mark.parametrize("make", [sm.Input, sm.Target])
def test_name_with_two_underscores_is_refused_and_respelled(make):
    with pytest.raises(NamingError, match=r"contains '__'.*Write 'age_years'"):
        make("age__years")


def test_repr_of_an_input_is_how_it_was_made():
    assert repr(sm.Input("image", shape=(8, None))) == "Input('image', shape=(8, None))"
    assert repr(sm.Target("label")) == "Target('label')"


def test_input_has_no_inbound_nodes_and_no_value():
    node = sm.Input("x")

    assert node.inbound_nodes == ()
    assert node.outbound_nodes == ()
    assert node.output is None
    assert not node.eager


# --- frozen ---------------------------------------------------------------------------


@pytest.mark.parametrize("attribute", ["name", "output", "shape", "inbound_nodes", "anything"])
def test_attribute_of_a_node_cannot_be_set(attribute):
    node = sm.Input("x")

    with pytest.raises(FrozenNodeError, match=rf"'{attribute}' of Input\('x'\) cannot be set"):
        setattr(node, attribute, None)


@pytest.mark.parametrize("attribute", ["name", "step", "layer_out_index"])
def test_attribute_of_a_node_cannot_be_deleted(attribute):
    node = Flatten()(sm.Input("x"), "flat")

    with pytest.raises(FrozenNodeError, match="Call a layer to make a new node"):
        delattr(node, attribute)
    assert node.name == "flat"


def test_frozen_error_is_also_the_attribute_error_one_would_guess():
    with pytest.raises(AttributeError):
        sm.Input("x").name = "y"


def test_step_of_a_node_cannot_be_rewired():
    x = sm.Input("x")
    node = Flatten()(x)

    with pytest.raises(FrozenNodeError, match="cannot have a cycle"):
        node.step.inbound_nodes = (node,)
    assert node.inbound_nodes == (x,)


def test_fit_only_nodes_of_a_step_cannot_be_rewired():
    x, y = sm.Input("x", shape=(None,)), sm.Target("y")
    node = Sklearn(LinearRegression())(x, y=y)

    with pytest.raises((FrozenNodeError, TypeError)):
        node.step.fit_only["y"] = node
    assert node.step.fit_only["y"] is y


# --- eager ----------------------------------------------------------------------------


def test_input_called_on_an_array_gives_a_new_node_that_carries_it():
    x = sm.Input("x")
    eager = x([1, 2, 3])

    assert eager is not x
    assert eager.eager
    assert_array_equal(eager.output, [1, 2, 3])
    assert x.output is None


def test_eager_target_is_a_target():
    eager = sm.Target("y")(["a", "b"])

    assert isinstance(eager, sm.Target)
    assert_array_equal(eager.output, ["a", "b"])


def test_eager_input_keeps_its_shape_and_columns():
    eager = sm.Input("sizes", columns=["height", "width"])(ROWS)

    assert eager.columns == ("height", "width")
    assert eager.shape == (2,)


def test_eager_input_checks_the_declared_shape():
    with pytest.raises(ShapeError, match=r"'image' expects shape \(n_rows, 8, 8\), got \(3, 2\)"):
        sm.Input("image", shape=(8, 8))(ROWS)


def test_eager_target_takes_at_most_two_axes():
    with pytest.raises(ShapeError, match=r"expects shape \(n_rows,\).*got \(2, 2, 2\)"):
        sm.Target("y")(np.zeros((2, 2, 2)))


def test_eager_input_refuses_a_single_value():
    with pytest.raises(ShapeError, match=r"Put a single observation into a list: \[x\]"):
        sm.Input("x")(5)


def test_layer_called_on_eager_nodes_computes_at_once():
    eager = sm.Input("x", shape=(None,))(ROWS)
    flat, doubled = Flatten()(eager), Lambda(np.multiply, x2=2)

    assert_array_equal(flat.output, ROWS)
    assert doubled.kwargs == {"x2": 2}


def test_stateful_layer_learns_eagerly_without_being_changed():
    layer = Whiten()
    node = layer(sm.Input("x", shape=(None,))(ROWS))

    assert_allclose(node.output, (ROWS - ROWS.mean(0)) / ROWS.std(0))
    assert not hasattr(layer, "mean_")
    assert node.is_fitted


def test_estimator_that_need_not_copy_does_not_write_into_an_eager_node():
    array = ROWS.copy()
    x = sm.Input("x", shape=(None,))(array)

    Sklearn(StandardScaler(copy=False))(x)

    assert_array_equal(array, ROWS)
    assert_array_equal(x.output, ROWS)


def test_eager_labels_reach_the_estimator():
    x, y = sm.Input("x", shape=(None,))(ROWS), sm.Target("y")([1.0, 3.0, 5.0])

    node = Sklearn(LinearRegression())(x, y=y)

    assert_allclose(node.output, [1.0, 3.0, 5.0])


def test_eager_node_beside_a_plain_one_computes_nothing():
    x, y = sm.Input("x"), sm.Input("y")

    node = x([1.0]) + y

    assert not node.eager


def test_eager_node_shows_a_glimpse_of_its_value():
    assert "(3, 2) float64 [1.0, 2.0, 3.0, ...]" in repr(sm.Input("x", shape=2)(ROWS))


def test_eager_lambda_with_several_outputs_gives_one_node_each():
    small, large = Lambda(halves, n_outputs=2)(sm.Input("x")([2.0, 4.0]), name=["small", "large"])

    assert (small.name, large.name) == ("small", "large")
    assert_array_equal(small.output, [1, 2])
    assert_array_equal(large.output, [4, 8])


@pytest.mark.parametrize("fn", [np.sqrt, lambda x: (x, x, x), lambda x: (x,)])
def test_eager_lambda_that_returns_another_number_of_outputs_is_refused(fn):
    eager = sm.Input("x")([1.0, 4.0, 9.0, 16.0])

    with pytest.raises(ValueError, match="n_outputs=2 and must return a tuple of 2"):
        Lambda(fn, n_outputs=2)(eager)


def test_metric_of_eager_nodes_is_computed_at_once():
    total = Metric(np.sum)(sm.Input("x")([1.0, 2.0]), "total")

    assert total.output == 3.0


# --- outbound nodes and traverse ------------------------------------------------------


def test_outbound_nodes_are_listed_in_the_order_they_were_drawn():
    x = sm.Input("x")
    first, second = x + 1, x * 2

    assert x.outbound_nodes == (first, second)


def test_node_that_nobody_holds_disappears_from_outbound_nodes():
    x = sm.Input("x")
    kept = Flatten()(x)
    gone = weakref.ref(Whiten()(x))
    gc.collect()

    assert gone() is None
    assert x.outbound_nodes == (kept,)


@pytest.mark.parametrize("layer", [Metric(np.sum), Explorer(np.max)])
def test_metric_or_explorer_stays_with_what_it_looks_at(layer):
    x = sm.Input("x")
    layer(x, "look")
    gc.collect()

    (node,) = x.outbound_nodes
    assert node.name == "look"


def test_label_node_knows_the_step_that_learns_from_it():
    x, y = sm.Input("x", shape=(None,)), sm.Target("y")
    pred = Sklearn(LinearRegression())(x, y=y)

    assert y.outbound_nodes == (pred,)
    assert pred.inbound_nodes == (x,)


def test_node_called_on_the_same_node_twice_is_listed_once():
    x = sm.Input("x")
    both = Concatenate()([x, x])

    assert x.outbound_nodes == (both,)


def test_traverse_counts_moves_from_one_left_to_right():
    a, b = sm.Input("a"), sm.Input("b")
    both = Concatenate()([a, b])
    total = a + b

    assert both.traverse(-1) is a
    assert both.traverse(-2) is b
    assert a.traverse(2) is total
    assert both.traverse(-2, 2, -1, 1) is both
    assert both.traverse() is both


@pytest.mark.parametrize(("path", "position", "move"), [((0,), 1, 0), ((-1, 7), 2, 7)])
def test_traverse_tells_the_move_that_leads_nowhere(path, position, move):
    node = Flatten()(sm.Input("x"))

    with pytest.raises(IndexError, match=rf"Move {position} of traverse.* is {move}, .*from 1"):
        node.traverse(*path)


# --- operators ------------------------------------------------------------------------

few = settings(max_examples=25, deadline=None)
floats = st.floats(-100, 100).filter(lambda number: number == 0 or abs(number) > 1e-3)
arrays = hnp.arrays(
    np.float64, hnp.array_shapes(min_dims=1, max_dims=3, max_side=4), elements=floats
)
OPERATORS = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": lambda left, right: left / right,
}


def eager(array, name="x"):
    return sm.Input(name, shape=(None,) * (array.ndim - 1))(array)


@pytest.mark.parametrize("sign", OPERATORS)
@few
@given(data=st.data())
def test_operator_on_two_nodes_computes_what_numpy_does(sign, data):
    left = data.draw(arrays)
    nonzero = floats.filter(bool)
    right = data.draw(hnp.arrays(np.float64, left.shape, elements=nonzero))

    node = OPERATORS[sign](eager(left), eager(right, "y"))

    assert_allclose(node.output, OPERATORS[sign](left, right))


@pytest.mark.parametrize("sign", OPERATORS)
@few
@given(array=arrays, number=floats.filter(bool))
def test_operator_with_a_number_on_the_right_computes_what_numpy_does(sign, array, number):
    assert_allclose(OPERATORS[sign](eager(array), number).output, OPERATORS[sign](array, number))


@pytest.mark.parametrize("sign", OPERATORS)
@few
@given(array=arrays, number=floats)
def test_operator_with_a_number_on_the_left_computes_what_numpy_does(sign, array, number):
    array = np.where(array == 0, 1, array)

    assert_allclose(OPERATORS[sign](number, eager(array)).output, OPERATORS[sign](number, array))


@few
@given(array=arrays)
def test_minus_in_front_of_a_node_negates_it(array):
    assert_array_equal((-eager(array)).output, -array)


@pytest.mark.parametrize("number", [2, 2.5, np.float32(2), np.int64(2), np.array(2.0)])
@pytest.mark.parametrize("sign", OPERATORS)
def test_operators_take_numbers_of_python_and_numpy_on_both_sides(sign, number):
    node = eager(ROWS)

    assert_allclose(OPERATORS[sign](node, number).output, OPERATORS[sign](ROWS, number))
    assert_allclose(OPERATORS[sign](number, node).output, OPERATORS[sign](number, ROWS))


def test_division_of_nodes_gives_zero_where_the_divisor_is_zero():
    ratio = eager(np.array([1.0, 2.0])) / eager(np.array([0.0, 4.0]), "y")

    assert_array_equal(ratio.output, [0, 0.5])


def test_at_sign_multiplies_as_matrices():
    weights = np.array([[1.0, 0.0, 2.0], [0.5, 1.0, 0.0]])

    assert_allclose((eager(ROWS) @ weights).output, ROWS @ weights)
    assert_allclose((eager(ROWS) @ eager(weights, "w")).output, ROWS @ weights)
    assert_allclose((eager(ROWS) @ weights[:, 0]).output, ROWS @ weights[:, 0])


@pytest.mark.parametrize("operand", [ROWS, ROWS[0], [1, 2], "2", None, PCA(), Flatten()])
@pytest.mark.parametrize("sign", OPERATORS)
def test_operator_refuses_what_is_no_number_on_either_side(sign, operand):
    node = sm.Input("x", shape=(2,))

    with pytest.raises(NodeTypeError, match="combined with a node or a number"):
        OPERATORS[sign](node, operand)
    with pytest.raises(NodeTypeError, match="combined with a node or a number"):
        OPERATORS[sign](operand, node)


@pytest.mark.parametrize("operand", [2, "2", np.zeros((1, 1, 1)), Flatten()])
def test_at_sign_refuses_what_is_no_matrix(operand):
    with pytest.raises(NodeTypeError, match="takes node @ node or node @ matrix"):
        sm.Input("x", shape=(2,)) @ operand


def test_matrix_on_the_left_of_a_node_is_refused():
    with pytest.raises(NodeTypeError, match="the node stands left"):
        np.eye(3) @ sm.Input("x", shape=(2,))


# --- what a node is not ---------------------------------------------------------------


def test_node_has_no_truth_value():
    with pytest.raises(NodeTypeError, match=r"no truth value.*`node is None`"):
        bool(sm.Input("x"))


@pytest.mark.parametrize("node", [sm.Input("x"), Flatten()(sm.Input("x"))])
def test_node_cannot_be_iterated(node):
    with pytest.raises(NodeTypeError, match=r"cannot be iterated.*Lambda\(lambda x: x\[:, 0\]\)"):
        list(node)


def test_node_cannot_be_unpacked():
    with pytest.raises(NodeTypeError, match="cannot be iterated"):
        _a, _b = sm.Input("x")


def test_advice_for_iterating_names_layers_that_exist():
    with pytest.raises(NodeTypeError) as caught:
        iter(sm.Input("x"))

    assert hasattr(sm.layers, "Slice") or "Slice" not in str(caught.value)


def test_result_of_a_call_cannot_be_called():
    flat = Flatten()(sm.Input("x"))

    with pytest.raises(NodeTypeError, match=r"is a node, not a layer.*SomeLayer\(\)\(node\)"):
        flat(sm.Input("y"))


@pytest.mark.parametrize("thing", [Flatten(), PCA(), sm.Input("y"), Flatten()(sm.Input("z"))])
def test_input_called_on_a_layer_or_node_says_how_to_write_it(thing):
    with pytest.raises(NodeTypeError, match=r"takes an array when called.*SomeLayer\(\)\(node\)"):
        sm.Input("x")(thing)


# --- a layer where a node belongs, and the reverse ------------------------------------


def test_sklearn_of_a_class_asks_for_an_instance():
    with pytest.raises(NodeTypeError, match=r"got the class\. Write PCA\(\)"):
        Sklearn(PCA)(sm.Input("x", shape=(None,)))


def test_sklearn_of_a_node_says_what_it_takes():
    x = sm.Input("x", shape=(None,))

    with pytest.raises(NodeTypeError, match=r"got Input\('x'.*Write Sklearn\(PCA\(\)\)\(node\)"):
        Sklearn(x)(x)


def test_sklearn_of_one_of_our_layers_says_to_call_it_directly():
    with pytest.raises(NodeTypeError, match="our own layers are called on nodes directly"):
        Sklearn(Flatten())(sm.Input("x"))


@pytest.mark.parametrize("thing", [PCA(), Whiten()])
def test_layer_called_on_a_layer_says_to_call_that_on_a_node_first(thing):
    with pytest.raises(NodeTypeError, match="is a layer or estimator; call it on a node first"):
        Flatten()(thing)


@pytest.mark.parametrize("thing", [PCA, Whiten])
def test_layer_called_on_a_class_says_how_to_make_a_layer(thing):
    name = thing.__name__

    with pytest.raises(NodeTypeError, match=rf"the class {name}; write {name}\(\)"):
        Flatten()(thing)


def test_layer_called_on_an_array_says_how_to_make_an_eager_node():
    with pytest.raises(NodeTypeError, match=r"shape \(3, 2\); draw sm.Input\('x', shape=\(2,\)\)"):
        Flatten()(ROWS)


def test_layer_called_on_nothing_says_so():
    with pytest.raises(NodeTypeError, match=r"called on nothing. Write layer\(node\)"):
        Flatten()()


@pytest.mark.parametrize("labels", [ROWS[:, 0], "y", PCA()])
def test_labels_that_are_no_node_are_refused_with_what_to_draw(labels):
    x = sm.Input("x", shape=(None,))

    with pytest.raises(NodeTypeError, match=r"y= of .* takes a node.*sm.Input\('y'\)"):
        Sklearn(LinearRegression())(x, y=labels)


def test_pipeline_of_an_estimator_as_input_is_refused_when_it_is_used():
    pipe = sm.Pipeline(PCA(), sm.Input("x"))

    with pytest.raises(NodeTypeError, match=r"inputs takes nodes: PCA\(\) is a layer or est"):
        pipe.fit(ROWS)
    with pytest.raises(NodeTypeError, match="inputs takes nodes"):
        pipe.transform(ROWS)


def test_pipeline_of_a_layer_as_output_is_refused_when_it_is_used():
    with pytest.raises(NodeTypeError, match=r"outputs takes nodes: Flatten\(\).*call it on"):
        sm.Pipeline(sm.Input("x"), Flatten()).fit([1.0])


def test_pipeline_of_a_result_as_input_says_to_list_the_inputs():
    x = sm.Input("x")

    with pytest.raises(NodeTypeError, match="list the Input nodes it comes from"):
        sm.Pipeline(x + 1, x + 1).fit([1.0])


def test_pipeline_of_a_metric_as_output_is_refused():
    x = sm.Input("x")

    with pytest.raises(NodeTypeError, match=r"outputs .*MetricNode.*list it elsewhere"):
        sm.Pipeline(x, Metric(np.sum)(x, "total")).fit([1.0])


@pytest.mark.parametrize("thing", [None, "x", 3, {"x": 1}])
def test_pipeline_of_something_else_says_what_came(thing):
    with pytest.raises(NodeTypeError, match=f"of type {type(thing).__name__}"):
        sm.Pipeline(thing, sm.Input("x")).fit([1.0])


def test_pipeline_with_wrong_nodes_can_still_be_shown_and_asked():
    pipe = sm.Pipeline(PCA(), Flatten())

    assert "PCA()" in repr(pipe)
    assert isinstance(pipe.get_params()["inputs"], PCA)
    assert not hasattr(pipe, "predict")


# --- names ----------------------------------------------------------------------------


def test_name_is_the_second_argument_or_a_keyword():
    x = sm.Input("x")

    assert Flatten()(x, "flat").name == "flat"
    assert Flatten()(x, name="flat").name == "flat"
    assert Flatten()(x).name is None


def test_several_nodes_may_be_given_one_by_one_before_the_name():
    a, b = sm.Input("a"), sm.Input("b")

    assert Concatenate()(a, b, "both").inbound_nodes == (a, b)


def test_step_name_with_two_underscores_is_refused_and_respelled():
    with pytest.raises(NamingError, match=r"contains '__'.*Write 'my_flat'"):
        Flatten()(sm.Input("x"), "my__flat")


@pytest.mark.parametrize("name", ["", 5, 2.5, b"flat"])
def test_step_name_of_another_type_is_refused(name):
    with pytest.raises((NamingError, NodeTypeError), match=r"string|name"):
        Flatten()(sm.Input("x"), name=name)


@pytest.mark.parametrize("name", ["", 5, ["acc"]])
def test_metric_name_of_another_type_is_refused(name):
    with pytest.raises((NamingError, NodeTypeError), match=r"string|name"):
        Metric(np.sum)(sm.Input("x"), name=name)


def test_outputs_of_one_step_may_have_their_own_names():
    small, large = Lambda(halves, n_outputs=2)(sm.Input("x"), name=["small", "large"])

    assert (small.name, large.name) == ("small", "large")
    assert (small.layer_out_index, large.layer_out_index) == (0, 1)
    assert small.step is large.step


def test_names_of_several_outputs_may_be_the_second_argument_of_the_call():
    small, large = Lambda(halves, n_outputs=2)(sm.Input("x"), ["small", "large"])

    assert (small.name, large.name) == ("small", "large")


def test_outputs_of_one_step_with_one_name_share_it():
    small, large = Lambda(halves, n_outputs=2)(sm.Input("x"), "halves")

    assert small.name == large.name == "halves"


def test_number_of_output_names_must_be_the_number_of_outputs():
    with pytest.raises(NodeTypeError, match=r"gives 2 outputs, got 3 names \['a', 'b', 'c'\]"):
        Lambda(halves, n_outputs=2)(sm.Input("x"), name=["a", "b", "c"])


@pytest.mark.parametrize("names", [["a", 5], ["a", ""], ["a", "b__c"]])
def test_each_output_name_is_a_plain_string(names):
    with pytest.raises(NamingError):
        Lambda(halves, n_outputs=2)(sm.Input("x"), name=names)


# --- inverse --------------------------------------------------------------------------


def test_inverse_of_eager_nodes_goes_back_to_the_units():
    y = sm.Target("y")([10.0, 20.0, 40.0])
    scaled = Sklearn(MinMaxScaler())(y)

    assert_allclose(scaled.inverse(scaled).output.ravel(), [10, 20, 40])


def test_inverse_of_an_eager_prediction_has_the_shape_of_the_labels():
    x, y = sm.Input("x", shape=(None,))(ROWS), sm.Target("y")([10.0, 30.0, 50.0])
    scaled = Sklearn(StandardScaler())(y)
    pred = Sklearn(LinearRegression())(x, y=scaled)

    assert_allclose(scaled.inverse(pred).output, [10, 30, 50])


def test_inverse_uses_the_state_of_the_step_and_not_the_data_it_is_given():
    whitened = Whiten()(sm.Input("x")([0.0, 10.0]))

    back = whitened.inverse(sm.Input("z")([0.0, 0.0]))

    assert_allclose(back.output, [5, 5])


def test_inverse_of_an_input_is_refused():
    x = sm.Input("x")

    with pytest.raises(NodeTypeError, match="was not made by a step"):
        x.inverse(x)


def test_inverse_of_a_layer_without_one_is_refused():
    x = sm.Input("x")

    with pytest.raises(NodeTypeError, match=r"has no inverse.*does not define inverse_transform"):
        Flatten()(x).inverse(x)


def test_inverse_on_an_array_is_refused():
    with pytest.raises(NodeTypeError, match="inverse takes a node, got ndarray"):
        Whiten()(sm.Input("x")).inverse(ROWS)


# --- several outputs in a pipeline ----------------------------------------------------


def test_outputs_of_one_unnamed_step_are_numbered():
    x = sm.Input("x")
    both = Lambda(halves, n_outputs=2)(x)

    result = sm.Pipeline(x, list(both)).transform([2.0, 4.0])

    assert list(result) == ["lambda[0]", "lambda[1]"]
    assert_array_equal(result["lambda[1]"], [4, 8])


def test_outputs_of_one_named_step_are_numbered_after_it():
    x = sm.Input("x")
    both = Lambda(halves, n_outputs=2)(x, "halves")

    assert list(sm.Pipeline(x, list(both)).transform([2.0])) == ["halves[0]", "halves[1]"]


def test_output_names_become_the_keys_of_the_result():
    x = sm.Input("x")
    small, large = Lambda(halves, n_outputs=2)(x, name=["small", "large"])

    result = sm.Pipeline(x, [large, small]).transform([2.0])

    assert list(result) == ["large", "small"]
    assert_array_equal(result["small"], [1])


def test_only_one_of_several_outputs_may_be_asked_for():
    x = sm.Input("x")
    _small, large = Lambda(halves, n_outputs=2)(x)

    assert_array_equal(sm.Pipeline(x, large + 1).transform([2.0]), [5])


def test_stateful_layer_may_have_several_outputs():
    class Split(StatefulLayer):
        n_outputs = 2

        def fit(self, X):
            self.mean_ = X.mean()

        def transform(self, X):
            return X - self.mean_, X * 0 + self.mean_

    x = sm.Input("x")
    rest, mean = Split()(x, name=["rest", "mean"])

    result = sm.Pipeline(x, [rest, mean]).fit([1.0, 3.0]).transform([5.0])

    assert_array_equal(result["rest"], [3])
    assert_array_equal(result["mean"], [2])


# --- copying one node -----------------------------------------------------------------


def test_shallow_copy_of_a_node_is_the_node():
    node = Flatten()(sm.Input("x"))

    assert copy.copy(node) is node


@pytest.mark.parametrize("again", [copy.deepcopy, lambda node: pickle.loads(pickle.dumps(node))])
@settings(max_examples=10, deadline=None)
@given(name=st.from_regex(r"[a-z]+", fullmatch=True))
def test_copied_input_equals_the_original_in_all_but_identity(again, name):
    node = sm.Input(name, columns=["a", 3])
    twin = again(node)

    assert twin is not node
    assert repr(twin) == repr(node)
