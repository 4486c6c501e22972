"""Estimates follow what was measured."""

import pytest

from skmegatron.io.caching.speed import Pace, Speed


def test_estimates_come_to_what_is_measured_again_and_again():
    speed = Speed(put=Pace(1.0, 1.0), get=Pace(1.0, 1.0))
    for _ in range(200):
        speed.put.measured(100, 0.001)
        speed.get.measured(100, 0.002)
        speed.put.measured(10**6, 0.011)
        speed.get.measured(10**6, 0.022)

    assert speed.cost(0) == pytest.approx(0.003)
    assert speed.cost(10**6) == pytest.approx(0.033)


def test_one_hiccup_moves_an_estimate_by_a_fifth():
    pace = Pace(call=1.0, byte=0.0)
    pace.measured(0, 11.0)

    assert pace.call == pytest.approx(3.0)


def test_a_large_entry_that_took_less_than_a_call_costs_nothing_per_byte():
    pace = Pace(call=1.0, byte=0.0)
    pace.measured(10**6, 0.5)

    assert (pace.call, pace.byte) == (1.0, 0.0)
