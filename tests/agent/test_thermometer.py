"""The thermometer of the gate: what is read from a sampler's file while it is written."""

import json

import pytest

from agent.thermometer import Thermometer

CHANNELS = [
    {"name": name, "sensor": "thermal", "quantity": quantity, "unit": unit}
    for name, quantity, unit in (("cpu", "temperature", "°C"), ("fan", "speed", "rpm"), ("gpu", "temperature", "°C"))
]


@pytest.fixture
def samples(tmp_path):
    """A sampler's file, to which lines are added."""
    path = tmp_path / "samples.txt"
    sensors = [{"name": "thermal", "present": True, "reason": "", "channels": CHANNELS}]
    path.write_text(json.dumps({"period_s": 0.1, "sensors": sensors}) + "\n")
    return path


def add(path, text):
    with path.open("a") as file:
        file.write(text)


def no_rest(_):
    pass


def test_the_hottest_of_all_zones_counts(samples):
    """Other quantities are none, zones without an answer neither."""
    add(samples, "0 100.0 51.5 4000 62.5\n")
    thermometer = Thermometer(samples, no_rest, lambda: 100.0)
    assert 62.5 == thermometer.hottest_c()
    add(samples, "0 101.0 52.0 4000 -\n")
    assert 52.0 == thermometer.hottest_c()


def test_what_a_silent_sensor_said_before_is_not_now(samples):
    """A board must not be warmed by a temperature that nobody reads any more."""
    now_s = [100.0]
    add(samples, "0 100.0 30.0 0 30.0\n")
    thermometer = Thermometer(samples, no_rest, lambda: now_s[0])
    now_s[0] = 104.0
    assert 30.0 == thermometer.hottest_c()
    now_s[0] = 106.0
    assert thermometer.hottest_c() is None


def test_lines_that_are_none_cost_only_themselves(samples):
    """Reports, cut lines and zeros of a power cut are passed over; a line that is not whole is read once it is."""
    add(samples, '! 0 "gone"\n# {}\n\0\0\n0 99.0\n0 100.0 40.0 0 4')
    thermometer = Thermometer(samples, no_rest, lambda: 100.0)
    assert thermometer.hottest_c() is None
    add(samples, "1.0\n")
    assert 41.0 == thermometer.hottest_c()
