"""Thermal zones: which are temperatures, which are not, and in which order."""

import pytest

from agent.sensors.sensor import Absent
from agent.sensors.surroundings import Surroundings
from agent.sensors.thermal import Thermal


@pytest.fixture
def read(board):
    """Channel name → reading, of a board by name."""

    def read(name):
        thermal = Thermal.detect(Surroundings(board(name)))
        return dict(zip([channel.name for channel in thermal.channels], thermal.read(), strict=True))

    return read


def test_channel_names_are_distinct_within_a_sensor(read):
    """Two zones of the same type stay two channels."""
    assert {"acpitz": 42.0, "acpitz:2": 38.0, "x86_pkg_temp": 47.0} == read("intel-laptop")


def test_sleeping_zone_is_no_temperature(read):
    """-256 °C is what a zone says that is switched off; the zones beside it are read, in their order."""
    assert {"cpu-thermal": 48.25, "gpu-thermal": None, "tj-thermal": 49.5} == read("jetson-orin-nano")


def test_zones_that_are_no_temperature_are_left_out(read):
    """On a Nano the PMIC's zone is a constant of the device tree, and one is an estimate for the fan."""
    assert {"AO-therm": 41.5, "CPU-therm": 35.0, "PLL-therm": 33.5} == read("jetson-nano")


def test_only_sleeping_zones_are_no_thermometer(board):
    """Where no zone gives a temperature, the sensor says so."""
    root = board("raspberry-pi-5")
    (root / "sys/class/thermal/thermal_zone0/temp").write_text("-256000\n")
    found = Thermal.detect(Surroundings(root))
    assert Absent("none of the 1 thermal zones gives a temperature.") == found
