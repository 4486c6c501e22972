"""Inputs and targets: names, shapes, columns."""

import pytest

import skmegatron as sm
from skmegatron.errors import NamingError, ShapeError

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
