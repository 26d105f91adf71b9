"""The instants at which sensors are read: spread, and the same for all."""

from itertools import pairwise
from statistics import fmean

import pytest

from agent.beats import Beats, Pace


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


def readings(slowest_s, period_s=0.1, count=4000):
    """The instants of a sensor that takes no time to be read."""
    pace, instants = Pace(Beats(100.0, period_s, seed=1), slowest_s), [100.0]
    while len(instants) < count:
        instants.append(pace.after(instants[-1]))
    return instants


def test_sensors_meet_at_beats():
    """One that is read seldom is mostly read when one is that is read at every beat."""
    often, seldom = set(readings(0.0)), readings(0.5, count=400)
    assert 0.8 < fmean(instant in often for instant in seldom)


@pytest.mark.parametrize("slowest_s", [0.0, 0.04, 0.05, 0.06, 0.1, 0.2, 0.5, 2.0])
def test_sensors_keep_their_period(slowest_s):
    """No sensor is read sooner than it may be, nor, where beats are rarer or oftener than its own pace, much later."""
    steps = [after - before for before, after in pairwise(readings(slowest_s))]
    period_s = max(0.1, slowest_s)
    assert slowest_s <= min(steps) + 1e-9  # instants of 100 s and more are rounded
    assert max(steps) <= 1.75 * period_s
    assert 0.95 * period_s < fmean(steps) < 1.25 * period_s
