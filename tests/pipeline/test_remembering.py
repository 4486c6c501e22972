"""Memory: what was computed is not computed again, and nobody can tell but by the time."""

import pickle
import subprocess
import sys
import textwrap
import time
from collections import Counter
from typing import ClassVar

import joblib
import numpy as np
import pandas as pd
import pytest
import sklearn
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris
from sklearn.decomposition import PCA
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.feature_selection import SelectKBest
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, QuantileTransformer, StandardScaler

import skmegatron as sm
from skmegatron.engine import accounts, lineage
from skmegatron.errors import GraphError
from skmegatron.layers import (
    Concatenate,
    Filter,
    Lambda,
    OneHotLabels,
    ScalarMultiply,
    Sklearn,
    Slice,
    StatefulLayer,
    StatelessLayer,
    TrainOnly,
    Whiten,
)

rng = np.random.default_rng(0)
ROWS = rng.normal(size=(40, 3))
LABELS = (ROWS[:, 0] > 0).astype(int)
IRIS, SPECIES = load_iris(return_X_y=True)

#: How often each slow thing has been done.
done: Counter = Counter()


@pytest.fixture(autouse=True)
def patient(monkeypatch):
    """Asks the cache in every run, however little it has to give."""
    done.clear()
    monkeypatch.setattr(accounts, "VAIN", 1e9)
    return monkeypatch


class Keen(sm.MemoryCache):
    """Keeps everything, as if keeping cost nothing."""

    def cost(self, n_bytes):
        return 0.0


class Count(StatefulLayer):
    """Centers, and counts what it is made to do."""

    def __init__(self, label="count", power=1.0):
        self.label = label
        self.power = power

    def fit(self, X, y=None):
        done[f"{self.label} fit"] += 1
        self.mean_ = np.mean(X, axis=0)
        self.n_labels_ = None if y is None else len(np.unique(y))
        return self

    def transform(self, X):
        done[f"{self.label} transform"] += 1
        return (X - self.mean_) * self.power


class Slow(Count):
    """As slow as it takes to be worth keeping."""

    def fit(self, X, y=None):
        time.sleep(0.03)
        return super().fit(X, y)

    def transform(self, X):
        time.sleep(0.03)
        return super().transform(X)


class Noisy(StatefulLayer):
    """Learns something random."""

    def __init__(self, random_state=None):
        self.random_state = random_state

    def fit(self, X):
        done["noisy"] += 1
        self.noise_ = np.random.default_rng(self.random_state).normal()
        return self

    def transform(self, X):
        return X + self.noise_


def table(name="X"):
    return sm.Input(name, shape=(None,))


def classifier(memory, layer=None, C=1.0):
    X, y = table(), sm.Target("y")
    centered = (layer or Slow())(X, "centered")
    guess = Sklearn(LogisticRegression(C=C))(centered, "guess", y=y)
    return sm.Pipeline([X, y], guess, memory=memory)


def chain(memory, *layers):
    X = node = table()
    for layer in layers:
        node = layer(node)
    return sm.Pipeline(X, node, memory=memory)


# What is kept


def test_a_second_fit_and_transform_compute_nothing():
    cache = sm.MemoryCache()
    first = chain(cache, Slow()).fit(ROWS).transform(ROWS)
    before = dict(done)

    second = chain(cache, Slow()).fit(ROWS).transform(ROWS)

    assert done == before
    assert_array_equal(second, first)


def test_a_search_over_a_late_parameter_runs_the_early_steps_once_for_each_fold():
    grid = {"guess__C": [0.01, 0.1, 1, 10]}

    search = GridSearchCV(classifier(sm.MemoryCache()), grid, cv=3, refit=False).fit(IRIS, SPECIES)

    assert done == {"count fit": 3, "count transform": 6}
    plain = GridSearchCV(classifier(None), grid, cv=3, refit=False).fit(IRIS, SPECIES)
    assert_array_equal(search.cv_results_["mean_test_score"], plain.cv_results_["mean_test_score"])


