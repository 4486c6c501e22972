"""Steps that run at once: the same values, errors and memory as one after the other."""

import os
import pickle
import threading
import weakref

import joblib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from sklearn import config_context, get_config
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

import skmegatron as sm
from skmegatron.engine.plan import levels, plan
from skmegatron.engine.run import Work, run
from skmegatron.layers import Concatenate, Filter, Lambda, Sklearn, StatefulLayer, Whiten

rng = np.random.default_rng(0)
ROWS = rng.normal(size=(30, 3))
LABELS = (ROWS[:, 0] > 0).astype(int)


class Mean(StatefulLayer):
    """Takes the mean off, and refuses where told so."""

    def __init__(self, bad=False):
        self.bad = bad

    def fit(self, X):
        if self.bad:
            raise ArithmeticError("refused")
        self.mean_ = X.mean(axis=0)
        return self

    def transform(self, X):
        return X - self.mean_


def drawn(edges, bad=(), n_jobs=None):
    """Draw a graph: each step reads the nodes at the places given; all its ends are outputs."""
    x = sm.Input("X", shape=(None,))
    nodes, read = [x], set()
    for number, places in enumerate(edges):
        places = [place % len(nodes) for place in places]
        read.update(places)
        inbound = [nodes[place] for place in places]
        node = inbound[0] if len(inbound) == 1 else Concatenate()(inbound)
        nodes.append(Mean(bad=number in bad)(node * (number + 1.0), f"step{number}"))
    ends = [node for place, node in enumerate(nodes) if place not in read]
    return sm.Pipeline(x, ends, n_jobs=n_jobs)


graphs = st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=3), min_size=1, max_size=8)


@settings(max_examples=30, deadline=None)
@given(edges=graphs, prune=st.booleans())
def test_what_comes_out_does_not_depend_on_n_jobs(edges, prune):
    one, two = (drawn(edges, n_jobs=n_jobs).fit(ROWS) for n_jobs in (1, 2))

    ours, theirs = two.transform(ROWS, prune=prune), one.transform(ROWS, prune=prune)

    if len(one.graph.outputs) == 1:
        ours, theirs = {"": ours}, {"": theirs}
    for name in theirs:
        assert_array_equal(ours[name], theirs[name])
    assert list(two.steps_) == list(one.steps_)
    assert two._shapes == one._shapes


@settings(max_examples=30, deadline=None)
@given(edges=graphs, bad=st.sets(st.integers(0, 7), min_size=1))
def test_the_error_does_not_depend_on_n_jobs(edges, bad):
    told = []
    for n_jobs in (1, 2):
        pipe = drawn(edges, bad, n_jobs)
        try:
            pipe.fit(ROWS)
            told.append("nothing")
        except ArithmeticError as error:
            told.append((str(error), error.__notes__))
        assert hasattr(pipe, "steps_") == (told[-1] == "nothing")

    assert told[0] == told[1]


def test_the_error_of_a_step_that_comes_earlier_but_waits_for_others_is_the_one_told():
    x = sm.Input("X", shape=(None,))
    late = Mean(bad=True)(Mean()(Mean()(x)), "late")
    early = Mean(bad=True)(x, "early")
    pipe = sm.Pipeline(x, Concatenate()([late, early]), n_jobs=2)

    with pytest.raises(ArithmeticError) as caught:
        pipe.fit(ROWS)

    assert "step 'late'" in caught.value.__notes__[0]
    assert len(caught.value.__notes__) == 1


def test_steps_of_a_level_meet():
    meeting = threading.Barrier(2)

    def meet(X):
        meeting.wait(timeout=20)
        return X

    x = sm.Input("X", shape=(None,))
    pipe = sm.Pipeline(x, Concatenate()([Lambda(meet)(x), Lambda(meet)(x)]), n_jobs=2)

    assert pipe.transform(ROWS).shape == (30, 6)


