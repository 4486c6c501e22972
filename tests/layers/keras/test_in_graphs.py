"""Networks with what a graph has for every step: held-out rows, going on, freezing, choosing."""

import numpy as np
import pytest
from keras_models import TOTAL, WORDS, X, dense, line, same, softmax, two_by_two, weights_of
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV

import skmegatron as sm
from skmegatron.layers import Keras, KerasClassifier, Sklearn, Whiten

B = np.random.default_rng(1).normal(size=(80, 2))


def regressing(layer, **params):
    x, y = sm.Input("x", shape=(3,)), sm.Target("y")
    return sm.Pipeline([x, y], layer(Whiten()(x), "net", y=y), **params)


def weighed(layer):
    x, y, weight = sm.Input("x", shape=(3,)), sm.Target("y"), sm.Input("w")
    return sm.Pipeline([x, y, weight], layer(x, "net", y=y, sample_weight=weight))


def test_rows_cut_off_by_a_fit_are_looked_at_in_every_epoch():
    pipe = regressing(Keras(dense, loss="mse", epochs=3, random_state=0))

    pipe.fit(X, TOTAL, validation_split=0.25)

    assert len(pipe.steps_["net"].history_["val_loss"]) == 3


def test_rows_cut_off_have_labels_of_every_output():
    a, b = sm.Input("a", shape=(3,)), sm.Input("b", shape=(2,))
    one, two = sm.Target("one"), sm.Target("two")
    outputs = Keras(two_by_two())([a, b], "net", y=[one, two])
    pipe = sm.Pipeline([a, b, one, two], outputs)

    pipe.fit({"a": X, "b": B}, {"one": TOTAL, "two": TOTAL > 0}, validation_split=0.25)

    assert "val_loss" in pipe.steps_["net"].history_


def test_weights_of_held_out_rows_count_where_they_are_known():
    layer = Keras(line(), optimizer="sgd", random_state=0)
    data, ones = {"x": X}, np.ones(80)
    some = np.repeat([1.0, 0.0], 40)

    def loss(*held_out):
        fitted = weighed(layer).fit(data, TOTAL, w=ones, validation_data=held_out)
        return fitted.steps_["net"].history_["val_loss"]

    assert_allclose(loss(data, TOTAL, ones), loss(data, TOTAL), rtol=1e-5)
    assert loss(data, TOTAL, np.zeros(80)) == [0.0]
    assert not np.allclose(loss(data, TOTAL, some), loss(data, TOTAL))


def test_rows_cut_off_take_their_weights_along():
    layer = Keras(line(), optimizer="sgd", random_state=0)
    pipe = weighed(layer)

    pipe.fit({"x": X}, TOTAL, w=np.zeros(80), validation_split=0.25)

    assert pipe.steps_["net"].history_["val_loss"] == [0.0]


def test_a_sequential_model_is_a_template_like_any_other():
    assert regressing(Keras(line())).fit(X, TOTAL).transform(X).shape == (80, 1)


def test_a_fit_goes_on_where_it_is_told_to():
    pipe = regressing(Keras(dense, loss="mse", random_state=0)).fit(X, TOTAL)
    first = weights_of(pipe.steps_["net"])

    pipe.fit(X, TOTAL)
    assert same(weights_of(pipe.steps_["net"]), first)
    pipe.set_params(net__epochs=0).fit(X, TOTAL, warm_start="net")
    assert same(weights_of(pipe.steps_["net"]), first)
    pipe.set_params(net__epochs=2).fit(X, TOTAL, warm_start="net")
    assert not same(weights_of(pipe.steps_["net"]), first)
    assert pipe.steps_["net"].warm_start is False


def test_a_fit_that_fails_while_going_on_leaves_the_network_as_it_was():
    pipe = regressing(Keras(dense, loss="mse", random_state=0)).fit(X, TOTAL)
    before = pipe.transform(X)

    with pytest.raises(ValueError, match="text"):
        pipe.fit(X, WORDS, warm_start="net")

    assert_allclose(pipe.transform(X), before)


def test_a_frozen_network_is_not_fitted_again():
    pipe = regressing(KerasClassifier(softmax, epochs=2, random_state=0)).fit(X, WORDS)
    answers = pipe.predict(X)

    pipe.set_params(net=pipe.steps_["net"].freeze()).fit(X, WORDS[::-1])

    assert_array_equal(pipe.transform(X), answers)
    assert_array_equal(clone(pipe).fit(X, WORDS[::-1]).transform(X), answers)


def test_what_is_left_open_in_the_arguments_of_a_build_function_is_searched():
    layer = KerasClassifier(
        softmax,
        units=sm.choose([2, 5]),
        optimizer__learning_rate=sm.choose([0.1, 0.01]),
        random_state=0,
    )
    pipe = regressing(layer)

    assert pipe.param_grid() == {
        "net__units": [2, 5],
        "net__optimizer__learning_rate": [0.1, 0.01],
    }
    search = GridSearchCV(pipe, {"net__units": [2, 5]}, cv=2).fit(X, WORDS)

    units = search.best_estimator_.steps_["net"].model_.layers[0].units
    assert units == search.best_params_["net__units"]


def test_a_memory_knows_a_network_again_by_its_held_out_rows_too():
    memory = sm.MemoryCache()
    layer = Keras(dense, loss="mse", random_state=0)
    first = regressing(layer, memory=memory).fit(X, TOTAL, validation_split=0.25)
    hits = memory.stats().hits

    again = regressing(layer, memory=memory).fit(X, TOTAL, validation_split=0.25)
    other = regressing(layer, memory=memory).fit(X, TOTAL, validation_split=0.5)

    assert memory.stats().hits > hits
    assert_array_equal(again.transform(X), first.transform(X))
    assert again.steps_["net"].history_ == first.steps_["net"].history_
    assert other.steps_["net"].history_ != first.steps_["net"].history_


def stacked(net):
    x, y = sm.Input("x", shape=(3,)), sm.Target("y")
    return sm.Pipeline([x, y], Sklearn(Ridge())(net(x, y=y), "head", y=y))


def alone(layer):
    x, y = sm.Input("x", shape=(None,)), sm.Target("y")
    return sm.Pipeline([x, y], layer(x, "net", y=y))


@pytest.mark.parametrize("method", ["predict", "transform"])
def test_a_step_below_a_network_is_told_of_and_the_mend_works(method):
    layer = Keras(dense, loss="mse", random_state=0)

    (leak,) = stacked(layer).check_leakage()
    assert (leak.kind, leak.path) == ("in-sample", ("keras", "head"))
    assert "Sklearn(inner, method='predict', cv=5)(node, y=label)" in leak.mend

    mended = stacked(Sklearn(alone(layer), method=method, cv=3))
    assert mended.check_leakage() == []
    assert mended.fit(X, TOTAL).predict(X).shape == (80,)


def test_a_classifier_is_told_of_with_its_probabilities():
    (leak,) = stacked(KerasClassifier(softmax)).check_leakage()

    assert "method='predict_proba'" in leak.mend


def test_a_network_that_learns_its_input_tells_no_labels():
    x, y = sm.Input("x", shape=(3,)), sm.Target("y")
    code = Keras(dense, loss="mse")(x, y=Whiten()(x))

    assert sm.Pipeline([x, y], Sklearn(Ridge())(code, y=y)).check_leakage() == []