def test_training_scores_are_computed_from_what_is_kept_too():
    grid = {"guess__C": [0.01, 0.1, 1]}

    GridSearchCV(
        classifier(sm.MemoryCache()), grid, cv=3, refit=False, return_train_score=True
    ).fit(IRIS, SPECIES)

    assert done["count fit"] == 3
    assert done["count transform"] == 9  # of each fold: fitting, the test rows, the training rows


def test_an_early_parameter_runs_only_what_hangs_from_it():
    cache, X = sm.MemoryCache(), table()
    both = Concatenate()([Slow("left")(X, "left"), Slow("right")(X, "right")])
    pipe = sm.Pipeline(X, both, memory=cache).fit(ROWS)

    pipe.set_params(right__power=2.0).fit(ROWS)

    assert done["left fit"] == 1
    assert done["right fit"] == 2


def test_unsupervised_steps_do_not_care_for_other_labels():
    cache = sm.MemoryCache()
    classifier(cache).fit(IRIS, SPECIES)

    other = classifier(cache).fit(IRIS, SPECIES % 2)

    assert done["count fit"] == 1
    assert_array_equal(other.classes_, [0, 1])


def test_supervised_steps_do():
    cache, X, y = sm.MemoryCache(), table(), sm.Target("y")
    pipe = sm.Pipeline([X, y], Slow()(X, y=y), memory=cache)

    pipe.fit(IRIS, SPECIES)
    pipe.fit(IRIS, SPECIES % 2)

    assert done["count fit"] == 2
    assert pipe.steps_.slow.n_labels_ == 2


def test_only_what_is_needed_is_loaded():
    kept = {}

    class Watched:
        got: ClassVar[list] = []

        def get(self, key):
            if key in kept:
                self.got.append(key)
            return kept.get(key)

        def put(self, key, value):
            kept[key] = bytes(value)

    cache = Watched()
    pipe = chain(cache, Slow("a"), Slow("b"), Slow("c")).fit(ROWS)
    pipe.transform(ROWS[:7])
    Watched.got.clear()

    pipe.transform(ROWS[:7])

    assert len(Watched.got) == 1  # the output; nothing above it


def test_a_step_cheaper_than_its_bookkeeping_is_not_kept():
    cache = sm.MemoryCache()
    pipe = chain(cache, ScalarMultiply(2.0)).fit(ROWS)

    pipe.transform(ROWS)

    assert cache.stats().entries == 0


def test_steps_that_can_never_pay_are_not_even_looked_up(patient):
    patient.undo()
    cache = sm.MemoryCache()
    pipe = chain(cache, ScalarMultiply(2.0), ScalarMultiply(3.0)).fit(ROWS)
    pipe.transform(ROWS)
    before = cache.stats()

    pipe.transform(ROWS)

    assert cache.stats() == before


def test_cheap_steps_above_a_value_count_together():
    cache = sm.MemoryCache()
    pipe = chain(cache, *[ScalarMultiply(1.001)] * 2000)
    values = np.ones((20, 1))
    pipe.fit(values)
    for _ in range(2):
        expected = pipe.transform(values)

    assert cache.stats().entries > 0
    assert_array_equal(pipe.transform(values), expected)


def test_stats_tell_hits_misses_bytes_and_seconds_saved():
    cache = sm.MemoryCache()
    pipe = chain(cache, Slow()).fit(ROWS)
    assert (pipe.memory.stats().hits, pipe.memory.stats().misses) == (0, 1)

    chain(cache, Slow()).fit(ROWS)

    stats = pipe.memory.stats()
    assert (stats.hits, stats.misses) == (1, 1)
    assert stats.bytes > 0
    assert 0.02 < stats.seconds_saved < 5


# Where it is kept


def test_a_folder_is_shared_by_processes(tmp_path):
    (tmp_path / "slowly.py").write_text(
        textwrap.dedent("""
        import sys, time
        import numpy as np, skmegatron as sm
        from skmegatron.layers import StatefulLayer

        class Slow(StatefulLayer):
            def fit(self, X):
                time.sleep(0.05)
                print("fitted", end=" ")
                self.mean_ = X.mean(axis=0)
                return self

            def transform(self, X):
                return X - self.mean_

        X = sm.Input("X", shape=(None,))
        pipe = sm.Pipeline(X, Slow()(X), memory=sys.argv[1])
        print(pipe.fit(np.arange(6.0).reshape(3, 2)).transform([[1.0, 1.0]]).tolist())
        """)
    )
    command = [sys.executable, str(tmp_path / "slowly.py"), str(tmp_path / "cache")]

    said = [
        subprocess.run(command, capture_output=True, text=True, check=True).stdout for _ in "ab"
    ]

    assert said == ["fitted [[-1.0, -2.0]]\n", "[[-1.0, -2.0]]\n"]


