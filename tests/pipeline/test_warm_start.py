"""Steps that go on from an earlier fit."""

from __future__ import annotations

import pickle

import joblib
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.neural_network import MLPClassifier

import skmegatron as sm
from skmegatron.layers import Sklearn, StatefulLayer, Whiten

X, Y = load_iris(return_X_y=True)
X = (X - X.mean(axis=0)) / X.std(axis=0)
OTHER = np.random.default_rng(0).permutation(150)[:100]
# Few iterations are what makes a warm start and a cold one differ.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def of(estimator, **params):
    x, y = sm.Input("X", shape=(None,)), sm.Target("y")
    guess = Sklearn(estimator)(Whiten()(x), "clf", y=y)
    return sm.Pipeline([x, y], guess, **params)


def white(rows):
    return Whiten().fit(X[rows]).transform(X[rows])


LINEAR = {
    "SGD": SGDClassifier(max_iter=3, tol=None, random_state=0),
    "MLP": MLPClassifier(5, max_iter=3, random_state=0),
    "LogisticRegression": LogisticRegression(max_iter=2),
}


def coefficients(model):
    return np.ravel(model.coefs_[0] if hasattr(model, "coefs_") else model.coef_)


@pytest.mark.parametrize("memory", [None, sm.MemoryCache()], ids=["", "memory"])
@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("model", LINEAR.values(), ids=LINEAR)
def test_a_step_that_goes_on_does_what_scikit_learn_does_by_hand(model, n_jobs, memory):
    by_hand = clone(model).set_params(warm_start=True)
    by_hand.fit(white(slice(None)), Y).fit(white(OTHER), Y[OTHER])
    pipe = of(model, n_jobs=n_jobs, memory=memory).fit(X, Y)

    pipe.fit(X[OTHER], Y[OTHER], warm_start="clf")

    assert_allclose(coefficients(pipe.steps_.clf), coefficients(by_hand))
    cold = clone(model).fit(white(OTHER), Y[OTHER])
    assert not np.allclose(coefficients(cold), coefficients(by_hand))


def test_processes_go_on_as_well():
    x, y = sm.Input("X", shape=(None,)), sm.Target("y")
    models = [Sklearn(LINEAR["SGD"])(x, name, y=y) for name in ("one", "other")]
    pipe = sm.Pipeline([x, y], models, n_jobs=2).fit(X, Y)
    by_hand = clone(LINEAR["SGD"]).set_params(warm_start=True).fit(X, Y).fit(X, Y)

    with joblib.parallel_config(backend="loky"):
        pipe.fit(X, Y, warm_start=["one"])

    assert_allclose(pipe.steps_.one.coef_, by_hand.coef_)
    assert_allclose(pipe.steps_.other.coef_, clone(LINEAR["SGD"]).fit(X, Y).coef_)


@pytest.mark.parametrize(
    ("model", "size"),
    [
        (RandomForestClassifier(5, random_state=0), "n_estimators"),
        (HistGradientBoostingClassifier(max_iter=5, random_state=0), "max_iter"),
    ],
    ids=["forest", "boosting"],
)
def test_an_ensemble_grows_by_what_it_lacks(model, size):
    by_hand = clone(model).set_params(warm_start=True).fit(white(slice(None)), Y)
    by_hand.set_params(**{size: 9}).fit(white(slice(None)), Y)
    pipe = of(model).fit(X, Y)

    pipe.set_params(**{f"clf__{size}": 9}).fit(X, Y, warm_start="clf")

    assert_allclose(pipe.predict_proba(X), by_hand.predict_proba(white(slice(None))))


def test_a_step_goes_on_where_its_own_parameter_says_so():
    pipe = of(clone(LINEAR["SGD"]).set_params(warm_start=True)).fit(X, Y).fit(X, Y)
    named = of(LINEAR["SGD"]).fit(X, Y).fit(X, Y, warm_start="clf")
    copy = clone(pipe).fit(X, Y)

    assert_allclose(pipe.steps_.clf.coef_, named.steps_.clf.coef_)
    assert_allclose(copy.steps_.clf.coef_, of(LINEAR["SGD"]).fit(X, Y).steps_.clf.coef_)
    assert pipe.steps_.clf.estimator_.warm_start
    assert not named.steps_.clf.estimator_.warm_start
    assert not hasattr(named.steps_.clf, "_earlier")


