import random

import numpy as np
import pytest
from keras_models import SIGN, TOTAL, WORDS, X, dense, line, same, softmax, two_by_two, weights_of
from numpy.testing import assert_allclose

import skmegatron as sm
from skmegatron.errors import NodeTypeError, ShapeError
from skmegatron.layers import Keras, KerasClassifier
from skmegatron.layers.keras.backend import load_keras

B = np.random.default_rng(1).normal(size=(80, 2))
BATCHES = [({"x": X[i : i + 20]}, TOTAL[i : i + 20]) for i in range(0, 80, 20)]


def of_one(layer, **kwargs):
    x, y = sm.Input("x", shape=(3,)), sm.Target("y")
    return sm.Pipeline([x, y], layer(x, "net", y=y, **kwargs))


def test_the_same_seed_gives_the_same_weights():
    layer = Keras(dense, loss="mse", epochs=2, random_state=3)

    first, second = (Keras(**layer.get_params()).fit(X, y=TOTAL) for _ in range(2))

    assert same(weights_of(first), weights_of(second))


def test_another_seed_gives_other_weights():
    one, other = (Keras(dense, loss="mse", random_state=n).fit(X, y=TOTAL) for n in (1, 2))

    assert not same(weights_of(one), weights_of(other))


def test_without_a_seed_numpy_gives_one():
    weights = []
    state = np.random.get_state()
    for _ in range(2):
        np.random.seed(0)
        weights.append(weights_of(Keras(dense, loss="mse").fit(X, y=TOTAL)))
    np.random.set_state(state)

    assert same(*weights)


def states():
    keras = load_keras()
    found = [random.getstate(), np.random.get_state()[1].tolist(), np.random.get_state()[2:]]
    if keras.config.backend() == "torch":
        import torch  # noqa: PLC0415 - not there with another backend

        found.append(torch.random.get_rng_state().tolist())
    return found


def test_the_random_state_of_the_caller_is_left_alone():
    layer = Keras(dense, loss="mse", random_state=0)
    before = states()

    layer.fit(X, y=TOTAL).partial_fit(X, y=TOTAL).predict(X)

    assert states() == before


def test_surplus_nodes_are_the_labels_of_a_template():
    a, b, first, second = (
        sm.Input("a", shape=(3,)),
        sm.Input("b", shape=(2,)),
        sm.Input("first"),
        sm.Target("second"),
    )
    total, sign = Keras(two_by_two(), random_state=0)([a, b, first, second])
    pipe = sm.Pipeline([a, b, first, second], [total, sign])

    given = pipe.fit({"a": X, "b": B, "first": TOTAL}, SIGN).transform({"a": X, "b": B})

    assert list(given) == ["total", "sign"]
    assert given["total"].shape == (80, 1)


def test_inputs_and_labels_are_told_by_name():
    a, b, one, two = (
        sm.Input("a", shape=(3,)),
        sm.Input("b", shape=(2,)),
        sm.Target("one"),
        sm.Target("two"),
    )
    net = Keras(two_by_two(dict), random_state=0)
    outputs = net({"a": a, "b": b}, y={"sign": two, "total": one})
    pipe = sm.Pipeline([a, b, one, two], outputs).fit(
        {"a": X, "b": B}, {"one": TOTAL, "two": SIGN}
    )

    given = pipe.transform({"a": X, "b": B})
    layer = next(iter(pipe.steps_.values()))
    plain = layer.model_.predict_on_batch({"a": X.astype("f4"), "b": B.astype("f4")})

    for name in ("total", "sign"):
        assert_allclose(given[name], plain[name], rtol=1e-5, atol=1e-6)


def test_nodes_made_of_targets_are_the_labels_of_a_build_function():
    x, label = sm.Input("x", shape=(3,)), sm.Target("label")
    pipe = sm.Pipeline([x, label], Keras(dense, loss="mse")([x, label * 2]))

    assert pipe.fit(X, TOTAL).transform(X).shape == (80, 1)


def test_a_model_may_learn_its_input():
    x = sm.Input("x", shape=(3,))

    assert sm.Pipeline(x, Keras(dense, loss="mse")(x, y=x)).fit(X).transform(X).shape == (80, 3)


def test_too_few_nodes_are_refused():
    with pytest.raises(NodeTypeError, match=r"2 inputs \['a', 'b'\].*on 1 nodes"):
        Keras(two_by_two())(sm.Input("a", shape=(3,)))


def test_labels_given_twice_are_refused():
    x, y = sm.Input("x", shape=(3,)), sm.Target("y")

    with pytest.raises(NodeTypeError, match="Give the labels once"):
        Keras(line())([x, y], y=y)


