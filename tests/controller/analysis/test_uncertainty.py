"""What an energy may be wrong by: closed forms for each cause, and loads faster than the sensor."""

from math import sqrt
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.analysis.energy import joules_between
from controller.analysis.metering import measured_energy
from controller.analysis.uncertainty import energy_uncertainty
from gradfilter.bench.schema import Channel, Phase, Series, Step
from tests.controller.records import finished, power, training_job

JOB = training_job()
WINDOW = (105.0, 145.0)


def gauge(times, values, **declared):
    return Series(Channel("VDD_IN", "ina", "power", "W", covers="board_input", **declared), list(times), list(values))


def jittered(seed, start_s=95.0, end_s=150.0, period_s=0.1):
    """Instants as the sampler takes them: each a tenth of a period early or late after the one before."""
    random, times = Random(seed), [start_s]
    while times[-1] < end_s:
        times.append(times[-1] + period_s * random.uniform(0.9, 1.1))
    return np.array(times)


def components(series, windows=(WINDOW,), period_s=0.1):
    joules = sum(joules_between(series, *window) for window in windows)
    return energy_uncertainty(series, windows, period_s, joules)


class TestClosedForms:
    @given(st.integers(0, 10**6), st.floats(0.1, 500))
    def test_constant_power_is_exact_however_it_is_read(self, seed, watts):
        """Constant power has no error but what is declared."""
        series = gauge(times := jittered(seed), [watts] * len(times), resolution=0.0)
        assert 40 * watts == pytest.approx(joules_between(series, *WINDOW))
        assert 0.0 == pytest.approx(components(series).standard, abs=1e-9 * watts)

    @given(st.integers(0, 10**6), st.floats(0, 100), st.floats(0, 5))
    def test_a_ramp_is_exact_however_it_is_read(self, seed, watts, slope):
        """A linear rise is integrated exactly; what the readings say of its sampling is nothing, but for jitter."""
        series = gauge(times := jittered(seed), watts + slope * (times - 95), resolution=0.0)
        expected = 40 * (watts + slope * 30)
        assert expected == pytest.approx(joules_between(series, *WINDOW))
        assert components(series).components["sampling"] <= 1e-3 * expected + 1e-9

    @given(st.integers(0, 10**6), st.floats(105.5, 144.5))
    def test_energies_of_adjacent_windows_add_up(self, seed, between):
        """Cutting a window anywhere changes nothing."""
        random = Random(seed)
        series = gauge(times := jittered(seed), [random.uniform(1, 9) for _ in times])
        parts = joules_between(series, 105.0, between) + joules_between(series, between, 145.0)
        assert joules_between(series, *WINDOW) == pytest.approx(parts)

    @pytest.mark.parametrize("shape", [lambda t: 3 + 5 * (t > 122.3), lambda t: 3 + np.clip((t - 110) / 4, 0, 5)])
    def test_steps_and_ramps_slower_than_the_sensor_are_right_within_one_percent(self, shape):
        """One jump, or a rise of seconds, read ten times a second."""
        fine = np.linspace(*WINDOW, 400_001)
        true = float(np.mean(shape(fine)) * 40)
        times = jittered(1)
        assert true == pytest.approx(joules_between(gauge(times, shape(times)), *WINDOW), rel=0.01)

    def test_declared_errors_are_limits(self):
        """1 % of gain is 0.01 E / √3, 0.1 W of offset in 40 s 4 J / √3; a step of 0.5 W never left is q T / √12."""
        times = jittered(1)
        series = gauge(times, [5.0] * len(times), gain_tolerance=0.01, offset_tolerance=0.1, resolution=0.5)
        found = components(series).components
        assert (2 / sqrt(3), 4 / sqrt(3), 0.5 * 40 / sqrt(12)) == tuple(
            pytest.approx(found[cause]) for cause in ("gain", "offset", "resolution")
        )

    def test_what_is_not_declared_is_named(self):
        """A sensor that says nothing of its error has no error of zero: it is told what is missing."""
        assert ("gain", "offset", "averaging") == components(power(lambda t: 5.0)).undeclared
        told = gauge([95, 150], [5, 5], gain_tolerance=0.01, offset_tolerance=0.0, averaging_s=0.0)
        assert () == components(told).undeclared

    def test_an_edge_is_wrong_by_half_the_jump_at_most(self):
        """3 W to 8 W between two readings 0.1 s apart, at both edges: 2 · 5 W · 0.05 s, over √3."""
        times = np.arange(950, 1501) / 10
        series = gauge(times, np.where((times > 105) & (times < 145), 8.0, 3.0))
        found = components(series, [(105.05, 144.95)]).components["edges"]
        assert 2 * 5 * 0.05 / sqrt(3) == pytest.approx(found, rel=1e-6)

    def test_a_late_gauge_shifts_the_edges(self):
        """A gauge that averages over a second says what was half a second ago; the rest of it is uncertain."""
        times = np.arange(9500, 15001) / 100
        means = 3 + 5 * (np.clip(times - 105, 0, 1) - np.clip(times - 145, 0, 1))
        series = gauge(times, means, averaging_s=1.0)
        assert 40 * 8 - joules_between(series, *WINDOW) == pytest.approx(2 * 5 / 8, rel=0.01)
        assert 2 * 5 * 0.5 / sqrt(3) == pytest.approx(components(series).components["averaging"], rel=1e-3)

    def test_a_gap_is_as_wrong_as_the_load_varies(self):
        """One second without readings of a power between 4 and 6 W: 1 s · 1 W / √3."""
        times = np.array([t for t in np.arange(950, 1501) / 10 if not 120 < t < 121])
        series = gauge(times, 5 + np.where(np.arange(times.size) % 2, 1, -1))
        assert 1 / sqrt(3) == pytest.approx(components(series).components["gaps"], rel=1e-6)

    def test_a_counter_is_uncertain_at_its_edges_only(self):
        """3 J/s outside, 8 J/s inside, read every second: a quarter of the jump times a second, at both edges."""
        times = np.arange(95.0, 151.0)
        joules = 3 * (times - 95) + 5 * np.clip(times - 105, 0, 40)
        channel = Channel("package-0", "rapl", "energy", "J", kind="counter", covers="package", resolution=0.0)
        found = components(Series(channel, list(times), list(joules)), period_s=1.0).components
        assert {"edges": pytest.approx(2 * 5 / 4 / sqrt(3)), "resolution": 0.0} == found


