"""Pipelines that are saved in one process and loaded in another."""

import numpy as np
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.preprocessing import FunctionTransformer, StandardScaler

import skmegatron as sm
from skmegatron.layers import (
    Concatenate,
    Impute,
    Lambda,
    OneHotLabels,
    ScalarMultiply,
    Sklearn,
    StaticDot,
    Whiten,
)

ROWS = np.random.default_rng(0).normal(size=(60, 5))
LABELS = np.where(ROWS[:, 0] + ROWS[:, 1] > 0, "up", "down")


def stacked():
    x, y = sm.Input("X", shape=(None,)), sm.Target("label")
    z = Whiten()(x)
    first = Sklearn(LogisticRegression(), cv=3, method="predict_proba")(z, y=y)
    second = OneHotLabels()(Sklearn(GaussianNB(), cv=3)(z, y=y))
    both = Concatenate()([first, second, Sklearn(PCA(3))(z)])
    out = Sklearn(LogisticRegression())(both, y=y)
    sm.metrics.Accuracy()(y, out, "acc")
    return sm.Pipeline([x, y], out, name="stacked", version="1")


def shared():
    a, b = sm.Input("a", shape=(None,)), sm.Input("b", shape=(None,))
    layer = Whiten()
    return sm.Pipeline([a, b], [layer(a, "one"), layer(b, "two") * 2 + 1], name="shared")


def inverted():
    x, y = sm.Input("X", shape=(None,)), sm.Target("y")
    scaled = Sklearn(StandardScaler())(y)
    back = scaled.inverse(Sklearn(Ridge())(x, y=scaled))
    return sm.Pipeline([x, y], back, name="inverted")


def left_open():
    x, y = sm.Input("X", shape=(None,)), sm.Target("y")
    scaler = Sklearn(sm.choose([StandardScaler(), PCA(2)]))(x)
    out = Sklearn(LogisticRegression(C=sm.choose([1.0, 2.0])))(scaler, y=y)
    return sm.Pipeline([x, y], out, name="open")


def with_functions():
    x = sm.Input("X", shape=(None,))
    power = 3
    node = Lambda(lambda v: v**power)(Lambda(np.tanh)(x))
    return sm.Pipeline(x, node, name="functions")


def large():
    x = sm.Input("X", shape=(None,))
    return sm.Pipeline(x, StaticDot(np.full((5, 200_000), 0.5))(x), name="large")


def scaled(by):
    """Give a pipeline whose predictions tell which one it is."""
    x = sm.Input("X", shape=(None,))
    node = StaticDot(np.full((5, 40_000), float(by)))(ScalarMultiply(by)(x))
    return sm.Pipeline(x, node, name="scaled")


def wordy():
    """Give a fitted pipeline that holds dictionaries, sets and words."""
    x, y = sm.Input("X", shape=(None,)), sm.Target("y")
    white = Sklearn(FunctionTransformer(kw_args={}, check_inverse=False))(Whiten()(x))
    known = Impute({"red": "r", "green": "g", "blue": "b"})(y)
    out = Sklearn(LogisticRegression(class_weight={"up": 1.0, "down": 2.0}))(white, y=known)
    return sm.Pipeline([x, y], out, name="wordy").fit(ROWS, LABELS)
