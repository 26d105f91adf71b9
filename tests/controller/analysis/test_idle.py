"""Energy above what the board takes at rest."""

import math
from dataclasses import replace

import pytest

from controller.analysis.energy_metrics import energy_values
from controller.analysis.idle import idle_power, net_energy
from controller.analysis.metering import measured_energy
from gradfilter.bench.schema import Phase
from tests.controller.records import PHASES, finished, power, training_job

JOB = training_job()
RESTED_TWICE = [*PHASES, Phase("settle", 146.5, 150.0)]


def watts(time_s, idle=2.0, idle_after=2.0):
    """Idle until 100 s and after 146 s, 8 W with a ripple between."""
    if time_s < 100:
        return idle
    return idle_after if time_s > 146 else 8 + math.sin(2 * math.pi * time_s)


def run_with(of_time=watts, phases=PHASES):
    return finished(JOB, "baseline", 1, series=[power(of_time)], phases=list(phases))


def test_idle_power_is_taken_off():
    """8 W for 40 s are 320 J, 240 J of them above an idle power of 2 W: 12 J for each of 20 steps."""
    values = energy_values(run_with(), 20)
    assert (16.0, 12.0, 8.0) == tuple(
        pytest.approx(values[name].value, rel=1e-3) for name in ("energy_per_step", "net_energy_per_step", "mean_power")
    )


def test_rest_before_and_after_is_averaged_and_its_drift_is_uncertain():
    """2 W before and 3 W after: 2.5 W, wrong by half of their difference at most, which drifted by half."""
    record = run_with(lambda t: watts(t, idle_after=3.0), RESTED_TWICE)
    idle = idle_power(record, record.series)
    assert (2.5, pytest.approx(0.5 / math.sqrt(3)), 0.5) == (idle.watts, idle.uncertainty, idle.drift)


def test_an_offset_drops_out_and_gain_is_of_the_difference():
    """What the meter shows too much it shows at rest too; its gain error is of the net energy."""
    record = run_with()
    channel = replace(record.series[0].channel, gain_tolerance=0.01, offset_tolerance=0.2)
    record.series = [replace(record.series[0], channel=channel)]
    energy = measured_energy(record)
    net, uncertainty = net_energy(energy, idle_power(record, energy.meter))
    assert ("offset" in energy.uncertainty.components, "offset" in uncertainty.components) == (True, False)
    assert 0.01 * net / math.sqrt(3) == pytest.approx(uncertainty.components["gain"])
    assert "metered before the run only" in uncertainty.undeclared[-1]


@pytest.mark.parametrize("phases", [PHASES[2:], [Phase("settle", 97.0, 99.0), *PHASES[1:]]])
def test_a_rest_that_is_too_short_is_said(phases):
    """Without three seconds of rest the net energy is unmeasured, with what to do; the gross one stands."""
    values = energy_values(run_with(phases=phases), 20)
    assert (None, True) == (
        values["net_energy_per_step"].value,
        "limits.settle_s of at least 3 s" in values["net_energy_per_step"].reason,
    )
    assert values["energy_per_step"].value is not None
