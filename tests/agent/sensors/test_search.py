"""The search for sensors: one that hangs keeps nobody waiting, and one that is defective harms nobody."""

import os
import threading

import pytest

from agent.sensors import detect_sensors
from agent.sensors.search import search
from agent.sensors.sensor import Absent, Sensor
from agent.sensors.surroundings import Surroundings
from gradfilter.bench.schema import Channel
from tests.agent.service import wait_until


class Defective(Sensor):
    """A sensor with a mistake in it."""

    name = "defective"
    quantities = ("power",)

    @classmethod
    def detect(cls, surroundings):
        return {}["rail"]

    def read(self):
        return []


class Patient(Sensor):
    """Reads a pipe that somebody may write, and keeps it open as long as it is used."""

    name = "patient"
    quantities = ("power",)
    closed = threading.Event()

    @classmethod
    def detect(cls, surroundings):
        (surroundings.root / "pipe").read_bytes()
        return cls([Channel("patient", cls.name, "power", "W")])

    def read(self):
        return [1.0]

    def close(self):
        self.closed.set()


@pytest.fixture
def pipe(tmp_path):
    """A pipe that nobody writes, until the test has ended."""
    os.mkfifo(tmp_path / "pipe")
    yield tmp_path / "pipe"
    release(tmp_path / "pipe")


def release(pipe):
    """Let whoever reads the pipe, if anybody does, find its end."""
    os.close(os.open(pipe, os.O_RDWR | os.O_NONBLOCK))


def test_sensor_that_hangs_is_absent_and_the_others_are_found(board):
    """A thermometer whose file never answers is left out with a sentence; everything else is there."""
    root = board("jetson-orin-nano")
    zone = root / "sys/class/thermal/thermal_zone0/temp"
    zone.unlink()
    os.mkfifo(zone)
    sensors, reports = detect_sensors(Surroundings(root), limit_s=2.0)
    release(zone)
    [thermal] = [report for report in reports if report.name == "thermal"]
    assert "looking for it hung" in thermal.reason
    assert {"ina", "clocks", "load", "system_memory"} <= {sensor.name for sensor in sensors}


def test_defect_of_a_sensor_is_its_own(tmp_path):
    """A mistake in one sensor is its reason for being absent, not the end of the search."""
    [found] = search([Defective], Surroundings(tmp_path), 5.0)
    assert Absent("defect in the sensor while it was looked for: KeyError('rail').") == found


def test_sensor_that_still_hangs_is_not_looked_for_again(tmp_path, pipe):
    """A second search does not wait for what the first still waits for; found too late, the sensor is closed."""
    [first] = search([Patient], Surroundings(tmp_path), 0.1)
    [second] = search([Patient], Surroundings(tmp_path), 60.0)
    assert "looking for it hung" in first.reason
    assert "an earlier search for it still hangs" in second.reason
    pipe.write_bytes(b"")  # opens and closes the writing end
    wait_until("the end of the sensor found too late", Patient.closed.is_set)
