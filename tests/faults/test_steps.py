"""Faults inside of steps and caches: at everything that the steps of a graph do, in turn."""

import os

import pytest
from faulty import FUSE
from scenes import FITS, GRAPHS, USES, Twins, able, fit, fit_elsewhere, same

#: Nightly, each error at each place; else one error after the other.
THOROUGH = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"
ERRORS = [ArithmeticError, MemoryError, KeyboardInterrupt]


def check_every_step(twins):
    pipe = twins.new()
    with FUSE.watching() as done:
        twins.act(pipe)
    assert done
    for place in range(len(done)):
        for error in ERRORS if THOROUGH else [ERRORS[place % 3]]:
            pipe = twins.new()
            try:
                with FUSE.watching(place, error):
                    result = twins.act(pipe)
            except error:
                twins.check(pipe, left_in=[twins.before])
            else:  # what cannot be told from others is computed, and not kept
                assert done[place].startswith("pickle")
                assert error is not KeyboardInterrupt
                assert same(result, twins.result)


@pytest.mark.parametrize("start", [None, fit_elsewhere], ids=["new", "fitted"])
@pytest.mark.parametrize("act", FITS)
@pytest.mark.parametrize("graph", GRAPHS)
def test_a_fit_that_fails_at_any_step_changes_nothing(graph, act, start, tmp_path):
    make, act = GRAPHS[graph], FITS[act]
    if not able(make(tmp_path), act):
        pytest.skip("the graph does not learn in batches, or from held-out rows")

    check_every_step(Twins(make, act, start, tmp_path))


@pytest.mark.parametrize("act", USES)
@pytest.mark.parametrize("graph", GRAPHS)
def test_a_use_that_fails_at_any_step_changes_nothing(graph, act, tmp_path):
    make, act = GRAPHS[graph], USES[act]
    if not able(make(tmp_path), act):
        pytest.skip("the graph has no such steps")

    twins = Twins(make, act, fit, tmp_path)

    assert twins.before == twins.after
    check_every_step(twins)
