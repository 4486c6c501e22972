"""Custom layers, `Lambda`, going back, and what every layer can do."""

import copy
import pickle
import threading

import joblib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from imblearn.under_sampling import RandomUnderSampler
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV
from sklearn.preprocessing import StandardScaler
from sklearn.utils import get_tags

import skmegatron as sm
from skmegatron import layers
from skmegatron.errors import NodeTypeError
from skmegatron.layers.adapters import Sklearn
from skmegatron.layers.core import Lambda, Layer, StatefulLayer, StatelessLayer
from skmegatron.layers.explore import Explorer
from skmegatron.layers.metrics import Metric
from skmegatron.layers.numeric import (
    Add,
    Divide,
    Dot,
    ElementWiseMultiply,
    ScalarArithmetic,
    ScalarMultiply,
    StaticDot,
    Subtract,
    Whiten,
)
from skmegatron.layers.shaping import Concatenate, Flatten

NUMBERS = np.array([[1.0, 2.0], [3.0, 6.0], [5.0, 4.0], [7.0, 0.0]])
LABELS = np.array([0, 0, 1, 1])


def shift(x, amount=1):
    return x + amount


def table(name="X"):
    return sm.Input(name, shape=(None,))


# Calling a layer


class ManualWhiten(StatefulLayer):
    """Chapter 9.1 of the 2019 manual, word for word."""

    def fit(self, X):
        self.metadata["mean"] = X.mean(axis=0)
        self.metadata["std"] = X.std(axis=0)

    def transform(self, X):
        return (X - self.metadata["mean"]) / self.metadata["std"]


class RunningMax(StatefulLayer):
    def partial_fit(self, X):
        seen = self.metadata.get("max")
        self.metadata["max"] = X.max() if seen is None else max(seen, X.max())

    def transform(self, X):
        return X / self.metadata["max"]


class Power(StatelessLayer):
    def __init__(self, exponent=2):
        self.exponent = exponent

    def transform(self, X):
        return X**self.exponent


WHITE = (NUMBERS - NUMBERS.mean(0)) / NUMBERS.std(0)


def test_the_manuals_own_layer_works_by_itself():
    assert_allclose(ManualWhiten().fit_transform(NUMBERS), WHITE)


def test_the_manuals_own_layer_works_in_a_pipeline():
    x = table()
    pipe = sm.Pipeline(x, ManualWhiten()(x))

    assert_allclose(pipe.fit(NUMBERS).transform(NUMBERS), WHITE)
    assert_allclose(pipe.fit_transform(NUMBERS), WHITE)


def test_the_manuals_own_layer_works_eagerly():
    assert_allclose(ManualWhiten()(table()(NUMBERS)).output, WHITE)


def test_the_manuals_own_layer_feeds_the_steps_below_it():
    x, y = table(), sm.Target("y")
    pipe = sm.Pipeline([x, y], Sklearn(LinearRegression())(ManualWhiten()(x), y=y))

    expected = LinearRegression().fit(WHITE, LABELS).predict(WHITE)
    assert_allclose(pipe.fit(NUMBERS, LABELS).predict(NUMBERS), expected)


def test_the_manuals_own_function_works_as_a_lambda():
    def dot_product(X, Y):
        return np.dot(X, Y)

    x, w = table(), sm.Input("W", shape=(None,))
    dot_xy = Lambda(dot_product)([x, w], "dot_product_result")
    square = NUMBERS[:2]

    result = sm.Pipeline([x, w], dot_xy).transform({"X": square, "W": square})

    assert dot_xy.name == "dot_product_result"
    assert_allclose(result, square @ square)


def test_a_custom_layer_without_partial_fit_cannot_learn_in_batches():
    x = table()

    assert not hasattr(ManualWhiten(), "partial_fit")
    assert not hasattr(sm.Pipeline(x, ManualWhiten()(x)), "partial_fit")