def test_several_outputs_of_a_build_function_are_told_by_the_losses():
    x, one, two = sm.Input("x", shape=(3,)), sm.Target("one"), sm.Target("two")
    with pytest.raises(NodeTypeError, match=r"loss=\['mse', 'mse'\]"):
        Keras(lambda: None)(x, y=[one, two])

    def build():
        keras = load_keras()
        given = keras.Input((3,))
        outputs = [keras.layers.Dense(1, name=name)(given) for name in ("u", "v")]
        return keras.Model(given, outputs)

    u, v = Keras(build, loss=["mse", "mse"])(x, ["u", "v"], y=[one, two])
    pipe = sm.Pipeline([x, one, two], [u, v]).fit({"x": X}, {"one": TOTAL, "two": TOTAL})

    assert list(pipe.transform({"x": X})) == ["u", "v"]


@pytest.mark.parametrize("structure", [list, dict])
def test_held_out_data_reaches_every_output(structure):
    a, b, one, two = (
        sm.Input("a", shape=(3,)),
        sm.Input("b", shape=(2,)),
        sm.Target("one"),
        sm.Target("two"),
    )
    labels = [one, two] if structure is list else {"total": one, "sign": two}
    outputs = Keras(two_by_two(structure))([sm.layers.Whiten()(a), b], "net", y=labels)
    pipe = sm.Pipeline([a, b, one, two], outputs)
    data, labels = {"a": X, "b": B}, {"one": TOTAL, "two": SIGN}
    names = ["total", "sign"] if structure is list else ["sign", "total"]

    pipe.fit(data, labels, validation_data=(data, labels))

    assert "val_loss" in pipe.steps_["net"].history_
    assert [node.name for node in pipe.outputs] == [f"net_{name}" for name in names]


def test_held_out_data_may_have_weights():
    layer = Keras(dense, loss="mse", random_state=0)
    weights = np.zeros(80)

    layer.fit(X, y=TOTAL, validation_data=([X], TOTAL, weights))

    assert layer.history_["val_loss"] == [0.0]


def test_early_stopping_looks_at_held_out_data():
    keras = load_keras()
    stop = keras.callbacks.EarlyStopping(patience=1, min_delta=1e9)
    pipe = of_one(Keras(dense, loss="mse", epochs=10, callbacks=stop))

    for _ in range(2):  # a second fit does not begin with the patience of the first
        pipe.fit(X, TOTAL, validation_data=(X, TOTAL))
        assert len(pipe.steps_["net"].history_["val_loss"]) == 2


def test_weights_of_rows_count():
    weight = sm.Input("sample_weight")
    x, y = sm.Input("x", shape=(3,)), sm.Target("y")
    layer = Keras(dense, optimizer="sgd", loss="mse", epochs=3, random_state=0)
    net = layer(x, "net", y=y, sample_weight=weight)
    pipe = sm.Pipeline([x, y, weight], net)
    ones = np.ones(80)

    plain = of_one(layer).fit(X, TOTAL)
    even = pipe.fit({"x": X}, TOTAL, sample_weight=ones).transform({"x": X})
    odd = pipe.fit({"x": X}, TOTAL, sample_weight=ones * 2).transform({"x": X})

    assert_allclose(even, plain.transform(X), rtol=1e-5)
    assert not np.allclose(odd, even)


def test_classes_have_weights_by_their_labels():
    X_few, y_few = X[:60], WORDS[:60]
    weights = {"yes": 1000.0, "no": 0.001}

    layer = KerasClassifier(
        softmax,
        epochs=20,
        optimizer__learning_rate=0.05,
        fit__class_weight=weights,
        random_state=0,
    )
    assert set(layer.fit(X_few, y=y_few).predict(X_few)) == {"yes"}

    layer.set_params(fit__class_weight="balanced").fit(X_few, y=y_few)


def test_fit_begins_again_and_warm_start_goes_on():
    layer = Keras(dense, loss="mse", random_state=0).fit(X, y=TOTAL)
    first = weights_of(layer)

    assert same(weights_of(layer.fit(X, y=TOTAL)), first)
    layer.set_params(warm_start=True, epochs=0).fit(X, y=TOTAL)
    assert same(weights_of(layer), first)
    layer.set_params(epochs=1).fit(X, y=TOTAL)
    assert not same(weights_of(layer), first)


def test_partial_fit_goes_on():
    layer = Keras(dense, loss="mse", random_state=0).partial_fit(X, y=TOTAL)
    first = weights_of(layer)

    layer.partial_fit(X, y=TOTAL)

    assert not same(weights_of(layer), first)


def test_a_stream_in_batches_gives_what_fit_gives():
    layer = Keras(dense, loss="mse", shuffle=False, batch_size=20, random_state=0, epochs=3)

    whole = of_one(layer).fit(X, TOTAL)
    streamed = of_one(layer).fit_generator(BATCHES, epochs=3)

    assert_allclose(streamed.transform(X), whole.transform(X), rtol=1e-4, atol=1e-5)
    given, expected = (pipe.steps_["net"].history_["loss"] for pipe in (streamed, whole))
    assert_allclose(given, expected, rtol=1e-5)


