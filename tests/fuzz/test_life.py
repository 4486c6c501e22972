"""The life of a pipeline, one random thing after the other.

Each pipeline, with its memory, its storage and its workers, has a twin that has none of them. Both
go through the same, and whatever is asked of both is answered alike, errors included. After each
step of the way the laws of the design hold: see the invariants.
"""

import copy
import pickle
import tempfile
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
from drawings import FUSE, drawn, recipes
from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from numpy.testing import assert_allclose
from scipy import sparse
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.utils.validation import check_is_fitted
from tables import content, cut, fed, packed, rows

import skmegatron as sm
from skmegatron.errors import SchemaError
from skmegatron.io.saving import unwrapped


class Keen(sm.MemoryCache):
    """Keeps everything, as if keeping cost nothing."""

    def cost(self, n_bytes):
        return 0.0


class KeenFolder(sm.FolderCache):
    """The same, in a folder."""

    def cost(self, n_bytes):
        return 0.0


class Outcome:
    """What came of something: a value, or an error."""

    def __init__(self, act):
        self.value = self.error = None
        try:
            self.value = act()
        except Exception as error:  # noqa: BLE001 - compared with what the twin raises
            self.error = error

    @property
    def told(self):
        return None if self.error is None else (type(self.error), str(self.error))

    def __repr__(self):
        return repr(self.told or self.value)


def alike(ours, theirs, exact=True):
    """Check that two values are equal, bit for bit or nearly."""
    assert type(ours) is type(theirs)
    if isinstance(ours, dict | sm.Dataset):
        assert list(ours) == list(theirs)
        for name in ours:
            alike(ours[name], theirs[name], exact)
    elif exact or np.asarray(ours).dtype.kind in "US":  # words are equal or not
        dense = [v.toarray() if sparse.issparse(v) else v for v in (ours, theirs)]
        np.testing.assert_array_equal(*dense)
        assert not exact or getattr(ours, "dtype", None) == getattr(theirs, "dtype", None)
    else:
        dense = [v.toarray() if sparse.issparse(v) else v for v in (ours, theirs)]
        assert_allclose(*dense, rtol=1e-5, atol=1e-7)


def is_fitted(pipe):
    try:
        check_is_fitted(pipe)
    except NotFittedError:
        return False
    return True


def state(thing):
    """Take a pipeline apart into hashes.

    joblib's hash of a whole also tells which of its parts are one object, as two arrays may share
    their dtype, and that does not matter.
    """
    if isinstance(thing, dict):
        return {key: state(value) for key, value in thing.items()}
    thing = unwrapped(thing)
    if isinstance(thing, BaseEstimator):
        return type(thing), state(thing.__getstate__())
    if isinstance(thing, np.ndarray):  # a copy of a view lies otherwise in memory
        thing = thing.copy(order="C")
    return joblib.hash(thing)


def unchanged(before, after, place="pipeline"):
    """Check that two states are equal, and tell where they are not."""
    if isinstance(before, tuple):
        before, after = dict(enumerate(before)), dict(enumerate(after))
    if isinstance(before, dict):
        assert before.keys() == after.keys(), place
        for name in before:
            unchanged(before[name], after[name], f"{place}, {name}")
    assert before == after, place