def test_metadata_of_a_clone_is_empty():
    fitted = ManualWhiten()
    fitted.fit(NUMBERS)

    assert fitted.metadata
    assert clone(fitted).metadata == {}


def test_metadata_survives_pickling():
    x = table()
    pipe = sm.Pipeline(x, ManualWhiten()(x)).fit(NUMBERS)

    assert_allclose(pickle.loads(pickle.dumps(pipe)).transform(NUMBERS), WHITE)


def test_a_layer_with_partial_fit_only_can_also_be_fitted_whole():
    assert_array_equal(RunningMax().fit_transform(NUMBERS), NUMBERS / 7)


def test_fitting_again_forgets_what_partial_fit_had_learned():
    layer = RunningMax()

    layer.fit(NUMBERS * 100)
    layer.fit(NUMBERS)

    assert layer.metadata == {"max": 7}


def test_fitting_again_keeps_a_hyperparameter_that_ends_in_an_underscore():
    class Shrink(StatefulLayer):
        def __init__(self, lambda_=2.0):
            self.lambda_ = lambda_

        def partial_fit(self, X):
            self.mean_ = X.mean(axis=0)

        def transform(self, X):
            return (X - self.mean_) / self.lambda_

    layer = Shrink(lambda_=4.0)
    layer.fit(NUMBERS)
    layer.fit(NUMBERS)

    assert layer.get_params() == {"lambda_": 4.0}
    assert_allclose(layer.transform(NUMBERS), (NUMBERS - NUMBERS.mean(0)) / 4)


def test_a_layer_with_partial_fit_only_learns_batch_by_batch_in_a_pipeline():
    x = table()
    pipe = sm.Pipeline(x, RunningMax()(x))

    for batch in (NUMBERS[:1], NUMBERS[1:3], NUMBERS[3:]):
        pipe.partial_fit(batch)

    assert_array_equal(pipe.transform(NUMBERS), NUMBERS / 7)


def test_a_stateless_layer_needs_no_fit():
    x = table()

    assert_array_equal(sm.Pipeline(x, Power()(x)).transform(NUMBERS), NUMBERS**2)


def test_parameters_of_a_custom_layer_are_set_through_the_pipeline():
    x = table()
    pipe = sm.Pipeline(x, Power()(x)).set_params(power__exponent=3)

    assert_array_equal(pipe.transform(NUMBERS), NUMBERS**3)


def test_a_custom_layer_may_give_several_outputs():
    class Ends(StatefulLayer):
        n_outputs = 2

        def fit(self, X):
            self.middle_ = X.mean()

        def transform(self, X):
            return X.min(axis=1) - self.middle_, X.max(axis=1) - self.middle_

    x = table()
    low, high = Ends()(x, name=["low", "high"])

    result = sm.Pipeline(x, [high, low]).fit_transform(NUMBERS)

    assert_allclose(result["low"], NUMBERS.min(axis=1) - 3.5)
    assert_allclose(result["high"], NUMBERS.max(axis=1) - 3.5)


def test_a_stateful_layer_without_fit_says_what_to_define():
    class Empty(StatefulLayer):
        pass

    with pytest.raises(NotImplementedError, match=r"Empty must define fit\(self, X\) or partial"):
        Empty().fit(NUMBERS)


@pytest.mark.parametrize("base", [StatelessLayer, StatefulLayer, Layer])
def test_a_layer_without_transform_says_what_to_define(base):
    class Empty(base):
        pass

    with pytest.raises(NotImplementedError, match=r"Empty must define transform\(self, X\)"):
        Empty().transform(NUMBERS)


def test_in_a_pipeline_the_missing_method_comes_with_the_steps_name():
    class Empty(StatelessLayer):
        pass

    x = table()
    with pytest.raises(NotImplementedError, match="must define transform") as caught:
        sm.Pipeline(x, Empty()(x, "hole")).transform(NUMBERS)

    assert (
        "at step 'hole' (Empty), transforming, called on 'X' (4, 2)" in caught.value.__notes__[0]
    )


