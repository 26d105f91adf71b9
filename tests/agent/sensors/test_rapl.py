"""RAPL's zones: what they cover, what they need, and that each fails alone."""

import pytest

from agent.errors import SensorFailed
from agent.sensors.rapl import Rapl
from agent.sensors.surroundings import Surroundings

ZONE = "sys/class/powercap/intel-rapl:"


@pytest.fixture
def root(board):
    return board("intel-laptop")


@pytest.fixture
def rapl(root):
    return Rapl.detect(Surroundings(root))


def test_zones_and_what_they_cover(rapl):
    """A zone inside another carries its parent's name, and each says what it covers and what it is part of."""
    channels = {channel.name: (channel.covers, channel.role) for channel in rapl.channels}
    assert {
        "package-0": ("package", "total"),
        "core@package-0": ("cpu", "rail"),
        "uncore@package-0": ("rail", "rail"),
        "dram@package-0": ("rail", ""),
        "psys": ("system", "total"),
    } == channels
    assert {("counter", 1e-3)} == {(channel.kind, channel.update_s) for channel in rapl.channels}
    assert [0.0] * 5 == rapl.read()


def test_zone_that_fails_leaves_the_others(root, rapl):
    """A zone that was set back and one that is gone have no reading any more; the others count on."""
    rapl.read()
    (root / f"{ZONE}0/energy_uj").write_text("200000000000\n")
    (root / f"{ZONE}0:0/energy_uj").unlink()
    (root / f"{ZONE}1/energy_uj").write_text("2500000\n")
    assert [None, None, 0.0, 0.0, 0.5] == rapl.read()


def test_all_zones_reset_end_the_sensor(root, rapl):
    """When no counter is left, the sensor says why and is not read again."""
    rapl.read()
    for file in root.glob(f"{ZONE}*/energy_uj"):
        file.write_text("200000000000\n" if file.parent.name == "intel-rapl:0" else "1000\n")
    with pytest.raises(SensorFailed, match="it was reset"):
        rapl.read()


def test_zone_without_a_range_is_not_used(root):
    """Where a counter wraps must be known, or it cannot be used."""
    for file in root.glob("sys/class/powercap/*/max_energy_range_uj"):
        file.write_text("0\n")
    assert "max_energy_range_uj" in Rapl.detect(Surroundings(root)).reason


def test_unreadable_counter_says_what_to_do(root):
    """A counter that may not be read is absent with advice; a folder in its place fails to open for root too."""
    for file in root.glob("sys/class/powercap/*/energy_uj"):
        file.unlink()
        file.mkdir()
    reason = Rapl.detect(Surroundings(root)).reason
    assert "/sys/class/powercap/intel-rapl:0/energy_uj is readable by root only" in reason
    assert "chgrp" in reason