@pytest.mark.parametrize("given", ["folder", "path", "joblib", "custom"])
def test_whatever_memory_is_given_is_used_and_handed_on(tmp_path, given):
    class Plain(dict):
        put = dict.__setitem__

    memory = {
        "folder": str(tmp_path),
        "path": tmp_path,
        "joblib": joblib.Memory(tmp_path, verbose=0),
        "custom": Plain(),
    }[given]
    pipe = classifier(memory).fit(IRIS, SPECIES)

    again = clone(pipe).fit(IRIS, SPECIES)

    assert pipe.get_params()["memory"] is memory
    assert again.get_params()["memory"] is memory
    assert done["count fit"] == 1
    assert again.memory.stats().hits >= 1
    assert_array_equal(again.predict(IRIS), pipe.predict(IRIS))


def test_a_joblib_memory_that_is_switched_off_keeps_nothing():
    pipe = classifier(joblib.Memory(None, verbose=0)).fit(IRIS, SPECIES)

    pipe.fit(IRIS, SPECIES)

    assert pipe.memory is None
    assert done["count fit"] == 2


def test_what_is_no_memory_is_refused_in_fit():
    with pytest.raises(TypeError, match=r"memory.*MemoryCache"):
        classifier(42).fit(IRIS, SPECIES)


@pytest.mark.parametrize("harm", ["cut", "flip", "foreign", "empty"])
def test_a_damaged_folder_is_computed_again_and_replaced(tmp_path, harm):
    expected = classifier(tmp_path).fit(IRIS, SPECIES).predict_proba(IRIS)
    for path in [p for p in tmp_path.rglob("*") if p.is_file() and len(p.parent.name) == 2]:
        content = path.read_bytes()
        half = len(content) // 2
        path.write_bytes(
            {
                "cut": content[:half],
                "flip": content[:half] + bytes([content[half] ^ 1]) + content[half + 1 :],
                "foreign": b"something else",
                "empty": b"",
            }[harm]
        )

    again = classifier(tmp_path).fit(IRIS, SPECIES)
    assert done["count fit"] == 2
    third = classifier(tmp_path).fit(IRIS, SPECIES)

    assert done["count fit"] == 2
    assert_array_equal(again.predict_proba(IRIS), expected)
    assert_array_equal(third.predict_proba(IRIS), expected)


@pytest.mark.parametrize("kind", ["memory", "folder"])
@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_searches_in_threads_and_processes_give_what_one_gives(tmp_path, kind, backend):
    memory = sm.MemoryCache() if kind == "memory" else str(tmp_path / "cache")
    X, y = table(), sm.Target("y")
    features = Sklearn(QuantileTransformer(n_quantiles=20, random_state=0))(X)
    guess = Sklearn(LogisticRegression())(Sklearn(PCA(2))(features), y=y)
    pipe = sm.Pipeline([X, y], guess, memory=memory)
    grid = {"logisticregression__C": [0.01, 0.1, 1, 10], "pca__n_components": [1, 2]}
    plain = GridSearchCV(clone(pipe).set_params(memory=None), grid, cv=3).fit(IRIS, SPECIES)

    with joblib.parallel_config(backend=backend):
        search = GridSearchCV(pipe, grid, cv=3, n_jobs=2).fit(IRIS, SPECIES)

    for part in ("mean_test_score", "std_test_score"):
        assert_array_equal(search.cv_results_[part], plain.cv_results_[part])
    assert_array_equal(search.predict_proba(IRIS), plain.predict_proba(IRIS))
    assert search.best_estimator_.get_params()["memory"] is memory