class Life(RuleBasedStateMachine):
    """A pipeline and its twin."""

    @initialize(
        recipe=recipes,
        memory=st.sampled_from([None, Keen, KeenFolder]),
        storage=st.sampled_from([None, "sqlite", "folder"]),
        n_jobs=st.sampled_from([None, 2]),
    )
    def draw(self, recipe, memory, storage, n_jobs):
        self.place = tempfile.TemporaryDirectory()
        folder = Path(self.place.name)
        self.memory = KeenFolder(folder / "cache") if memory is KeenFolder else memory and memory()
        stores = {"sqlite": f"sqlite:///{folder / 'rows.db'}", "folder": folder / "rows"}
        self.storage = stores.get(storage)
        more = {"memory": self.memory, "storage": self.storage, "n_jobs": n_jobs}
        self.pipe = drawn(recipe, name="life", **more)
        self.twin = drawn(recipe, name="life")
        self.names = [node.name for node in self.pipe.graph.inputs]
        self.steps = list(self.pipe.graph.names.values())
        layers = [step.layer for step in self.pipe.graph.steps]
        self.templates = [(layer, joblib.hash(layer)) for layer in layers]

    def teardown(self):
        FUSE.error = None
        if hasattr(self, "place"):
            self.place.cleanup()

    def _fed(self, kind):
        values = rows(kind)
        X = packed(values, self.names, kind[-1])
        y = values["y"] if "y" in self.names else None
        extra = {name: values[name] for name in self.names if name == "sample_weight"}
        return X, y, extra

    def _both(self, act, *, exact=True, changes=False):
        """Do something with both, and compare what comes of it."""
        before = state(self.pipe)
        ours, theirs = Outcome(lambda: act(self.pipe)), Outcome(lambda: act(self.twin))
        note(f"{theirs.told}")
        if isinstance(ours.error, SchemaError):
            # Rows of another kind, such as sparse ones, are no rows of the same pipeline.
            assert self.storage
            unchanged(before, state(self.pipe))
            return ours
        assert ours.told == theirs.told, (ours, theirs)
        if ours.error is not None or not changes:
            unchanged(before, state(self.pipe))
        if not changes and ours.error is None:
            alike(ours.value, theirs.value, exact)
        return ours

    def _n_stored(self):
        return sum(held.n_rows for held in self.pipe.storage.store.describe())

    @rule(kind=fed)
    def fit(self, kind):
        X, y, extra = self._fed(kind)
        whole = content(X), joblib.hash((y, extra))
        self._both(lambda pipe: pipe.fit(X, y, **extra) and None, changes=True)
        assert (content(X), joblib.hash((y, extra))) == whole

    @rule(kind=fed)
    def fit_transform(self, kind):
        X, y, extra = self._fed(kind)
        before = self._n_stored() if self.storage else 0
        found = [Outcome(lambda p=p: p.fit_transform(X, y, **extra)) for p in self._pair]
        assert found[0].told == found[1].told, found
        if found[0].error is None:
            alike(found[0].value, found[1].value)
        assert not self.storage or self._n_stored() == before

    @property
    def _pair(self):
        return self.pipe, self.twin

    @rule(kind=fed, error=st.sampled_from([ValueError, MemoryError, KeyboardInterrupt]))
    def fail(self, kind, error):
        X, y, extra = self._fed(kind)
        before = state(self.pipe), is_fitted(self.pipe)
        raised = error("injected")
        FUSE.error = raised
        try:
            self.pipe.fit(X, y, **extra)
        except (Exception, KeyboardInterrupt) as failed:  # noqa: BLE001 - looked at below
            caught = failed
        else:
            caught = None
            self.twin.fit(X, y, **extra)
        FUSE.error = None
        if caught is not None:
            unchanged(before, (state(self.pipe), is_fitted(self.pipe)))
        if caught is raised and error is not KeyboardInterrupt:
            assert any("at step 'fails" in told for told in caught.__notes__)

    @rule(kind=fed)
    def partial_fit(self, kind):
        X, y, extra = self._fed(kind)
        if hasattr(self.pipe, "partial_fit"):
            self._both(lambda pipe: pipe.partial_fit(X, y, **extra) and None, changes=True)

    @rule(kind=fed, pieces=st.integers(1, 4))
    def fit_generator(self, kind, pieces):
        X, y, extra = self._fed(kind)
        labels = [*([] if y is None else [y]), *extra.values()]
        stops = range(0, min(max(kind[1], 1), 10 * pieces), 10)
        batches = [(cut(X, at, at + 10), *(one[at : at + 10] for one in labels)) for at in stops]
        got = self._both(lambda pipe: pipe.fit_generator(batches) and None, changes=True)
        if got.error is None and not any("sgd" in name for name in self.pipe.steps_):
            seen = slice(0, 10 * pieces)
            rows = [cut(X, 0, 10 * pieces), *(one[seen] for one in labels[: y is not None])]
            whole = clone(self.twin).fit(*rows, **{name: w[seen] for name, w in extra.items()})
            found = [Outcome(lambda p=p: p.transform(rows[0])) for p in (self.twin, whole)]
            assert found[0].told == found[1].told, found
            if found[0].error is None:
                alike(found[0].value, found[1].value, exact=False)

    @rule(kind=fed)
    def transform(self, kind):
        X, _, _ = self._fed(kind)
        before = content(X)
        got = self._both(lambda pipe: pipe.transform(X))
        assert content(X) == before
        if self.storage and got.error is None and kind[1] and "filter" not in self.steps:
            self._check_stored(got.value, kind[1])

    def _check_stored(self, value, n_rows):
        held = self.pipe.storage.read(rows=list(range(n_rows)))
        names = [self.pipe.graph.node_names[node] for node in self.pipe.graph.outputs]
        whole = value if len(names) > 1 else {names[0]: value}
        for name in names:
            table = whole[name]
            alike(held[name], table.to_numpy() if isinstance(table, pd.DataFrame) else table)

    @rule(kind=fed, method=st.sampled_from(["predict", "predict_proba", "decision_function"]))
    def predict(self, kind, method):
        X, _, _ = self._fed(kind)
        if hasattr(self.pipe, method):
            before = self._n_stored() if self.storage else 0
            self._both(lambda pipe: getattr(pipe, method)(X))
            assert not self.storage or self._n_stored() == before

    @rule(kind=fed)
    def evaluate(self, kind):
        X, y, _ = self._fed(kind)
        self._both(lambda pipe: pipe.evaluate(X, y))

    @rule(kind=fed, data=st.data())
    def look_inside(self, kind, data):
        X, _, _ = self._fed(kind)
        name = data.draw(st.sampled_from([*self.names, *self.pipe.graph.by_name]))
        self._both(lambda pipe: pipe.transform(X, outputs=[name]))

    @rule(kind=fed, size=st.integers(1, 15))
    def stream(self, kind, size):
        X, _, _ = self._fed(kind)
        n_rows = kind[1]
        whole = Outcome(lambda: self.twin.transform(X))
        if whole.error is not None or not n_rows:
            return
        pieces = [cut(X, start, start + size) for start in range(0, n_rows, size)]
        before = state(self.pipe)
        found = Outcome(lambda: list(self.pipe.transform_generator(pieces)))
        unchanged(before, state(self.pipe))
        if not (self.storage and isinstance(found.error, SchemaError)):
            assert found.error is None, found
            if found.value:  # a Filter may have left no rows
                alike(_joined(found.value), _densed(whole.value), exact=False)

    @rule()
    def clone_it(self):
        twin = clone(self.pipe)
        ours, theirs = (_plain(pipe.get_params()) for pipe in (twin, self.pipe))
        assert ours == theirs
        assert not hasattr(twin, "steps_")
        assert joblib.hash(twin) == joblib.hash(clone(self.pipe))

    @rule()
    def become_a_clone(self):
        self.pipe, self.twin = clone(self.pipe), clone(self.twin)

    @rule(how=st.sampled_from(["deepcopy", "copy", "pickle", "save"]))
    def become_a_copy(self, how):
        before = state(self.pipe)
        if how == "save":
            path = self.pipe.save(self.place.name)
            before = state(self.pipe)
            other = sm.load_pipeline(path)
        elif how == "pickle":
            other = pickle.loads(pickle.dumps(self.pipe))
        else:
            other = getattr(copy, how)(self.pipe)
        assert is_fitted(other) == is_fitted(self.pipe)
        unchanged(before, state(self.pipe))
        if how in ("copy", "deepcopy"):
            unchanged(before, state(other))
        self.pipe = other

    @rule(data=st.data(), n_jobs=st.sampled_from([None, 1, 2]))
    def set_one(self, data, n_jobs):
        self.pipe.set_params(n_jobs=n_jobs)
        known = self.pipe.get_params()
        numbers = {
            name: value
            for name, value in known.items()
            if "__" in name and type(value) is float and not name.startswith("frozen")
        }
        if numbers:
            name = data.draw(st.sampled_from(sorted(numbers)))
            for pipe in self._pair:
                pipe.set_params(**{name: numbers[name] * 0.5})
            assert self.pipe.get_params()[name] == numbers[name] * 0.5

    @rule(data=st.data(), other=st.sampled_from(["passthrough", StandardScaler(), Ridge()]))
    def replace_a_step(self, data, other):
        if self.steps:
            name = data.draw(st.sampled_from(self.steps))
            self._both(lambda pipe: pipe.set_params(**{name: other}) and None, changes=True)

    @rule()
    def set_all(self):
        own = self.pipe.get_params(deep=False)
        before = state(self.pipe)
        assert self.pipe.set_params(**own) is self.pipe
        unchanged(before, state(self.pipe))

    @rule()
    def set_nonsense(self):
        before = state(self.pipe)
        with pytest.raises(ValueError, match="Invalid parameter 'no_such_step'"):
            self.pipe.set_params(n_jobs=5, no_such_step__alpha=1)
        unchanged(before, state(self.pipe))

    @rule(kind=fed)
    def within_sklearn(self, kind):
        X, y, extra = self._fed(kind)
        if extra or isinstance(X, dict):
            return
        alone = Outcome(lambda: clone(self.twin).fit(X, y).transform(X))
        inner = clone(self.pipe).set_params(storage=None)
        inside = Outcome(
            lambda: make_pipeline(FunctionTransformer(), inner).fit(X, y).transform(X)
        )
        assert inside.told == alone.told, (inside, alone)
        if alone.error is None:
            alike(inside.value, alone.value)

    @precondition(lambda self: hasattr(self, "pipe"))
    @invariant()
    def layers_are_never_changed(self):
        assert all(joblib.hash(layer) == before for layer, before in self.templates)

    @precondition(lambda self: hasattr(self, "pipe"))
    @invariant()
    def graphs_hold_no_data(self):
        assert all(node.output is None for node in self.pipe.graph.path)

    @precondition(lambda self: hasattr(self, "pipe"))
    @invariant()
    def both_are_fitted_or_none(self):
        assert is_fitted(self.pipe) == is_fitted(self.twin)


def _plain(params):
    """Leave out what a clone has copies of, which are compared by what they say."""
    plain = {key: repr(value) for key, value in params.items()}
    return {k: v for k, v in plain.items() if k not in ("inputs", "outputs", "metrics")}


def _densed(value):
    if isinstance(value, sm.Dataset):
        return {name: _densed(value[name]) for name in value}
    if isinstance(value, pd.DataFrame):
        return value.to_numpy()
    return value.toarray() if sparse.issparse(value) else value


def _joined(found):
    found = [_densed(value) for value in found]
    if isinstance(found[0], dict):
        return {name: np.concatenate([one[name] for one in found]) for name in found[0]}
    return np.concatenate(found)


TestLife = Life.TestCase
