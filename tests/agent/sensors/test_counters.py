"""Energy counters in files: wraps undone, resets refused, joules from the first reading on."""

import pytest

from agent.errors import SensorFailed
from agent.sensors.counters import EnergyFile

RANGE = 262143328850


class Clock:
    """Seconds that pass only when a test says so."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def reader(tmp_path):
    """Makes a function that sets the count, lets seconds pass and reads."""

    def make(wraps_at=RANGE):
        clock, file = Clock(), tmp_path / "energy_uj"
        counter = EnergyFile(file, wraps_at, clock)

        def at(content, seconds=1.0):
            file.write_text(f"{content}\n")
            clock.now += seconds
            return counter.read()

        return at

    return make


@pytest.fixture
def read(reader):
    return reader()


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
    with pytest.raises(SensorFailed, match="from 5000000 to 0"):
        read(1_000_000)


def test_going_back_without_a_known_range_is_a_reset(reader):
    """Where nobody says at which count it wraps, every step backwards loses the sum."""
    read = reader(None)
    assert [0.0, 1.0] == [read(5_000_000), read(6_000_000)]
    with pytest.raises(SensorFailed, match="it was reset"):
        read(5_999_999)