def test_a_saved_pipeline_finds_what_it_has_kept(tmp_path):
    pipe = chain(str(tmp_path / "cache"), Slow()).set_params(name="slow").fit(ROWS)
    expected = pipe.transform(ROWS)

    loaded = sm.load_pipeline(pipe.save(tmp_path))

    before = dict(done)
    assert_array_equal(loaded.transform(ROWS), expected)
    assert done == before


# What must not be shared


def test_a_random_step_without_a_seed_is_fitted_each_time():
    cache = sm.MemoryCache()
    X, y = table(), sm.Target("y")
    forest = Sklearn(RandomForestClassifier(40), method="predict_proba")(X, y=y)
    pipe = sm.Pipeline([X, y], forest, memory=cache)

    first = pipe.fit(ROWS, LABELS).transform(ROWS)
    second = clone(pipe).fit(ROWS, LABELS).transform(ROWS)

    assert not np.array_equal(first, second)
    assert_array_equal(pipe.transform(ROWS), first)


def test_a_random_step_with_a_seed_is_shared():
    cache = Keen()
    layers = [Noisy(random_state=3) for _ in range(2)]

    first, second = (chain(cache, layer).fit(ROWS).transform(ROWS) for layer in layers)

    assert done["noisy"] == 1
    assert_array_equal(first, second)


def test_what_hangs_from_a_random_step_is_not_shared_either():
    cache = Keen()
    pipes = [chain(cache, Noisy(), Count()).fit(ROWS) for _ in range(2)]

    assert done["count fit"] == 2
    assert pipes[0].steps_.noisy.noise_ != pipes[1].steps_.noisy.noise_
    for pipe in pipes:
        assert_allclose(pipe.transform(ROWS), ROWS - ROWS.mean(axis=0), atol=1e-12)


def test_a_fit_keeps_its_own_random_values():
    pipe = chain(Keen(), Noisy(), Count()).fit(ROWS)
    expected = pipe.transform(ROWS[:5])
    before = dict(done)

    assert_array_equal(pipe.transform(ROWS[:5]), expected)
    assert done == before


def test_a_random_function_is_called_each_time():
    pipe = chain(Keen(), Lambda(lambda x: x + np.random.normal()))
    own = chain(Keen(), Lambda(lambda x: x + np.random.default_rng().normal()))

    for one in (pipe, own):
        assert not np.array_equal(one.transform(ROWS), one.transform(ROWS))


def test_the_callers_random_numbers_go_on_as_without_memory():
    drawn = []
    for memory in (None, Keen()):
        np.random.seed(0)
        for _ in range(2):
            chain(memory, Lambda(lambda x: x + np.random.normal())).transform(ROWS)
        drawn.append(np.random.normal())

    assert drawn[0] == drawn[1]


def helper(x):
    return x + 1


def test_an_edited_helper_is_noticed(monkeypatch):
    pipe = chain(Keen(), Lambda(lambda x: helper(x)))
    assert_array_equal(pipe.transform(ROWS), ROWS + 1)

    monkeypatch.setitem(globals(), "helper", lambda x: x + 2)

    assert_array_equal(pipe.transform(ROWS), ROWS + 2)


def test_a_changed_closure_is_noticed():
    shift = 1
    pipe = chain(Keen(), Lambda(lambda x: x + shift))
    assert_array_equal(pipe.transform(ROWS), ROWS + 1)

    shift = 2

    assert_array_equal(pipe.transform(ROWS), ROWS + 2)


def test_the_containers_that_scikit_learn_was_told_to_use_are_told_apart():
    cache = Keen()
    pipe = chain(
        cache, Sklearn(StandardScaler()), Lambda(lambda x: np.array([[type(x).__name__]]))
    )
    pipe.fit(ROWS)
    assert pipe.transform(ROWS) == "ndarray"

    with sklearn.config_context(transform_output="pandas"):
        framed = clone(pipe).set_output(transform="default").fit(ROWS).transform(ROWS)

    assert framed == "DataFrame"


def test_the_order_of_the_fed_memory_is_told_apart():
    cache = Keen()
    pipe = chain(cache, Lambda(lambda x: np.array([[x.flags.f_contiguous]])))

    assert not pipe.transform(ROWS).item()
    assert pipe.transform(np.asfortranarray(ROWS)).item()


# What is changed by hand