def test_a_step_that_is_not_fitted_yet_starts_as_usual():
    cold = of(LINEAR["SGD"]).fit(X, Y)

    warm = of(LINEAR["SGD"]).fit(X, Y, warm_start=["clf"])
    other = of(LINEAR["MLP"]).fit(X, Y).set_params(clf=LINEAR["SGD"]).fit(X, Y, warm_start="clf")

    assert_allclose(warm.steps_.clf.coef_, cold.steps_.clf.coef_)
    assert_allclose(other.steps_.clf.coef_, cold.steps_.clf.coef_)


def test_the_pipeline_before_and_its_copies_are_left_alone():
    pipe = of(LINEAR["SGD"]).fit(X, Y)
    before, layer = pickle.loads(pickle.dumps(pipe)), pipe.steps_.clf

    pipe.fit(X, Y, warm_start="clf")

    assert_array_equal(layer.coef_, before.steps_.clf.coef_)
    assert not np.allclose(pipe.steps_.clf.coef_, layer.coef_)


def test_a_fit_that_fails_leaves_what_was_learned():
    pipe = of(LINEAR["SGD"]).fit(X, Y)
    before = pipe.steps_.clf.coef_.copy()

    with pytest.raises(ValueError, match="NaN"):
        pipe.fit(X * np.nan, Y, warm_start="clf")
    with pytest.raises(ValueError, match="does not match dataset"):
        pipe.fit(X[:, :2], Y, warm_start="clf")

    assert_array_equal(pipe.steps_.clf.coef_, before)
    assert pipe.predict(X).shape == (150,)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("whiten", r"'whiten' cannot go on.*no parameter warm_start.*\['clf'\]"),
        ("cfl", r"'cfl' is no step of this pipeline, and the steps that can go on are \['clf'\]"),
    ],
)
def test_names_that_cannot_go_on_are_refused_with_those_that_can(name, words):
    with pytest.raises(ValueError, match=words):
        of(LINEAR["SGD"]).fit(X, Y, warm_start=name)
    with pytest.raises(ValueError, match="no step of it can go on"):
        of(PCA()).fit(X, Y, warm_start="clf")


def test_a_frozen_step_cannot_go_on():
    pipe = of(LINEAR["SGD"]).fit(X, Y)
    pipe.set_params(clf=pipe.steps_.clf.freeze())

    with pytest.raises(ValueError, match="'clf' cannot go on"):
        pipe.fit(X, Y, warm_start="clf")


class RunningSum(StatefulLayer):
    def __init__(self, warm_start=False):
        self.warm_start = warm_start

    def fit(self, X):
        earlier = self.sum_ if self.warm_start and hasattr(self, "sum_") else 0
        self.sum_ = earlier + X.sum(axis=0)
        return self

    def transform(self, X):
        return X + self.sum_


@pytest.mark.parametrize("memory", [None, sm.MemoryCache()], ids=["", "memory"])
def test_a_layer_with_the_parameter_goes_on_too(memory):
    x = sm.Input("X", shape=(None,))
    pipe = sm.Pipeline(x, RunningSum()(x), memory=memory).fit(X[:10])
    before = pipe.steps_.runningsum

    pipe.fit(X[10:20], warm_start="runningsum")

    assert_allclose(pipe.steps_.runningsum.sum_, X[:20].sum(axis=0))
    assert_allclose(before.sum_, X[:10].sum(axis=0))
    assert not pipe.steps_.runningsum.warm_start
    assert_allclose(pipe.fit(X[10:20]).steps_.runningsum.sum_, X[10:20].sum(axis=0))


def test_a_memory_does_not_mistake_a_warm_fit_for_a_cold_one():
    memory = sm.MemoryCache()
    forest = RandomForestClassifier(20, random_state=0)
    cold = of(forest, memory=memory).fit(X, Y).predict_proba(X)
    pipe = of(forest, memory=memory).fit(X[::2], Y[::2])

    pipe.set_params(clf__n_estimators=25).fit(X, Y, warm_start="clf")
    warm = pipe.predict_proba(X)

    assert_allclose(of(forest, memory=memory).fit(X, Y).predict_proba(X), cold)
    again = of(clone(forest).set_params(n_estimators=25), memory=memory).fit(X, Y)
    assert not np.allclose(again.predict_proba(X), warm)
    assert_allclose(pipe.predict_proba(X), warm)
