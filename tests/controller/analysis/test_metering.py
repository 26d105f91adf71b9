"""Which meter a run's energy comes from, when it gives way, and by whose pace gaps are judged."""

import math
from dataclasses import replace

import pytest

from controller.analysis.coverage import covers_of
from controller.analysis.metering import measured_energy
from gradfilter.bench.schema import Channel, Phase, SamplerReport, SensorSampling, Series
from tests.controller.records import finished, power, training_job

JOB = training_job()
TIMES = [95 + i / 10 for i in range(551)]


def counter(name, covers, joules):
    channel = Channel(name, "rapl", "energy", "J", kind="counter", covers=covers, update_s=1e-3)
    return Series(channel, TIMES, [joules(t) for t in TIMES])


def run_with(*series, **changes):
    return finished(JOB, "baseline", 1, series=list(series), **changes)


def test_a_counter_that_never_counts_gives_way():
    """A laptop's psys that stays where it is leaves the package's energy, and it is said."""
    psys, package = counter("psys", "system", lambda t: 7.0), counter("package-0", "package", lambda t: 4 * t)
    energy = measured_energy(run_with(psys, package))
    assert (pytest.approx(160.0), "package (rapl: package-0)") == (energy.joules, energy.source)
    assert ("sensor rapl, psys: 1 distinct reading",) == tuple(why[:37] for why in energy.passed_over)


def test_the_first_reason_counts_where_no_meter_can():
    """Two meters that cannot carry an energy: the wider one says why."""
    psys, package = counter("psys", "system", lambda t: 7.0), counter("package-0", "package", lambda t: 5.0)
    energy = measured_energy(run_with(psys, package))
    assert (None, "sensor rapl, psys") == (energy.joules, energy.reason[:17])


@pytest.mark.parametrize("sampling", [[], [SensorSampling("ina", 0.5)]])
def test_a_slow_sensor_is_judged_by_its_own_pace(sampling):
    """Read every 0.5 s by a sampler whose period is 0.1 s, a sensor has no gaps: it is just slow."""
    sampler = SamplerReport(0.1, 550, 0.2, 0.12, sensors=sampling)
    energy = measured_energy(run_with(power(lambda t: 5 + math.sin(t), period_s=0.5), sampler=sampler))
    assert 200.0 == pytest.approx(energy.joules, rel=0.02)


def test_windows_without_a_reading_are_gaps_and_not_zero():
    """Of 40 windows of 0.9 s, one without readings counts by what is around it; six are too much of a gap."""
    phases = [Phase("measured", 105.0 + i, 105.9 + i) for i in range(40)]
    whole = power(lambda t: 5 + math.sin(2 * math.pi * t))

    def without(*lost):
        kept = [(t, v) for t, v in zip(whole.times_s, whole.values, strict=True) if int(t) not in lost]
        return run_with(replace(whole, times_s=[t for t, _ in kept], values=[v for _, v in kept]), phases=phases)

    full, one = measured_energy(run_with(whole, phases=phases)), measured_energy(without(120))
    assert full.joules == pytest.approx(one.joules, rel=0.02)
    assert full.uncertainty.components["gaps"] < one.uncertainty.components["gaps"]
    assert "15% of the window without a reading" in measured_energy(without(*range(120, 126))).reason


def test_channels_of_one_sensor_are_wrong_alike():
    """The errors of two packages add: what is wrong with one counter is wrong with the other."""
    packages = [counter(f"package-{i}", "package", lambda t: 2 * t) for i in range(2)]
    for series in packages:
        series.channel.gain_tolerance = 0.01
    energy = measured_energy(run_with(*packages))
    assert 0.01 * 160 / math.sqrt(3) == pytest.approx(energy.uncertainty.components["gain"])


def test_source_says_what_it_covers():
    """Its first word, whichever sensor reads it; nothing covers nothing."""
    assert ("wall", "wall", "") == (covers_of("wall (shelly: plug)"), covers_of("wall (tasmota: plug)"), covers_of(""))