def test_custom_layers_made_inside_a_function_pickle_with_their_pipeline(tmp_path):
    class Triple(StatelessLayer):
        def transform(self, X):
            return X * 3

    x = table()
    joblib.dump(sm.Pipeline(x, Triple()(x)), tmp_path / "pipe")

    assert_array_equal(joblib.load(tmp_path / "pipe").transform(NUMBERS), NUMBERS * 3)


# One layer, two calls


def test_one_layer_called_twice_learns_two_states():
    a, b = sm.Input("a"), sm.Input("b")
    whiten = Whiten()
    pipe = sm.Pipeline([a, b], Add()(whiten(a, "small"), whiten(b, "large")))

    pipe.fit({"a": [0.0, 2.0], "b": [100.0, 300.0]})

    assert pipe.steps_["small"].mean_ == 1
    assert pipe.steps_["large"].mean_ == 200
    assert not hasattr(whiten, "mean_")


@pytest.mark.parametrize("change", [lambda pipe: pipe, clone, copy.deepcopy])
def test_one_layer_called_twice_shares_its_hyperparameters(change):
    a, b = sm.Input("a"), sm.Input("b")
    whiten = Whiten()
    pipe = change(sm.Pipeline([a, b], Add()(whiten(a, "small"), whiten(b, "large"))))

    pipe.set_params(small__ddof=1)

    assert pipe.get_params()["large__ddof"] == 1
    assert whiten.ddof == 0


# Lambda


def test_keyword_arguments_of_a_lambda_are_its_hyperparameters():
    layer = Lambda(shift, amount=5)

    assert layer.get_params() == {"fn": shift, "n_outputs": 1, "amount": 5}
    assert_array_equal(layer.transform(np.arange(2)), [5, 6])


def test_set_params_of_a_lambda_reaches_the_function():
    layer = Lambda(shift, amount=5)

    assert layer.set_params(amount=7) is layer
    assert_array_equal(layer.transform(np.arange(2)), [7, 8])


def test_set_params_may_give_a_lambda_a_keyword_that_it_did_not_have():
    assert Lambda(shift).set_params(amount=7).transform(1) == 8


def test_set_params_may_replace_the_function():
    assert Lambda(shift).set_params(fn=np.negative).transform(1) == -1


def test_set_params_of_a_clone_leaves_the_original_alone():
    layer = Lambda(shift, amount=5)

    clone(layer).set_params(amount=7)

    assert layer.transform(0) == 5


def test_lambda_parameters_are_set_through_a_pipeline():
    x = table()
    layer = Lambda(lambda x, alpha: x * alpha, alpha=1)
    pipe = sm.Pipeline(x, layer(x)).set_params(lambda__alpha=2)

    assert_array_equal(pipe.transform(NUMBERS), NUMBERS * 2)
    assert pipe.get_params()["lambda__alpha"] == 2
    assert layer.kwargs == {"alpha": 1}


def test_lambda_parameters_are_searched_over():
    x, y = table(), sm.Target("y")
    bent = Lambda(lambda x, alpha: np.abs(x[:, :1] - alpha), alpha=0)(x)
    pipe = sm.Pipeline([x, y], Sklearn(LinearRegression())(bent, y=y))
    data = np.linspace(-1, 5, 30).reshape(-1, 1)

    search = GridSearchCV(pipe, {"lambda__alpha": [0, 2, 4]}, cv=3)
    search.fit(data, np.abs(data.ravel() - 2))

    assert search.best_params_ == {"lambda__alpha": 2}