def test_a_step_changed_by_hand_is_noticed():
    pipe = chain(Keen(), Count()).fit(ROWS)
    pipe.transform(ROWS)

    pipe.steps_.count.mean_ = np.zeros(3)

    assert_array_equal(pipe.transform(ROWS), ROWS)


def test_a_parameter_of_a_fitted_estimator_set_by_hand_is_noticed():
    X = table()
    pipe = sm.Pipeline(X, Sklearn(PCA(2))(X), memory=Keen()).fit(IRIS)
    plain = pipe.transform(IRIS)

    pipe.steps_.pca.estimator_.set_params(whiten=True)

    assert_allclose(pipe.transform(IRIS), plain / plain.std(axis=0, ddof=1))


def test_a_replaced_step_is_noticed():
    pipe = chain(Keen(), Count()).fit(ROWS)
    pipe.transform(ROWS)

    pipe.steps_["count"] = Count().fit(ROWS + 1)

    assert_array_equal(pipe.transform(ROWS), ROWS - (ROWS + 1).mean(axis=0))


def test_a_layer_changed_after_the_fit_does_not_change_the_fitted_pipeline():
    layer = ScalarMultiply(2.0)
    pipe = chain(Keen(), layer).fit(ROWS)

    layer.factor = 3.0

    assert_array_equal(pipe.transform(ROWS), ROWS * 2)
    assert_array_equal(clone(pipe).fit(ROWS).transform(ROWS), ROWS * 3)
    assert_array_equal(pipe.transform(ROWS), ROWS * 2)


def test_batches_learned_later_are_noticed():
    pipe = chain(Keen(), Whiten()).fit(ROWS)
    before = pipe.transform(ROWS)

    pipe.partial_fit(ROWS * 3)

    plain = chain(None, Whiten()).fit(ROWS).partial_fit(ROWS * 3)
    assert_array_equal(pipe.transform(ROWS), plain.transform(ROWS))
    assert not np.allclose(before, pipe.transform(ROWS))


def test_what_was_learned_from_a_stream_is_remembered_for_that_pipeline():
    pipe = chain(Keen(), Whiten(), Lambda(lambda x: done.update(["run"]) or x))
    pipe.fit_generator([{"X": ROWS[:20]}, {"X": ROWS[20:]}])

    expected = pipe.transform(ROWS)
    before = dict(done)

    assert_array_equal(pipe.transform(ROWS), expected)
    assert done == before


def test_outputs_may_be_written_into():
    pipe = chain(Keen(), Count()).fit(ROWS)
    expected = pipe.transform(ROWS).copy()

    for _ in range(3):
        given = pipe.transform(ROWS)
        assert_array_equal(given, expected)
        given[:] = 0


def test_fed_arrays_may_be_changed_afterwards():
    pipe = chain(Keen(), Slice(None, (0, 2)))  # a view of what is fed
    fed = ROWS.copy()
    pipe.transform(fed)
    fed[:] = 0

    assert_array_equal(pipe.transform(ROWS), ROWS[:, :2])


def test_a_fitted_step_that_was_found_can_learn_on_without_harm():
    cache = Keen()
    chain(cache, Whiten()).fit(ROWS)
    found = chain(cache, Whiten()).fit(ROWS)

    found.partial_fit(ROWS * 5)

    assert_allclose(chain(cache, Whiten()).fit(ROWS).steps_.whiten.mean_, ROWS.mean(axis=0))


# Cached equals uncached


def graphs():
    """Draw graphs of some steps, each on one or two of the nodes before it."""
    step = st.tuples(st.integers(0, 6), st.integers(0, 100), st.integers(0, 100))
    return st.lists(step, min_size=1, max_size=7)


def drawn(recipe, memory, n_jobs=None):
    X, y = table(), sm.Target("y")
    nodes = [X]
    for kind, first, second in recipe:
        a, b = nodes[first % len(nodes)], nodes[second % len(nodes)]
        nodes.append(
            [
                lambda a, b: Whiten()(a),
                lambda a, b: Concatenate()([a, b]),
                lambda a, b: ScalarMultiply(1.5)(a),
                lambda a, b: Sklearn(PCA(1, random_state=0))(a),
                lambda a, b: Lambda(np.tanh)(a),
                lambda a, b: Sklearn(Ridge(), cv=3)(a, y=y),
                lambda a, b: Sklearn(SelectKBest(k=1))(a, y=y),
            ][kind](a, b)
        )
    last = Sklearn(LinearRegression())(nodes[-1], "last", y=y)
    return sm.Pipeline([X, y], [*nodes[-2:], last], memory=memory, n_jobs=n_jobs)