def spiking(seed, step_s, share):
    """(what was metered, truth): a run whose steps take 8 W for a share of them and 3 W else."""
    random = np.random.default_rng(seed)
    count = int(40 / step_s)
    marks = np.repeat(105.0 + step_s * np.arange(count), 2) + np.tile([0, share * step_s], count)
    ends = 105.0 + step_s * count
    times = jittered(seed, 98.0)
    place = np.searchsorted(marks, times, side="right") - 1
    watts = np.where((place >= 0) & (times < ends) & (place % 2 == 0), 8.0, 3.0)
    series = gauge(times, watts + 0.02 * random.standard_normal(times.size), averaging_s=0.0, resolution=0.0)
    steps = [Step(i, "measured", float(marks[2 * i]), share * step_s, (1 - share) * step_s) for i in range(count)]
    phases = [Phase("measured", 105.0, float(ends))]
    record = finished(JOB, "baseline", 1, steps=steps, series=[series], phases=phases)
    return measured_energy(record), count * step_s * (3 + 5 * share)


@pytest.mark.parametrize("share", [0.1, 0.5])
@pytest.mark.parametrize("step_s", [0.03, 0.05, 0.1, 0.101, 0.2, 0.35, 3.0])
def test_spikes_faster_than_the_sensor_are_inside_the_error(step_s, share):
    """The truth lies within ± in at least 95 of 100 samplings, even where steps are as regular as the sampling.

    There the energy itself is off by up to a fifth: all readings of a second may hit the same part of the step.
    """
    found = [spiking(seed, step_s, share) for seed in range(20)]
    inside = [abs(energy.joules - truth) <= energy.uncertainty.expanded for energy, truth in found]
    assert 19 <= sum(inside)