@pytest.mark.parametrize(
    ("fn", "got"),
    [
        (lambda x: (x, x, x), "got 3"),
        (lambda x: (x,), "got 1"),
        (lambda x: x, "got ndarray"),
        (lambda x: None, "got NoneType"),
    ],
)
def test_a_lambda_must_return_as_many_outputs_as_it_declares(fn, got):
    x = table()
    outputs = Lambda(fn, n_outputs=2)(x)

    with pytest.raises(ValueError, match=f"n_outputs=2 and must return a tuple of 2.*{got}"):
        sm.Pipeline(x, list(outputs)).transform(NUMBERS)


def test_a_lambda_may_read_several_nodes():
    a, b = sm.Input("a"), sm.Input("b")
    pipe = sm.Pipeline([a, b], Lambda(lambda a, b, scale: a - scale * b, scale=2)([a, b]))

    assert_array_equal(pipe.transform({"a": [5, 5], "b": [1, 2]}), [3, 1])


def test_a_lambda_tells_its_function_and_keywords():
    assert repr(Lambda(shift, amount=5)) == "Lambda(shift, amount=5)"


def closure(amount):
    return lambda x: x + amount


@pytest.mark.parametrize(
    "fn",
    [shift, lambda x: x + 1, closure(1), np.cos, str.upper, StandardScaler().set_params],
    ids=["function", "lambda", "closure", "ufunc", "method", "bound method"],
)
def test_a_lambda_layer_survives_plain_pickle(fn):
    loaded = pickle.loads(pickle.dumps(Lambda(fn)))

    assert type(loaded) is Lambda
    assert callable(loaded.fn)


@pytest.mark.parametrize("fn", [shift, lambda x: x + 1, closure(1)])
def test_a_pickled_function_gives_the_same_values(fn, tmp_path):
    layer = Lambda(fn)
    joblib.dump(layer, tmp_path / "layer")

    assert_array_equal(pickle.loads(pickle.dumps(layer)).transform(NUMBERS), NUMBERS + 1)
    assert_array_equal(joblib.load(tmp_path / "layer").transform(NUMBERS), NUMBERS + 1)


def test_functions_among_the_keywords_pickle_too():
    layer = Lambda(lambda x, after: after(x), after=lambda x: x * 2)

    assert pickle.loads(pickle.dumps(layer)).transform(3) == 6


def test_importable_functions_pickle_by_name():
    assert pickle.loads(pickle.dumps(Lambda(shift))).fn is shift


def test_a_pipeline_of_lambdas_goes_through_plain_pickle_and_joblib(tmp_path):
    x = table()
    pipe = sm.Pipeline(x, Whiten()(Lambda(closure(1))(x))).fit(NUMBERS)
    expected = pipe.transform(NUMBERS)
    joblib.dump(pipe, tmp_path / "pipe")

    assert_array_equal(pickle.loads(pickle.dumps(pipe)).transform(NUMBERS), expected)
    assert_array_equal(joblib.load(tmp_path / "pipe").transform(NUMBERS), expected)


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, clone])
def test_a_copied_lambda_still_computes(copied):
    assert copied(Lambda(lambda x, by: x * by, by=3)).transform(2) == 6


def locked():
    lock = threading.Lock()

    def double(x):
        with lock:
            return x * 2

    return double


@pytest.mark.parametrize("copied", [copy.deepcopy, clone])
def test_a_function_over_something_unpicklable_can_be_copied(copied):
    assert copied(Lambda(locked())).transform(2) == 4


def test_a_function_over_something_unpicklable_learns_batch_by_batch():
    x = table()
    pipe = sm.Pipeline(x, Whiten()(Lambda(locked())(x)))

    pipe.partial_fit(NUMBERS[:2]).partial_fit(NUMBERS[2:])

    assert_allclose(pipe.transform(NUMBERS), WHITE)


@settings(deadline=None, max_examples=30)
@given(st.dictionaries(st.sampled_from("abcd"), st.integers()), st.integers(1, 3))
def test_a_cloned_lambda_has_the_same_parameters(kwargs, n_outputs):
    layer = Lambda(shift, n_outputs, **kwargs)

    assert clone(layer).get_params() == layer.get_params()
    assert pickle.loads(pickle.dumps(layer)).get_params() == layer.get_params()