def test_joblib_decides_where_n_jobs_is_left_out():
    x = sm.Input("X", shape=(None,))
    names = []
    note = Lambda(lambda X: names.append(threading.current_thread().name) or X)
    pipe = sm.Pipeline(x, Concatenate()([note(x), note(x)]))

    pipe.transform(ROWS)
    assert set(names) == {threading.current_thread().name}
    with joblib.parallel_config("threading", n_jobs=2):
        pipe.transform(ROWS)
    assert len(set(names)) > 1


def test_zero_jobs_are_refused_by_joblib():
    with pytest.raises(ValueError, match="n_jobs == 0"):
        drawn([[0]], n_jobs=0).fit(ROWS)


def test_the_configuration_reaches_the_workers():
    x = sm.Input("X", shape=(None,))
    seen = []
    note = Lambda(lambda X: seen.append(get_config()["working_memory"]) or X)
    pipe = sm.Pipeline(x, Concatenate()([note(x), note(x)]), n_jobs=2)

    with config_context(working_memory=77):
        pipe.transform(ROWS)

    assert seen == [77, 77]


def test_rows_that_a_filter_takes_away_are_followed():
    x = sm.Input("X", shape=(None,))
    ends = [Filter()(x, Lambda(np.ravel)(Lambda(lambda X: X[:, :1] > 0)(x)))]
    answers = [sm.Pipeline(x, ends, n_jobs=n).fit_transform(ROWS) for n in (1, 2)]

    assert_array_equal(*answers)


def test_held_out_rows_go_through_the_same_steps():
    class Watching(StatefulLayer):
        takes_validation = True

        def fit(self, X, y=None, validation_data=None):
            self.seen_ = validation_data[0][0].sum()
            return self

        def transform(self, X):
            return X

    def fitted(n_jobs):
        x, y = sm.Input("X", shape=(None,)), sm.Target("y")
        branches = [Whiten()(x), Sklearn(StandardScaler())(x)]
        last = Watching()(Concatenate()(branches), y=y, name="last")
        pipe = sm.Pipeline([x, y], last, n_jobs=n_jobs)
        return pipe.fit(ROWS, LABELS, validation_data=(ROWS[:4] + 1, LABELS[:4])).steps_.last.seen_

    assert fitted(2) == fitted(1)


def test_verbose_tells_of_each_step(capsys):
    pipe = drawn([[0], [0], [1, 2]], n_jobs=2).set_params(verbose=True)

    pipe.fit(ROWS)

    assert capsys.readouterr().out.count("[Pipeline]") == 7


# Memory


def tracked(alive):
    """Give a function that adds one, and notes how many of its results are alive meanwhile."""
    results = []

    def add(X):
        alive.append(sum(ref() is not None for ref in results))
        value = X + 1
        results.append(weakref.ref(value))
        return value

    return add


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_value_is_let_go_at_its_last_reader(n_jobs):
    alive = []
    x = sm.Input("X", shape=(None,))
    node, add = x, tracked(alive)
    for _ in range(10):
        node = Lambda(add)(node)
    pipe = sm.Pipeline(x, node, n_jobs=n_jobs)

    pipe.transform(ROWS)
    pipe.fit(ROWS)

    assert max(alive) == 1


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_without_pruning_all_values_are_kept(n_jobs):
    alive = []
    x = sm.Input("X", shape=(None,))
    node, add = x, tracked(alive)
    for _ in range(10):
        node = Lambda(add)(node)

    sm.Pipeline(x, node, n_jobs=n_jobs).transform(ROWS, prune=False)

    assert alive == list(range(10))


def test_values_of_a_level_are_let_go_when_it_is_done():
    alive = []
    x = sm.Input("X", shape=(None,))
    left, right, add = x, x, tracked(alive)
    for _ in range(8):
        left, right = Lambda(add)(left), Lambda(add)(right)

    sm.Pipeline(x, Concatenate()([left, right]), n_jobs=2).transform(ROWS)

    assert max(alive) <= 4


