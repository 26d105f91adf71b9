"""RAPL counters: wraps undone, resets refused, joules from the first reading on."""

import pytest

from agent.errors import SensorFailed
from agent.sensors.rapl import EnergyCounter, Rapl
from agent.sensors.surroundings import Surroundings

RANGE = 262143328850


class Clock:
    """Seconds that pass only when a test says so."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def zone(tmp_path):
    (tmp_path / "max_energy_range_uj").write_text(f"{RANGE}\n")
    return tmp_path


@pytest.fixture
def read(zone, clock):
    counter = EnergyCounter(zone, clock)

    def at(content, seconds=1.0):
        (zone / "energy_uj").write_text(f"{content}\n")
        clock.now += seconds
        return counter.read()

    return at


def test_counts_from_the_first_reading(read):
    """The counter's value at the first reading is zero joules."""
    assert [0.0, 2.5] == [read(7_000_000), read(9_500_000)]


def test_wrap_counts_once(read):
    """A counter that wraps between two readings goes on upwards."""
    assert pytest.approx([0.0, 3.5, 4.5]) == [read(RANGE - 2_000_000), read(1_500_000), read(2_500_000)]


@pytest.mark.parametrize("nonsense", ["", "NaN", "-1", RANGE + 1, "1e6", "12 34", "0x10"])
def test_nonsense_is_no_reading_and_does_not_disturb_the_sum(read, nonsense):
    """What is no count below the range is left out; the next reading goes on from the one before."""
    assert [0.0, None, 2.0] == [read(1_000_000), read(nonsense), read(3_000_000)]


def test_reset_ends_the_counter(read):
    """A counter that was set back looks like a wrap of impossible power; its sum is lost, and no joule is invented."""
    read(5_000_000)
    with pytest.raises(SensorFailed, match="it was reset"):
        read(0)


def test_zones_and_what_they_cover(board):
    """A zone inside another carries its parent's name, and each says what it covers."""
    rapl = Rapl.detect(Surroundings(board("intel-laptop")))
    covers = {channel.name: channel.covers for channel in rapl.channels}
    assert {"package-0": "package", "core@package-0": "cpu", "psys": "system"} == covers
    assert {"counter"} == {channel.kind for channel in rapl.channels}
    assert [0.0, 0.0, 0.0] == rapl.read()


def test_zone_without_a_range_is_not_used(board):
    """Where a counter wraps must be known, or it cannot be used."""
    root = board("intel-laptop")
    for file in root.glob("sys/class/powercap/*/max_energy_range_uj"):
        file.write_text("0\n")
    assert "max_energy_range_uj" in Rapl.detect(Surroundings(root)).reason


def test_unreadable_counter_says_what_to_do(board):
    """A counter that may not be read is absent with advice; a folder in its place fails to open for root too."""
    root = board("intel-laptop")
    for file in root.glob("sys/class/powercap/*/energy_uj"):
        file.unlink()
        file.mkdir()
    reason = Rapl.detect(Surroundings(root)).reason
    assert "/sys/class/powercap/intel-rapl:0/energy_uj is readable by root only" in reason
    assert "chgrp" in reason