@given(recipe=graphs(), n_jobs=st.sampled_from([None, 2]), order=st.permutations(range(4)))
@settings(max_examples=40, deadline=None)
def test_cached_equals_uncached(recipe, n_jobs, order):
    cache = Keen()
    fits = [(ROWS[:30], LABELS[:30]), (ROWS[10:], LABELS[10:])]
    for place in (*order, *order):
        X, y = fits[place % 2]
        pipe, plain = drawn(recipe, cache, n_jobs), drawn(recipe, None)
        if place < 2:
            got, expected = pipe.fit_transform(X, y), plain.fit_transform(X, y)
        else:
            got, expected = pipe.fit(X, y).transform(ROWS), plain.fit(X, y).transform(ROWS)
        for ours, theirs in zip(_listed(got), _listed(expected), strict=True):
            assert_array_equal(ours, theirs)
        assert _names(pipe) == _names(plain)


def _names(pipe):
    try:
        return list(pipe.get_feature_names_out())
    except GraphError as error:  # of a value that no fit computes
        return str(error)


def _listed(values):
    return [values] if isinstance(values, np.ndarray) else list(values.values())


class Stops(Count):
    """Raises what it is told to, until it has done so."""

    stop: ClassVar[list] = []

    def fit(self, X, y=None):
        if self.stop:
            raise self.stop.pop()
        return super().fit(X, y)


@given(recipe=graphs(), error=st.sampled_from([KeyboardInterrupt, MemoryError, ValueError]))
@settings(max_examples=20, deadline=None)
def test_an_interrupted_fit_leaves_nothing_wrong(recipe, error):
    cache = Keen()
    done.clear()

    def build(memory):
        pipe = drawn(recipe, memory)
        last = Stops("last")(pipe.outputs[-1])
        return sm.Pipeline(pipe.inputs, [*pipe.outputs, last], memory=memory)

    Stops.stop[:] = [error()]
    with pytest.raises(error):
        build(cache).fit(ROWS, LABELS)

    got = build(cache).fit(ROWS, LABELS).transform(ROWS)
    expected = build(None).fit(ROWS, LABELS).transform(ROWS)
    for ours, theirs in zip(_listed(got), _listed(expected), strict=True):
        assert_array_equal(ours, theirs)


def test_rows_that_a_filter_took_away_are_known_after_a_hit():
    def build(memory):
        X, keep = table(), sm.Input("keep")
        return sm.Pipeline([X, keep], Count()(Filter()([X, keep])), memory=memory)

    frame = pd.DataFrame(ROWS, columns=list("abc"), index=[f"row{i}" for i in range(40)])
    data = {"X": frame, "keep": np.arange(40) % 3 == 0}
    cache = Keen()
    expected = build(None).fit(data).transform(data)

    for _ in range(2):
        assert_array_equal(build(cache).fit(data).transform(data), expected)
    assert done["count fit"] == 2


def test_a_pipeline_within_is_the_same_after_it_has_been_used():
    x, X = sm.Input("x", shape=(None,)), table()
    inner = sm.Pipeline(x, Count()(x))
    pipe = sm.Pipeline(X, Sklearn(inner)(X), memory=Keen()).fit(ROWS)
    pipe = pickle.loads(pickle.dumps(pipe))
    before = joblib.hash(pipe)

    pipe.transform(ROWS[:5])

    assert joblib.hash(pipe) == before
    asked = dict(done)
    pipe.transform(ROWS[:5])
    assert done == asked


def test_batches_teach_a_pipeline_that_is_the_same_after_it_has_been_used():
    pipe = chain(Keen(), Whiten()).fit_generator([ROWS[:20], ROWS[20:]])
    before = joblib.hash(pipe)

    pipe.transform(ROWS)

    assert joblib.hash(pipe) == before


