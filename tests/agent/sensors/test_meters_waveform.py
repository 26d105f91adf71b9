"""The real sampler reading meters on loopback: the energy of a known waveform, whatever one of them does."""

import os
import time
from contextlib import closing
from dataclasses import dataclass

import pytest

from agent.samples import Samples
from agent.sensors.surroundings import MeterSettings, Surroundings
from tests.agent.sampling import Sampling
from tests.agent.sensors.plugs import SECRET, Hangs, Plug, ShellyPlugS, ShellyPlus, SlowlyUpdated, Tasmota, area

LOGIN = f"admin:{SECRET}"
SECONDS = 5.0
METERS = {
    "gen1": (lambda: ShellyPlugS(LOGIN), {"kind": "shelly"}),
    "gen2": (lambda: ShellyPlus(LOGIN), {"kind": "shelly"}),
    "tasmota": (lambda: Tasmota(LOGIN), {"kind": "tasmota"}),
    # It says what the power was over the 0.2 s before its last update, which is up to 0.2 s ago: 0.2 s in the mean.
    "held": (SlowlyUpdated, {"kind": "http", "power_path": "channels[0].watts", "latency_s": 0.2}),
    "hanging": (lambda: Hangs(slow_from=2), {"kind": "http"}),
}


@dataclass
class Sampled:
    """Some seconds of all meters at once."""

    plugs: dict[str, Plug]
    samples: Samples


@pytest.fixture(scope="module")
def sampled(tmp_path_factory):
    """By `python -m agent.sampler`, told as the agent tells it."""
    out = tmp_path_factory.mktemp("meters") / "samples"
    plugs = {name: make() for name, (make, _) in METERS.items()}
    described = [
        MeterSettings(url=plugs[name].url(plugs[name].login), name=name, update_s=0.1, **settings)
        for name, (_, settings) in METERS.items()
    ]
    told = Surroundings(out.parent, meters=tuple(described))
    try:
        with closing(Sampling(told, out, 0.05, env=os.environ | {"PYTHONWARNINGS": "error"})) as sampling:
            time.sleep(SECONDS)
            samples = sampling.finish()
    finally:
        for plug in plugs.values():
            plug.close()
    assert SECRET not in out.read_text()
    return Sampled(plugs, samples)


def series(sampled, name):
    """Instants and values of a channel, without those that have none."""
    one = next(one for one in sampled.samples.series if one.channel.name == name)
    return zip(*[pair for pair in zip(one.times_s, one.values, strict=True) if pair[1] is not None], strict=True)


@pytest.mark.parametrize("name", ["gen1", "gen2", "tasmota", "held"])
def test_power_adds_up_to_the_energy(sampled, name):
    """The area under the readings is the waveform's energy, to 1 %, at the instants that the record gives them."""
    times, watts = map(list, series(sampled, name))
    energy = sampled.plugs[name].wave.energy(times[0], times[-1])
    assert pytest.approx(energy, rel=0.01) == area(times, watts)
    assert times[-1] - times[0] > 0.8 * SECONDS


@pytest.mark.parametrize("name", ["gen1", "gen2", "tasmota"])
def test_counters_count_the_energy(sampled, name):
    """What a counter gained is the waveform's energy, to one step of its resolution and the time of one reading."""
    times, joules = map(list, series(sampled, f"{name}.energy"))
    resolution = next(one.channel.resolution for one in sampled.samples.series if one.channel.name == f"{name}.energy")
    energy = sampled.plugs[name].wave.energy(times[0], times[-1])
    assert pytest.approx(energy, abs=resolution + 30 * 0.1) == joules[-1] - joules[0]


def test_meter_that_hangs_delays_nobody(sampled):
    """One meter stops to answer, which the record says; the others are read many times all the same."""
    readings = {one.name: one.readings for one in sampled.samples.report.sensors if one.name.startswith("meter")}
    assert readings.pop("meter:5") <= 2
    assert min(readings.values()) > 10
    [remark] = sampled.samples.report.remarks
    assert remark.startswith("meter:5: readings that failed: ")
    assert "did not answer within 1.5 s" in remark
