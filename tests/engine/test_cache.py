"""What is worth keeping, and when asking the cache is not worth it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.decomposition import PCA

import skmegatron as sm
from skmegatron.engine import cache as cache_module
from skmegatron.engine.cache import Account, Books, account_of, kind_of
from skmegatron.engine.lineage import Lineage, Origin
from skmegatron.engine.plan import plan
from skmegatron.layers import Lambda, ScalarMultiply, Sklearn, Whiten

ROWS = np.random.default_rng(0).normal(size=(20, 3))


def drawn(*layers):
    X = node = sm.Input("X", shape=(None,))
    for layer in layers:
        node = layer(node)
    return sm.Pipeline(X, node)


def lineage_of(pipe, rows=ROWS, *, fit=False, learned=None):
    graph = pipe.graph
    planned = plan(graph, graph.outputs, fit=fit)
    layers = {name: step.layer for name, step in graph.by_name.items()}
    return Lineage(planned, graph, {graph.inputs[0]: rows}, Origin(layers, learned or {}))


def last_key(pipe, **how):
    lineage = lineage_of(pipe, **how)
    return lineage.nodes[pipe.graph.outputs[0]]


def test_what_is_dear_is_kept_at_once_and_what_is_cheap_never():
    books = Books()

    assert books.worth("dear", seconds=1.0, cost=0.01)
    assert not any(books.worth("cheap", seconds=0.01, cost=0.01) for _ in range(5))


def test_what_lies_between_is_kept_when_it_is_computed_again():
    books = Books()

    assert [books.worth("some", seconds=0.1, cost=0.05) for _ in range(3)] == [False, True, False]


def test_only_so_many_keys_are_remembered(monkeypatch):
    monkeypatch.setattr(cache_module, "_N_SEEN", 3)
    books = Books()

    for key in "abcd":
        books.worth(key, seconds=0.1, cost=0.05)

    assert list(books.seen) == ["b", "c", "d"]


@given(
    asking=st.floats(1e-6, 1.0),
    computed=st.floats(1e-6, 1.0),
    n_runs=st.integers(200, 2000),
)
def test_asking_in_vain_costs_little_in_the_long_run(asking, computed, n_runs):
    account, lost, runs = Account(), 0.0, 0

    while runs < n_runs:
        runs += 1
        if account.asks():
            account.settle(asking, computed, saved=0.0)
            lost += asking

    # The last trial may not have been made good for yet.
    assert lost <= 2 * cache_module.VAIN * computed * runs + 2 * cache_module.TRIAL * asking


def test_a_cache_that_pays_is_always_asked():
    account = Account()

    for _ in range(1000):
        assert account.asks()
        account.settle(asking=0.001, computed=0.01, saved=0.02)


def test_an_account_is_for_steps_of_a_kind_on_about_so_many_rows():
    cache = sm.MemoryCache()
    pipes = [drawn(ScalarMultiply(2.0)), drawn(ScalarMultiply(3.0)), drawn(Whiten())]
    plans = [plan(pipe.graph, pipe.graph.outputs) for pipe in pipes]
    few, many = {"X": np.ones((3, 1))}, {"X": np.ones((3000, 1))}

    accounts = [account_of(planned, few, cache) for planned in plans]

    assert accounts[0] is accounts[1]
    assert accounts[0] is not accounts[2]
    assert account_of(plans[0], many, cache) is not accounts[0]
    assert account_of(plans[0], few, sm.MemoryCache()) is not accounts[0]


def test_functions_are_kinds_of_their_own():
    pipes = [drawn(Lambda(np.tanh)), drawn(Lambda(lambda x: x + 1)), drawn(Lambda(lambda x: x))]

    kinds = {kind_of(plan(pipe.graph, pipe.graph.outputs).tasks[0]) for pipe in pipes}

    assert len(kinds) == 3


def test_equal_graphs_have_equal_keys_whatever_their_steps_are_called():
    one, other = drawn(Whiten(), ScalarMultiply(2.0)), drawn(Whiten(), ScalarMultiply(2.0))
    renamed = sm.Pipeline(one.inputs, ScalarMultiply(2.0)(one.graph.find("whiten"), "twice"))

    assert last_key(one, fit=True) == last_key(other, fit=True) == last_key(renamed, fit=True)


@pytest.mark.parametrize(
    "other",
    [
        drawn(Sklearn(PCA(3)), ScalarMultiply(2.0)),
        drawn(Sklearn(PCA(2, whiten=True)), ScalarMultiply(2.0)),
        drawn(Sklearn(PCA(2)), ScalarMultiply(3.0)),
        drawn(Sklearn(PCA(2))),
        drawn(ScalarMultiply(2.0), Sklearn(PCA(2))),
    ],
)
def test_other_steps_and_parameters_have_other_keys(other):
    pipe = drawn(Sklearn(PCA(2)), ScalarMultiply(2.0))

    assert last_key(pipe, fit=True) != last_key(other, fit=True)


def test_other_rows_have_other_keys():
    pipe, changed = drawn(Whiten()), ROWS.copy()
    changed[3, 1] = np.nextafter(changed[3, 1], 9)

    assert last_key(pipe, fit=True) != last_key(pipe, rows=changed, fit=True)


def test_a_fitted_value_is_not_that_of_transform():
    pipe = drawn(Whiten())
    fitted = lineage_of(pipe, fit=True)

    assert fitted.nodes[pipe.graph.outputs[0]] != last_key(pipe, learned=fitted.states)


def test_without_the_key_of_what_was_learned_there_is_none_for_the_value():
    pipe = drawn(Whiten(), ScalarMultiply(2.0))

    assert last_key(pipe, learned={}) is None
    assert last_key(pipe, learned={"whiten": "0" * 32}) is not None


def test_what_cannot_be_told_apart_has_no_key_and_nothing_below_it_has():
    pipe = drawn(ScalarMultiply(2.0))
    strange = np.array([[(i for i in range(3))]], dtype=object)

    assert last_key(pipe, rows=strange) is None