# Every layer

EXAMPLES = [
    Add(),
    layers.AddDim(axis=1),
    layers.Cast(np.float32),
    layers.Compare(">", 0),
    Concatenate(axis=1),
    layers.Correlate(method="spearman"),
    layers.Describe(max_rows=10),
    Divide(impute=None),
    Dot(),
    layers.Downsample((2, 2)),
    ElementWiseMultiply(),
    Explorer(np.max, axis=0),
    layers.Filter(),
    layers.Frozen(PCA(2).fit(np.eye(3)), method="transform"),
    Flatten(),
    layers.Histogram(bins=5),
    layers.Impute({-1: 0}),
    layers.Keras(shift, epochs=2),
    layers.KerasClassifier(shift, epochs=2),
    layers.KerasRegressor(shift, epochs=2),
    Lambda(shift, amount=2),
    Metric(np.mean, axis=0),
    layers.Normalize(),
    layers.OneHotLabels(strict=True),
    layers.OneHotRange(max_val=3),
    layers.RemoveStopwords("german"),
    layers.Resample(RandomUnderSampler(sampling_strategy=0.5)),
    layers.Reshape((2, -1)),
    layers.RGBtoBinary(keep_dim=False),
    layers.RGBtoGrey(method="average"),
    ScalarArithmetic("divide", 2, reflected=True),
    ScalarMultiply(2),
    layers.Scatter(max_rows=10),
    layers.Slice(None, (1, 3)),
    Sklearn(PCA(2), cv=3),
    layers.SplitDict(["a"]),
    StaticDot(np.array([[1.0], [2.0]])),
    Subtract(),
    layers.TimeSeries(3),
    layers.Upsample((9, 9)),
    Whiten(ddof=1),
]


def of_every_layer(test):
    return pytest.mark.parametrize("layer", EXAMPLES, ids=lambda layer: type(layer).__name__)(test)


def test_the_examples_below_are_all_public_layers():
    bases = {"Layer", "StatefulLayer", "StatelessLayer", "TrainOnly"}

    assert {type(layer).__name__ for layer in EXAMPLES} | bases == set(sm.layers.__all__)


@of_every_layer
def test_every_layer_clones(layer):
    twin = clone(layer)

    assert twin is not layer
    assert type(twin) is type(layer)
    assert repr(twin) == repr(layer)
    assert list(twin.get_params()) == list(layer.get_params())


@of_every_layer
def test_every_layer_pickles(layer):
    assert repr(pickle.loads(pickle.dumps(layer))) == repr(layer)


@of_every_layer
def test_every_layer_takes_its_own_parameters_back(layer):
    twin = clone(layer)

    twin.set_params(**layer.get_params(deep=False))

    assert repr(twin) == repr(layer)


@of_every_layer
def test_every_layer_has_tags(layer):
    assert get_tags(layer) is not None


@of_every_layer
def test_every_layer_refuses_an_array_in_place_of_a_node(layer):
    with pytest.raises(NodeTypeError, match="is called on nodes, got an array"):
        layer(NUMBERS)


@of_every_layer
def test_every_layer_draws_a_node_that_the_pipeline_can_name(layer):
    drawn = layer([table("a"), table("b")], "here")
    node = drawn[0] if layer.train_only else drawn

    assert node.name == "here"
    assert [parent.name for parent in node.inbound_nodes] == ["a", "b"]


# Going back


def test_inverse_needs_a_step_that_can_go_back():
    node = Flatten()(table())

    with pytest.raises(NodeTypeError, match=r"Flatten\(\) does not define inverse_transform"):
        node.inverse(node)


def test_inverse_of_eager_nodes_computes_at_once():
    x = table()(NUMBERS)
    white = Whiten()(x)

    assert_allclose(white.inverse(white).output, NUMBERS)