def test_tables_are_joined_in_the_same_order_of_memory():
    def build(memory):
        X = table()
        joined = Concatenate()([Lambda(np.tanh)(X), Whiten()(X)])
        return sm.Pipeline(X, Lambda(layout)(joined), memory=memory)

    columns = pd.DataFrame(ROWS)  # which pandas keeps column by column

    for memory in (None, Keen()):
        assert build(memory).fit(columns).transform(columns).all()


def layout(X):
    return np.full(len(X), X.flags.c_contiguous)


def test_rows_changed_for_training_only_are_handed_on_before_the_fit_too():
    class Half(TrainOnly):
        def resample(self, X):
            return X[::2]

    X = table()
    pipe = sm.Pipeline(X, Half()(ScalarMultiply(2)(X)), memory=Keen())

    assert_array_equal(pipe.transform(ROWS), ROWS * 2)


def test_pandas_outputs_keep_their_index_and_names():
    frame = pd.DataFrame(ROWS, columns=list("abc"), index=[f"row{i}" for i in range(40)])
    cache = Keen()
    for memory in (None, cache, cache):
        X = table()
        pipe = sm.Pipeline(X, Sklearn(StandardScaler())(Whiten()(X)), memory=memory)
        got = pipe.set_output(transform="pandas").fit(frame).transform(frame)
        assert list(got.columns) == ["a", "b", "c"]
        assert list(got.index) == list(frame.index)


def test_sparse_values_and_several_outputs_are_kept():
    class Halves(StatelessLayer):
        n_outputs = 2

        def transform(self, X):
            done["halves"] += 1
            return X[:, :1], X[:, 1:]

    def build(memory):
        X, word = table(), sm.Input("word")
        one, two = Halves()(X)
        words = Sklearn(OneHotEncoder())(word)
        return sm.Pipeline([X, word], [words, two, one], memory=memory)

    data = {"X": ROWS, "word": np.array(["a", "b"] * 20)}
    expected = build(None).fit(data).transform(data)
    cache = Keen()

    for _ in range(3):
        got = build(cache).fit(data).transform(data)
        assert sparse.issparse(got[0])
        assert (got[0] != expected[0]).nnz == 0
        assert_array_equal(got[1], expected[1])
        assert_array_equal(got[2], expected[2])
    assert done["halves"] == 2


def test_targets_in_their_own_units_are_kept():
    def build(memory):
        X, y = table(), sm.Target("y")
        scaled = Sklearn(StandardScaler())(y)
        guess = Sklearn(LinearRegression())(Count()(X), y=scaled)
        return sm.Pipeline([X, y], scaled.inverse(guess), memory=memory)

    target = ROWS @ [1.0, 2.0, 3.0] + 5
    cache = Keen()
    expected = build(None).fit(ROWS, target).predict(ROWS)

    for _ in range(2):
        assert_array_equal(build(cache).fit(ROWS, target).predict(ROWS), expected)


def test_held_out_data_belongs_to_the_key_of_what_it_stops():
    data, digits = load_digits(return_X_y=True)

    def build(memory):
        X, y = table(), sm.Target("y")
        forest = HistGradientBoostingClassifier(max_iter=20, early_stopping=True, random_state=0)
        return sm.Pipeline([X, y], Sklearn(forest)(Count()(X), y=y), memory=memory)

    cache, kept = Keen(), slice(0, 300)
    counts = []
    for part in (slice(300, 400), slice(300, 400), slice(400, 420)):
        held_out = data[part], digits[part]
        pipes = [
            build(memory).fit(data[kept], digits[kept], validation_data=held_out)
            for memory in (cache, None)
        ]
        assert_array_equal(pipes[0].predict_proba(data), pipes[1].predict_proba(data))
        counts.append(done["count fit"])
        done.clear()
    assert counts == [2, 1, 1]


def test_weights_belong_to_the_key():
    X, y, w = table(), sm.Target("y"), sm.Input("w")
    guess = Sklearn(LogisticRegression())(X, y=y, sample_weight=w)
    pipe = sm.Pipeline([X, y, w], guess, memory=Keen())

    light = pipe.fit(ROWS, LABELS, w=np.ones(40)).predict_proba(ROWS)
    heavy = clone(pipe).fit(ROWS, LABELS, w=np.arange(40.0)).predict_proba(ROWS)

    assert not np.allclose(light, heavy)


