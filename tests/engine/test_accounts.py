"""What is worth keeping, and when asking the cache is not worth it."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

import skmegatron as sm
from skmegatron.engine import accounts
from skmegatron.engine.accounts import Account, Books, account_of, kind_of
from skmegatron.engine.plan import plan
from skmegatron.layers import Lambda, ScalarMultiply, Whiten


def drawn(*layers):
    X = node = sm.Input("X", shape=(None,))
    for layer in layers:
        node = layer(node)
    return sm.Pipeline(X, node)


def test_what_is_dear_is_kept_at_once_and_what_is_cheap_never():
    books = Books()

    assert books.worth("dear", seconds=1.0, cost=0.01)
    assert not any(books.worth("cheap", seconds=0.01, cost=0.01) for _ in range(5))


def test_what_lies_between_is_kept_when_it_is_computed_again():
    books = Books()

    assert [books.worth("some", seconds=0.1, cost=0.05) for _ in range(3)] == [False, True, False]


def test_only_so_many_keys_are_remembered(monkeypatch):
    monkeypatch.setattr(accounts, "_N_SEEN", 3)
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
    assert lost <= 2 * accounts.VAIN * computed * runs + 2 * accounts.TRIAL * asking


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
