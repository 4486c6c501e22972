"""What may draw from where, and what can be seen of it."""

import datetime
import functools
import os
import random
import time
import uuid
from random import shuffle

import numpy as np
import pytest
from numpy.random import default_rng
from sklearn.base import BaseEstimator
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.ensemble import BaggingClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

import skmegatron as sm
from skmegatron.io.digest import changed, draws_unwatched, global_random_state, randomness


class Theirs(BaseEstimator):
    def __init__(self, random_state=None, inner=None):
        self.random_state = random_state
        self.inner = inner


class Clocked(BaseEstimator):
    def fit(self, X, y=None):
        self.at_ = time.time()
        return self


SEEDED = KFold(3, shuffle=True, random_state=0)


def graph(estimator):
    X = sm.Input("X", shape=(None,))
    return sm.Pipeline([X], sm.layers.Sklearn(estimator)(X))


clock, calendar_of_another_name, generator_of_another_name = time.time, time, default_rng


def clocked_inside(x):
    import time  # noqa: PLC0415 - what the test is about

    return x + time.time()


def timed_inside(x):
    import time  # noqa: PLC0415 - what the test is about

    return x + 0 * time.perf_counter()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (StandardScaler(), "none"),
        (KMeans(), "global"),
        (KMeans(random_state=0), "none"),
        (KMeans(random_state=np.random.RandomState(0)), "none"),
        (KMeans(random_state=np.random.rand.__self__), "global"),
        (make_pipeline(StandardScaler(), PCA(random_state=0)), "none"),
        (make_pipeline(StandardScaler(), PCA()), "global"),
        (ColumnTransformer([("a", KMeans(), [0])]), "global"),
        (GridSearchCV(Ridge(random_state=0), {}, cv=KFold(3, shuffle=True)), "global"),
        (
            GridSearchCV(Ridge(random_state=0), {}, cv=KFold(3, shuffle=True, random_state=0)),
            "none",
        ),
        (BaggingClassifier(LogisticRegression(random_state=0), random_state=0), "none"),
        (BaggingClassifier(LogisticRegression(), random_state=0), "global"),
        (Theirs(), "own"),
        (Theirs(random_state=0), "global"),
        (make_pipeline(Theirs()), "own"),
        (make_pipeline(KMeans(), Theirs()), "own"),
        (Clocked(), "own"),
        (FunctionTransformer(np.log), "global"),
        (FunctionTransformer(lambda X: X + time.time()), "own"),
        (FunctionTransformer(), "none"),
        (sm.layers.Sklearn(KMeans()), "global"),
        (sm.layers.Sklearn(StandardScaler()), "none"),
        (sm.layers.Sklearn(StandardScaler(), cv=KFold(2, shuffle=True)), "global"),
        (sm.layers.Whiten(), "none"),
        (sm.layers.Lambda(lambda X: X), "global"),
        (sm.layers.Lambda(lambda X: X + np.random.default_rng().random()), "own"),
        (graph(KMeans()), "global"),
        (graph(KMeans(random_state=0)), "none"),
        (3, "none"),
        ([None, "a", {"a": KMeans()}], "global"),
    ],
)
def test_what_a_parameter_may_draw_from(value, expected):
    assert randomness(value) == expected


def helper(X):
    return X + datetime.datetime.now().second


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda X: X.mean(), False),
        (lambda X: np.random.normal(X), False),
        (lambda X: random.random() * X, False),
        (lambda X: shuffle(X), False),
        (lambda X: np.random.default_rng(0).normal(X), False),
        (lambda X: np.random.RandomState(seed=0).normal(X), False),
        (lambda X: default_rng(3).normal(X), False),
        (lambda X: default_rng(None).normal(X), True),
        (lambda X, seed=None: default_rng(seed).normal(X), True),
        (lambda X: np.random.RandomState().normal(X), True),
        (lambda X: os.urandom(3), True),
        (lambda X: uuid.uuid4(), True),
        (lambda X: time.time(), True),
        (lambda X: X.dt.time, False),
        (lambda X: X + clock(), True),
        (lambda X: X + calendar_of_another_name.localtime().tm_sec, True),
        (lambda X: X + time.gmtime().tm_sec, True),
        (lambda X: X + time.perf_counter() - time.sleep(0), False),
        (lambda X: X + generator_of_another_name(0).normal(), True),
        (lambda X: X - np.datetime64("now"), True),
        (clocked_inside, True),
        (timed_inside, False),
        (lambda X: [hash(x) for x in X], True),
        (lambda X: helper(X), True),
        (functools.partial(helper), True),
        (lambda X: eval("X"), True),
        (Clocked, True),
        (Theirs, False),
    ],
)
def test_clocks_and_entropy_are_found(function, expected):
    assert draws_unwatched(function) is expected


@pytest.mark.parametrize(
    "draw",
    [
        np.random.rand,
        np.random.normal,
        lambda: np.random.randint(3),
        lambda: np.random.shuffle([1, 2, 3]),
        lambda: np.random.seed(0),
        random.random,
        lambda: random.shuffle([1, 2, 3]),
        lambda: KMeans(1, n_init=1).fit(np.eye(3)),
    ],
)
def test_a_draw_from_a_global_generator_is_seen(draw):
    before = global_random_state()
    assert not changed(before)
    draw()

    assert changed(before)


def test_the_second_normal_of_a_pair_is_seen():
    np.random.seed(0)
    np.random.randn()  # makes two, and keeps one
    before = global_random_state()
    assert not changed(before)
    np.random.randn()

    assert changed(before)


def test_another_generator_behind_numpy_is_seen():
    usual = np.random.get_bit_generator()
    before = global_random_state()
    np.random.set_bit_generator(np.random.PCG64(0))
    try:
        assert changed(before)
        inside = global_random_state()
        assert not changed(inside)
        np.random.rand()
        assert changed(inside)
    finally:
        np.random.set_bit_generator(usual)


def test_what_draws_from_nothing_changes_nothing():
    before = global_random_state()
    np.random.default_rng(0).random()
    StandardScaler().fit(np.eye(3))

    assert not changed(before)


class Counted(KMeans):
    calls = 0

    def fit(self, X, y=None):
        Counted.calls += 1
        return super().fit(X, y)


class Shaken(KMeans):
    def fit(self, X, y=None):
        return super().fit(X + np.random.default_rng(self.random_state).normal(size=X.shape), y)


class Unsure(KMeans):
    def fit(self, X, y=None):
        return super().fit(helper(X), y)


def test_a_class_of_the_user_that_leaves_drawing_to_sklearn_can_be_watched():
    assert randomness(Counted()) == "global"
    assert randomness(Counted(random_state=0)) == "global"  # its own code may draw, too
    assert randomness(Shaken()) == "own"
    assert randomness(Unsure()) == "own"