def test_a_call_carries_what_the_step_reads_and_nothing_else():
    x, big = sm.Input("X", shape=(None,)), sm.Input("big", shape=(None,))
    ends = [Whiten()(x, "small"), Whiten()(big, "large")]
    pipe = sm.Pipeline([x, big], ends).fit({"X": ROWS, "big": np.ones((30, 5000))})
    planned = plan(pipe.graph, pipe.graph.outputs)
    work = Work(pipe.steps_, pipe.graph)
    (task,) = [task for task in planned.tasks if task.name == "small"]

    sent = pickle.dumps(work.call(task, [ROWS], {}))

    assert len(sent) < ROWS.nbytes + 2000


def test_levels_hold_what_does_not_wait_for_each_other():
    x, y = sm.Input("X", shape=(None,)), sm.Target("y")
    scaled = Sklearn(StandardScaler())(y, "units")
    one, two = Whiten()(x, "one"), Sklearn(PCA(1))(x, "two")
    pipe = sm.Pipeline([x, y], scaled.inverse(Concatenate()([one, two], "both")))

    found = levels(plan(pipe.graph, (), fit=True))

    names = [{task.name for _, task in level.tasks} for level in found]
    assert names == [{"one", "two", "units"}]
    assert x in found[0].spent


# Processes


class Process(TransformerMixin, BaseEstimator):
    """Notes which process has fitted it."""

    def fit(self, X, y=None):
        self.pid_ = os.getpid()
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X):
        return X * 2

    def __sklearn_tags__(self):
        return super().__sklearn_tags__()


def test_other_processes_fit_steps_and_send_them_back():
    x, y = sm.Input("X", shape=(None,)), sm.Target("y")
    branches = [Sklearn(Process())(x, f"step{number}") for number in range(2)]
    branches += [Lambda(lambda X: X[:, :1] ** 2)(x, "square"), Mean()(x, "mean")]
    drawing = [x, y], Sklearn(LogisticRegression())(Concatenate()(branches), y=y, name="clf")

    with joblib.parallel_config("loky", n_jobs=2):
        ours = sm.Pipeline(*drawing, n_jobs=2).fit(ROWS, LABELS)
        found = ours.predict_proba(ROWS)

    assert ours.steps_.step0.estimator_.pid_ != os.getpid()
    assert ours.steps_.mean.mean_.shape == (3,)
    expected = sm.Pipeline(*drawing).fit(ROWS, LABELS).predict_proba(ROWS)
    assert_array_equal(found, expected)


def test_an_error_of_another_process_keeps_its_type_and_tells_where():
    with joblib.parallel_config("loky", n_jobs=2), pytest.raises(ArithmeticError) as caught:
        drawn([[0], [0]], bad={1}, n_jobs=2).fit(ROWS)

    (note,) = caught.value.__notes__
    assert note.startswith("  at step 'step1' (Mean), fitting, called on")
    assert "raise ArithmeticError" in str(caught.value.__cause__)


def test_an_error_that_cannot_be_sent_as_it_is_arrives_all_the_same():
    class Refused(Exception):
        def __init__(self, kind, size):
            super().__init__(f"{kind} of {size}", threading.Lock())
            self.size, self.lock = size, threading.Lock()

        def __str__(self):
            return self.args[0]

    def refuse(X):
        raise Refused("rows", len(X))

    x = sm.Input("X", shape=(None,))
    pipe = sm.Pipeline(x, [Lambda(refuse)(x, "bad"), Lambda(np.negative)(x)], n_jobs=2)

    with joblib.parallel_config("loky", n_jobs=2), pytest.raises(Refused, match="30") as caught:
        pipe.transform(ROWS)

    (note,) = caught.value.__notes__
    assert note.startswith("  at step 'bad' (Lambda), transforming, called on")
    assert "raise Refused" in str(caught.value.__cause__)
    assert caught.value.size == 30
    assert "lock" in caught.value.args[1]
    assert not hasattr(caught.value, "lock")


def test_a_run_by_hand_takes_n_jobs_too():
    pipe = drawn([[0], [0], [1, 2]]).fit(ROWS)
    planned = plan(pipe.graph, pipe.graph.outputs)
    (x,) = pipe.graph.inputs

    one, two = (run(planned, {x: ROWS}, Work(pipe.steps_, pipe.graph), n_jobs=n) for n in (1, 2))

    assert set(one) == set(two) == set(pipe.graph.outputs)
