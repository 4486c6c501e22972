"""Strategies for graphs: a recipe is a list of small numbers, and any recipe can be drawn.

Each entry of a recipe adds a step that reads one or two of the tables drawn before it, or begins
a branch at another input. So what hypothesis shrinks is still a graph.
"""

import sys

import numpy as np
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.decomposition import PCA
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.feature_selection import SelectKBest
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge, SGDRegressor
from sklearn.metrics import mean_squared_error
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, StandardScaler

import skmegatron as sm
from skmegatron.layers import (
    AddDim,
    Cast,
    Concatenate,
    Filter,
    Flatten,
    Frozen,
    Impute,
    Lambda,
    Metric,
    OneHotLabels,
    RemoveStopwords,
    ScalarMultiply,
    Sklearn,
    Slice,
    StatefulLayer,
    TimeSeries,
    TrainOnly,
    Whiten,
)

#: What a step tells the interpreter, so that its code reads nothing that changes.
EVENT = "skmegatron.fuzzed"
FROZEN = StandardScaler().fit(np.arange(12.0).reshape(4, 3) ** 2)


class Fuse:
    """Raises an error at the next thing that a `Fails` does, if it has been given one."""

    error = None

    def hear(self, event, args):
        if event == EVENT and self.error is not None:
            error, self.error = self.error, None
            raise error


FUSE = Fuse()
sys.addaudithook(FUSE.hear)


class Fails(StatefulLayer):
    """Takes the least off; fails where it is told to, in the middle of learning."""

    def fit(self, X):
        self.least_ = X.min(axis=0)
        sys.audit(EVENT)
        self.most_ = X.max(axis=0)
        return self

    def transform(self, X):
        return X - self.least_


