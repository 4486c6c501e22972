"""Pipelines of the steps of `faulty`, and what is done with them: what the fault tests go through.

An act takes a pipeline and gives what came out, as something that can be compared.
"""

from collections.abc import Mapping

import joblib
import numpy as np
from faulty import Center, Keen, KeenFolder, Scale, Shift, Slope
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.utils.validation import check_is_fitted

import skmegatron as sm
from skmegatron.io.saving import unwrapped
from skmegatron.layers import Concatenate, Lambda, Sklearn

ROWS = np.random.default_rng(0).normal(size=(12, 3))
LABELS = ROWS @ [1.0, 2.0, 3.0] + 5
PIECES = [(ROWS[start : start + 3], LABELS[start : start + 3]) for start in range(0, 12, 3)]


def drawn(*, cv=None, back=False, **params):
    """Two branches that meet, a model on both, and what it predicts in units of its own."""
    X, y = sm.Input("X", shape=(None,)), sm.Target("y")
    left, right = Center()(X, "left"), Sklearn(Shift())(X, name="right")
    met = Concatenate()([left, Scale()(right), Lambda(np.abs)(left)], "met")
    if cv is not None:
        met = Concatenate()([met, Sklearn(Slope(), cv=cv)(left, y=y, name="fold")], "wide")
    if not back:
        return sm.Pipeline([X, y], Sklearn(Slope())(met, y=y, name="slope"), **params)
    units = Sklearn(Shift())(y, name="units")
    guess = Sklearn(Slope())(met, y=units, name="slope")
    return sm.Pipeline([X, y], units.inverse(guess), **params)


def nested(**params):
    """A pipeline as the step of another one."""
    x = sm.Input("x", shape=(None,))
    inner = sm.Pipeline(x, Center()(Sklearn(Shift())(x)))
    X, y = sm.Input("X", shape=(None,)), sm.Target("y")
    return sm.Pipeline(
        [X, y], Sklearn(Slope())(Sklearn(inner)(X, name="inner"), y=y, name="slope"), **params
    )


def within_sklearn():
    """A pipeline of ours as the last step of one of scikit-learn's."""
    return make_pipeline(Shift(), drawn())


GRAPHS = {
    "plain": lambda folder: drawn(name="plain"),
    "two at once": lambda folder: drawn(n_jobs=2, name="two"),
    "out of fold": lambda folder: drawn(cv=2, name="folds"),
    "units": lambda folder: drawn(back=True, name="units"),
    "nested": lambda folder: nested(name="nested"),
    "memory": lambda folder: drawn(memory=Keen(), name="memory"),
    "memory, two at once": lambda folder: drawn(memory=Keen(), n_jobs=2, name="memory2"),
    "folder": lambda folder: drawn(memory=KeenFolder(folder / "cache"), cv=2, name="folder"),
}

STORES = {
    "sqlite": lambda folder: f"sqlite:///{folder / 'rows.db'}",
    "folder": lambda folder: folder / "rows",
}


def fit(pipe):
    return pipe.fit(ROWS, LABELS) and None


def fit_elsewhere(pipe):
    pipe.fit(ROWS[:7] * 2, LABELS[:7])


def fit_transform(pipe):
    return pipe.fit_transform(ROWS, LABELS)


def fit_holding_out(pipe):
    return pipe.fit(ROWS, LABELS, validation_split=0.25) and None


def partial_fit(pipe):
    return pipe.partial_fit(ROWS[:5], LABELS[:5]) and None


def fit_generator(pipe):
    return pipe.fit_generator(PIECES) and None


def predict(pipe):
    return pipe.predict(ROWS)


def transform(pipe):
    return pipe.transform(ROWS)


def transform_middle(pipe):
    return dict(pipe.transform(ROWS, outputs=["left", "right"]))


def transform_generator(pipe):
    return np.concatenate(list(pipe.transform_generator(PIECES)))


def score(pipe):
    return pipe.score(ROWS, LABELS)


FITS = {
    "fit": fit,
    "fit_transform": fit_transform,
    "validation_split": fit_holding_out,
    "partial_fit": partial_fit,
    "fit_generator": fit_generator,
}
USES = {
    "predict": predict,
    "transform": transform,
    "outputs": transform_middle,
    "transform_generator": transform_generator,
    "score": score,
}


def able(pipe, act):
    """Tell whether a pipeline can be put through an act at all."""
    names = set(pipe.graph.names.values())
    if act in (partial_fit, fit_generator) and ("fold" in names or "units" in names):
        return False
    if act is fit_generator and "inner" in names:
        return False  # its own steps wait for each other
    if act is transform_middle:
        return "left" in names
    return not (act is fit_holding_out and "units" in names)


def is_fitted(pipe):
    try:
        check_is_fitted(pipe)
    except NotFittedError:
        return False
    return True


def state(pipe):
    """Give what tells a pipeline from others: whether it is fitted, and each part of its state."""
    held = dict(pipe.__getstate__())
    for place in ("memory", "storage"):  # which is another folder for each twin
        held.pop(place, None)
    return is_fitted(pipe), parts(held)


def parts(thing):
    """Take a thing apart into hashes.

    joblib's hash of a whole also tells which of its parts are one object, as two arrays may share
    their dtype. What comes from a cache shares nothing, and is equal all the same.
    """
    if isinstance(thing, Mapping):
        return {key: parts(value) for key, value in thing.items()}
    if isinstance(thing, list | tuple):
        return [parts(value) for value in thing]
    thing = unwrapped(thing)
    if isinstance(thing, BaseEstimator):
        return type(thing), parts(thing.__getstate__())
    return joblib.hash(thing)


class Twins:
    """Equal pipelines, one for each try, and what an act makes of one that nobody interrupts.

    Parameters
    ----------
    make : callable
        Takes a folder of its own, and gives a pipeline.
    act : callable
    start : callable or None
        What is done with each pipeline beforehand.
    folder : Path
    """

    def __init__(self, make, act, start, folder):
        self._make, self._start, self._folder = make, start, folder
        self._n_made = 0
        self.act = act
        twin = self.new()
        self.before = state(twin)
        self.result = act(twin)
        self.after = state(twin)

    def new(self):
        self._n_made += 1
        folder = self._folder / str(self._n_made)
        folder.mkdir()
        pipe = self._make(folder)
        if self._start is not None:
            self._start(pipe)
        return pipe

    def check(self, pipe, *, left_in):
        """Check a pipeline whose act has failed, and that the next one goes well."""
        assert state(pipe) in left_in
        if state(pipe) == self.before:
            assert same(self.act(pipe), self.result)
            assert state(pipe) == self.after


def same(one, other):
    """Tell whether two results are equal, bit for bit."""
    if isinstance(one, Mapping):
        return one.keys() == other.keys() and all(same(one[k], other[k]) for k in one)
    return joblib.hash(one) == joblib.hash(other)
