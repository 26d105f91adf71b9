"""The instants at which sensors are read: spread, and the same for all."""

from itertools import pairwise
from statistics import fmean

import pytest

from agent.beats import Beats


def beats(count, period_s=1.0, seed=0):
    """So many in a row, from 100 s on."""
    made, instants = Beats(100.0, period_s, seed), [100.0]
    while len(instants) < count:
        instants.append(made.after(instants[-1]))
    return instants


def test_period_is_jittered():
    """Steps are spread over ±50 % of the period, so that a step as long as the period does not alias with it."""
    steps = [after - before for before, after in pairwise(beats(1000, period_s=2.0))]
    assert 1.0 <= min(steps) < 1.1
    assert 2.9 < max(steps) <= 3.0
    assert pytest.approx(2.0, rel=0.05) == fmean(steps)


def test_regular_load_is_met_all_over():
    """Of a load that is on for half of every period, half of 300 readings find it on; with a tenth up to 84 % would."""
    for seed in range(200):
        assert pytest.approx(0.5, abs=0.1) == fmean(instant % 1 < 0.5 for instant in beats(300, seed=seed))


def test_sensors_meet_at_beats():
    """One that asks seldom is due at the same instants as one that asks at every beat, only not at all of them."""
    often, seldom = beats(100), Beats(100.0, 1.0, seed=0)
    met = [seldom.after(100.0 + 7.5 * number) for number in range(1, 12)]
    assert set(met) <= set(often)
    assert all(after - before >= 5 for before, after in pairwise(met))