class Tallest(TrainOnly):
    """Learns from the rows with the largest first column."""

    def resample(self, X, y):
        kept = np.sort(np.argsort(X[:, 0], kind="stable")[len(X) // 3 :])
        return X[kept], y[kept]


class WritesNothing(TransformerMixin, BaseEstimator):
    """Somebody's estimator that would like to write into what it gets."""

    def fit(self, X, y=None):
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X):
        return np.sort(np.asarray(X, dtype=float), axis=1)


def squash(X, scale=1.0):
    return np.tanh(X * scale)


def positive(X):
    return X[:, 0] > 0


def within():
    x = sm.Input("inner", shape=(None,))
    return sm.Pipeline(x, Whiten()(x * 2))


class Sheet:
    """A graph being drawn: its inputs as they are first read, and its tables."""

    def __init__(self):
        self.inputs = {}
        self.tables = [self.input("X", (None,))]

    def input(self, name, shape=()):
        return self.inputs.setdefault(name, sm.Input(name, shape=shape))

    @property
    def y(self):
        return self.inputs.setdefault("y", sm.Target("y"))


#: Each takes the sheet and two of its tables.
STEPS = [
    lambda sheet, a, b: Whiten()(a),
    lambda sheet, a, b: Concatenate()([a, b]),
    lambda sheet, a, b: ScalarMultiply(1.5)(a),
    lambda sheet, a, b: a - 1.0,
    lambda sheet, a, b: Sklearn(PCA(1, random_state=0))(a),
    lambda sheet, a, b: Lambda(squash, scale=0.5)(a),
    lambda sheet, a, b: Sklearn(Ridge(), cv=2)(a, y=sheet.y),
    lambda sheet, a, b: Sklearn(SelectKBest(k=1))(a, y=sheet.y),
    lambda sheet, a, b: Slice(None, (0, 1))(a),
    lambda sheet, a, b: Impute({np.nan: 0.0, np.inf: 1.0})(a),
    lambda sheet, a, b: OneHotLabels()(sheet.input("word")),
    lambda sheet, a, b: OneHotLabels(sparse=True)(sheet.input("word")),
    lambda sheet, a, b: Sklearn(CountVectorizer())(RemoveStopwords()(sheet.input("word"))),
    lambda sheet, a, b: Sklearn(OneHotEncoder(handle_unknown="ignore"))(sheet.input("word")),
    lambda sheet, a, b: Flatten()(sheet.input("image", (2, 2))),
    lambda sheet, a, b: AddDim()(sheet.input("age")),
    lambda sheet, a, b: Frozen(FROZEN)(sheet.tables[0]),
    lambda sheet, a, b: Sklearn(sm.choose([PCA(1, random_state=0), "passthrough"]))(a),
    lambda sheet, a, b: Flatten()(TimeSeries(2)(a)),
    lambda sheet, a, b: Sklearn(StandardScaler())(a),
    lambda sheet, a, b: Sklearn(MinMaxScaler())(a),
    lambda sheet, a, b: Sklearn(StandardScaler(copy=False))(a),
    lambda sheet, a, b: Sklearn(within())(a),
    lambda sheet, a, b: Fails()(a),
    lambda sheet, a, b: Sklearn(WritesNothing())(a),
    lambda sheet, a, b: Cast(np.float32)(a),
]


def _both(sheet, last):
    return [Sklearn(Ridge())(last, y=sheet.y), Whiten()(sheet.tables[0])]


def _units(sheet, last):
    units = Sklearn(StandardScaler())(sheet.y)
    return [units.inverse(Sklearn(LinearRegression())(last, y=units))]


def _fewer(sheet, last):
    X, y = Tallest()(last, y=sheet.y)
    return [Sklearn(Ridge())(X, y=y)]


def _weighted(model):
    def head(sheet, last):
        return [Sklearn(model)(last, y=sheet.y, sample_weight=sheet.input("sample_weight"))]

    return head


def _left(sheet, last):
    return [Filter()(last, Lambda(positive)(sheet.tables[0]))]


#: Each gives the outputs of the graph.
HEADS = {
    "none": lambda sheet, last: [last],
    "two": lambda sheet, last: [last, sheet.tables[-2] if len(sheet.tables) > 1 else last * 2],
    "ridge": lambda sheet, last: [Sklearn(Ridge())(last, y=sheet.y)],
    "sgd": lambda sheet, last: [Sklearn(SGDRegressor(random_state=0))(last, y=sheet.y)],
    "classes": lambda sheet, last: [Sklearn(LogisticRegression())(last, y=sheet.y)],
    "both": _both,
    "units": _units,
    "fewer": _fewer,
    "weighted": _weighted(Ridge()),
    "weighted sgd": _weighted(SGDRegressor(random_state=0)),
    "left": _left,
}

entries = st.tuples(st.integers(0, len(STEPS) - 1), st.integers(0, 20), st.integers(0, 20))
recipes = st.tuples(st.lists(entries, max_size=6), st.sampled_from(sorted(HEADS)), st.booleans())


def drawn(recipe, **params):
    """Draw a recipe: the pipeline, and the names of the inputs that it reads."""
    entries, head, measured = recipe
    sheet = Sheet()
    for kind, first, second in entries:
        a, b = (sheet.tables[place % len(sheet.tables)] for place in (first, second))
        sheet.tables.append(STEPS[kind](sheet, a, b))
    outputs = HEADS[head](sheet, sheet.tables[-1])
    metrics = []
    if measured and head in ("ridge", "both"):
        metrics = [Metric(mean_squared_error)(sheet.y, outputs[0])]
    read = _read(outputs)
    inputs = [node for node in sheet.inputs.values() if node in read]
    return sm.Pipeline(inputs, outputs, metrics, **params)


def _read(nodes):
    seen, waiting = set(), list(nodes)
    while waiting:
        node = waiting.pop()
        if node in seen:
            continue
        seen.add(node)
        step = getattr(node, "step", None)
        if step is not None:
            waiting += [*step.inbound_nodes, *step.fit_only.values()]
            waiting += [] if step.state_of is None else [step.state_of]
    return seen