def test_what_cannot_be_pickled_is_not_kept_and_does_no_harm():
    class Holds(StatefulLayer):
        def fit(self, X):
            done["holds"] += 1
            self.generator_ = (i for i in range(3))
            return self

        def transform(self, X):
            return X

    cache = Keen()
    for _ in range(2):
        chain(cache, Holds()).fit(ROWS).transform(ROWS)

    assert done["holds"] == 2


def test_code_that_cannot_be_read_is_run_each_time():
    pipe = chain(Keen(), Lambda(lambda x: done.update(["evaluated"]) or eval("x + 1")))

    for _ in range(2):
        assert_array_equal(pipe.transform(ROWS), ROWS + 1)

    assert done["evaluated"] == 2


def test_memory_inside_pipelines_of_scikit_learn():
    pipe = classifier(sm.MemoryCache())
    nested = make_pipeline(StandardScaler(), pipe)

    for _ in range(2):
        scores = cross_val_score(nested, IRIS, SPECIES, cv=3)

    assert_array_equal(scores, cross_val_score(nested, IRIS, SPECIES, cv=3))
    assert done["count fit"] == 3


def test_a_pipeline_as_a_step_of_another_is_kept():
    X = table()
    inner = sm.Pipeline(X, Slow()(X))
    Z = table()
    for _ in range(2):
        outer = sm.Pipeline(Z, Sklearn(inner)(Z), memory=(cache := sm.MemoryCache()))
        outer.fit(ROWS)
        outer.fit(ROWS)

    assert done["count fit"] == 2
    assert cache.stats().hits == 1


def test_prune_false_computes_everything():
    pipe = chain(Keen(), Count(), Count("second")).fit(ROWS)
    pipe.transform(ROWS)
    done.clear()

    pipe.transform(ROWS, prune=False)

    assert done == {"count transform": 1, "second transform": 1}


def test_memory_and_storage_work_together(tmp_path):
    pipe = chain(Keen(), Count())
    pipe.set_params(name="both", storage=f"sqlite:///{tmp_path / 'rows.db'}").fit(ROWS)
    expected = pipe.transform(ROWS)

    assert_array_equal(pipe.transform(ROWS), expected)
    assert_array_equal(pipe.storage.read()["count"], expected)


def test_verbose_tells_only_what_is_run(capsys):
    for memory in (cache := Keen(), cache):
        chain(memory, Count("one"), Count("two")).set_params(verbose=True).fit(ROWS)

    assert capsys.readouterr().out.count("total=") == 2


def test_one_hot_labels_and_other_layers_of_ours_are_kept():
    word = sm.Input("word")
    for memory in (cache := Keen(), cache):
        pipe = sm.Pipeline(word, OneHotLabels()(word), memory=memory)
        got = pipe.fit({"word": ["a", "b", "c"]}).transform({"word": ["b"]})
        assert_array_equal(got, [[0, 1, 0]])
    assert cache.stats().hits == 2


class SlowGuess(Ridge):
    def predict(self, X):
        done["predict"] += 1
        time.sleep(0.03)
        return super().predict(X)


def test_predictions_are_kept_too():
    X, y = table(), sm.Target("y")
    pipe = sm.Pipeline([X, y], Sklearn(SlowGuess())(X, y=y), memory=sm.MemoryCache())
    pipe.fit(ROWS, LABELS)

    first, second = pipe.predict(ROWS), pipe.predict(ROWS)

    assert done["predict"] == 1
    assert_array_equal(first, second)


def test_each_fed_array_is_hashed_once_in_a_run(patient):
    hashed = []
    digest_of = lineage.content_digest
    patient.setattr(lineage, "content_digest", lambda a: hashed.append(a) or digest_of(a))
    X, y = table(), sm.Target("y")
    ends = [Sklearn(Ridge())(Whiten()(X), y=y) for _ in range(3)]

    sm.Pipeline([X, y], Concatenate()(ends), memory=Keen()).fit(ROWS, LABELS)

    assert len(hashed) == 2