def test_large_batches_of_a_stream_are_cut():
    small = Keras(dense, loss="mse", shuffle=False, batch_size=20, random_state=0)

    cut = of_one(small).fit_generator([({"x": X}, TOTAL)])

    streamed = of_one(small).fit_generator(BATCHES)
    assert_allclose(cut.transform(X), streamed.transform(X), rtol=1e-4, atol=1e-5)


def test_patience_is_counted_in_epochs_of_a_stream():
    keras = load_keras()
    stop = keras.callbacks.EarlyStopping("loss", patience=2, min_delta=1e9)
    readings = []

    def source():
        readings.append(len(readings))
        yield from BATCHES

    pipe = of_one(Keras(dense, loss="mse", callbacks=[stop])).fit_generator(source, epochs=9)

    assert readings == [0, 1, 2]
    assert len(pipe.steps_["net"].history_["loss"]) == 3


def test_callbacks_are_told_of_a_stream_as_of_a_fit():
    keras = load_keras()
    told = []

    class Listens(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            told.append("begin")

        def on_epoch_end(self, epoch, logs=None):
            told.append(epoch)

        def on_train_end(self, logs=None):
            told.append("end")

    pipe = of_one(Keras(dense, loss="mse", callbacks=[Listens()]))

    pipe.fit_generator(BATCHES, epochs=2)

    assert told == ["begin", 0, 1, "end"]


def test_classes_of_a_stream_are_gathered():
    x, y = sm.Input("x", shape=(3,)), sm.Target("y")
    pipe = sm.Pipeline([x, y], KerasClassifier(softmax)(x, "net", y=y))
    order = np.argsort(WORDS)
    batches = [({"x": X[rows]}, WORDS[rows]) for rows in np.split(order, 4)]

    assert list(pipe.fit_generator(batches).classes_) == ["no", "yes"]


def test_a_fit_is_silent(capfd):
    Keras(dense, loss="mse").fit(X, y=TOTAL).predict(X)

    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("y", "error", "words"),
    [
        (TOTAL[:5], ShapeError, "inconsistent numbers of samples"),
        (WORDS, ValueError, "KerasClassifier"),
        (None, ValueError, "the target y is None"),
        (np.zeros((80, 4, 2)), ShapeError, "its labels are"),
        (np.array([{}] * 80), TypeError, "holds objects that make none"),
    ],
)
def test_labels_that_cannot_be_learned_are_refused(y, error, words):
    with pytest.raises(error, match=words):
        Keras(line()).fit(X, y=y)


def test_lists_and_objects_are_numbers():
    plain = Keras(dense, loss="mse", random_state=0).fit(X, y=TOTAL).predict(X)

    for spelled in (X.tolist(), X.astype(object)):
        given = Keras(dense, loss="mse", random_state=0).fit(spelled, y=TOTAL.tolist())
        assert_allclose(given.predict(spelled), plain, rtol=1e-6)


def test_a_model_that_fails_in_the_first_step_of_a_warm_start_is_what_it_was():
    def fails(y_true, y_pred):
        if y_true.shape[0] != 20:
            raise RuntimeError("not these")
        return absolute_of(y_true, y_pred)

    def absolute_of(y_true, y_pred):
        return load_keras().ops.abs(y_true - y_pred)

    layer = Keras(dense, loss=fails, batch_size=20, warm_start=True, random_state=0)
    before = layer.fit(X, y=TOTAL).predict(X)

    with pytest.raises(RuntimeError, match="not these"):
        layer.set_params(batch_size=30).fit(X, y=TOTAL)
    with pytest.raises(RuntimeError, match="not these"):
        layer.partial_fit(X, y=TOTAL)

    assert_allclose(layer.predict(X), before)
    layer.set_params(batch_size=20).fit(X, y=TOTAL)


def test_a_warm_start_that_fails_late_leaves_the_model_as_it_was():
    keras = load_keras()

    class Stops(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch == 2:
                raise KeyboardInterrupt

    layer = Keras(dense, loss="mse", optimizer="adam", random_state=0).fit(X, y=TOTAL)
    before = layer.predict(X)

    layer.set_params(warm_start=True, epochs=3, batch_size=10, callbacks=Stops())
    with pytest.raises(KeyboardInterrupt):
        layer.fit(X, y=TOTAL)

    assert_allclose(layer.predict(X), before)
    layer.set_params(callbacks=None).fit(X, y=TOTAL)


@pytest.mark.parametrize("verbose", [1, 2])
def test_batches_show_their_progress(verbose, capfd):
    of_one(Keras(dense, loss="mse", verbose=verbose)).fit_generator(BATCHES, epochs=2)

    assert capfd.readouterr().out.count("loss") >= 2
