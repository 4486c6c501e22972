"""The battery itself: every layer of ours passes, and each kind of fault is found."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from imblearn.under_sampling import RandomUnderSampler
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.preprocessing import MinMaxScaler

from skmegatron import layers as L
from skmegatron.layers import StatefulLayer, StatelessLayer
from skmegatron.layers.metrics import Measurement
from skmegatron.layertools import Maybe, Vectorize
from skmegatron.testing import check_layer

RNG = np.random.default_rng(0)
TABLE = RNG.normal(size=(12, 3))
IMAGES = RNG.integers(0, 255, size=(8, 6, 6, 3)).astype(np.uint8)
LABELS = np.array(["b", "a", "c", "a", "b", "b", "a", "c"])
RECORDS = np.array([{"a": i, "b": str(i)} for i in range(6)], dtype=object)

CASES = {
    "Add": (L.Add(), TABLE, TABLE),
    "AddDim": (L.AddDim(), TABLE),
    "Cast": (L.Cast(np.float32), TABLE),
    "Compare": (L.Compare(">", 0), TABLE),
    "Concatenate": (L.Concatenate(), TABLE, TABLE[:, 0]),
    "Divide": (L.Divide(), TABLE, TABLE),
    "Downsample": (L.Downsample((3, 3)), IMAGES),
    "ElementWiseMultiply": (L.ElementWiseMultiply(), TABLE, TABLE),
    "Filter": (L.Filter(), TABLE, TABLE[:, 0] > -5),
    "Flatten": (L.Flatten(), IMAGES),
    "Frozen": (L.Frozen(PCA(2).fit(TABLE)), TABLE),
    "Frozen windows": (L.Frozen(L.TimeSeries(3)), TABLE),
    "Impute": (L.Impute({np.nan: 0.0}), np.where(TABLE > 0, TABLE, np.nan)),
    "Lambda": (L.Lambda(np.abs), TABLE),
    "Maybe": (Maybe(L.ScalarMultiply(2), random_state=0), TABLE),
    "Normalize": (L.Normalize(), np.abs(TABLE)),
    "OneHotLabels": (L.OneHotLabels(), LABELS),
    "OneHotLabels sparse": (L.OneHotLabels(sparse=True), LABELS),
    "OneHotRange": (L.OneHotRange(), np.arange(8) % 3),
    "RGBtoBinary": (L.RGBtoBinary(), IMAGES),
    "RGBtoGrey": (L.RGBtoGrey(), IMAGES),
    "RemoveStopwords": (L.RemoveStopwords(), np.array(["the cat", "a dog", "of", "it"])),
    "Resample": (L.Resample("passthrough"), TABLE, LABELS[:4].repeat(3)),
    "Reshape": (L.Reshape((4, -1)), IMAGES.reshape(8, -1)),
    "ScalarArithmetic": (L.ScalarArithmetic("add", 1), TABLE),
    "ScalarMultiply": (L.ScalarMultiply(3), TABLE),
    "Slice": (L.Slice(None, (0, 2)), TABLE),
    "Sklearn transformer": (L.Sklearn(PCA(2)), TABLE),
    "Sklearn scaler": (L.Sklearn(MinMaxScaler()), TABLE),
    "SplitDict": (L.SplitDict(["a", "b"]), RECORDS),
    "StaticDot": (L.StaticDot(np.ones((3, 2))), TABLE),
    "Subtract": (L.Subtract(), TABLE, TABLE),
    "TimeSeries": (L.TimeSeries(3), TABLE),
    "Upsample": (L.Upsample((12, 9)), IMAGES),
    "Vectorize": (Vectorize(np.sum), TABLE),
    "Whiten": (L.Whiten(), TABLE),
}


@pytest.mark.parametrize("name", CASES)
def test_a_built_in_layer_passes(name):
    layer, *data = CASES[name]

    check_layer(layer, *data)


def test_the_list_of_built_in_layers_is_complete():
    ends = {"Explorer", "Metric", "Layer", "StatefulLayer", "StatelessLayer", "Dot", "TrainOnly"}
    # What networks learn depends on how the rows are cut; tests/layers/keras tries them.
    ends |= {"Keras", "KerasClassifier", "KerasRegressor"}
    tried = {type(layer).__name__ for layer, *_ in CASES.values()}
    layers = {
        name
        for name in L.__all__
        if name not in ends and not issubclass(getattr(L, name), Measurement)
    }

    assert layers <= tried


@given(arrays(np.float64, (8, 2), elements=st.floats(-1e3, 1e3)))
@pytest.mark.parametrize(
    "layer", [L.Whiten(), L.TimeSeries(3), L.ScalarMultiply(2), L.Normalize(), L.OneHotLabels()]
)
def test_a_built_in_layer_passes_on_any_numbers(layer, X):
    check_layer(layer, X)


def test_a_supervised_layer_passes_with_its_labels():
    check_layer(L.Sklearn(LogisticRegression()), TABLE, y=np.arange(12) % 2)


def test_a_layer_that_changes_rows_while_fitting_passes_with_its_labels():
    layer = L.Resample(RandomUnderSampler(sampling_strategy={0: 2, 1: 3}, random_state=0))

    check_layer(layer, TABLE, y=np.arange(12) % 2)


def test_a_layer_passes_on_frames():
    check_layer(L.Sklearn(MinMaxScaler()), pd.DataFrame(TABLE, columns=list("abc")))


class Writes(StatelessLayer):
    def transform(self, X):
        X = np.asarray(X)
        X.flags.writeable = True
        X[0] = 0
        return X


class DropsARow(StatelessLayer):
    def transform(self, X):
        return X[1:]


class LeavesATrace(StatelessLayer):
    def transform(self, X):
        self.seen_ = getattr(self, "seen_", 0) + 1
        return X


class Counts(StatelessLayer):
    calls = 0

    def transform(self, X):
        type(self).calls += 1
        return X + type(self).calls


class ChangesItsParameter(StatelessLayer):
    def __init__(self, names=("a",)):
        self.names = list(names)

    def transform(self, X):
        return X


class SeesTheWholeBatch(StatelessLayer):
    def transform(self, X):
        return X - X.mean(axis=0)


class LearnsTheLastBatch(StatefulLayer):
    def partial_fit(self, X):
        self.mean_ = X.mean(axis=0)
        return self

    def transform(self, X):
        return X - self.mean_


class MergesBadly(L.Whiten):
    def merge(self, other):
        return self


class AddsUp(StatefulLayer):
    def fit(self, X):
        self.total_ = getattr(self, "total_", 0) + X.sum()
        return self

    def transform(self, X):
        return X + self.total_


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        (Writes(), "writes into its input|assignment destination"),
        (DropsARow(), "gives 11 rows for 12"),
        (LeavesATrace(), "transform changes the layer"),
        (Counts(), "something else the second time"),
        (ChangesItsParameter(), "store parameters as they are given|does not set or modifies"),
        (SeesTheWholeBatch(), "transformed in batches"),
        (LearnsTheLastBatch(), "fitted in batches"),
        (MergesBadly(), "fitted on parts and merged"),
        (AddsUp(), "second time adds to the first"),
    ],
    ids=lambda value: type(value).__name__ if hasattr(value, "get_params") else "",
)
def test_a_fault_is_found(layer, words):
    with pytest.raises((AssertionError, ValueError, RuntimeError), match=words):
        check_layer(layer, TABLE.copy())


def test_too_few_rows_are_refused():
    with pytest.raises(ValueError, match="give 4 rows or more, got 2"):
        check_layer(L.Whiten(), TABLE[:2])


def test_an_estimator_with_partial_fit_and_classes_is_left_alone_only_if_it_needs_them():
    with pytest.raises(ValueError, match="classes"):
        check_layer(L.Sklearn(SGDClassifier(random_state=0)), TABLE, y=np.arange(12) % 2)
