"""NVIDIA's GPUs through the real nvidia-ml-py, on a small stand-in for the driver's library."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from agent.sensors.nvml import Nvml
from agent.sensors.surroundings import Surroundings
from tests.compiled import shared_library

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
VOLTA = {
    "count": 1,
    "energy": 5_000_000,
    "power": 71_500,
    "temperature": 54,
    "sm_clock": 1380,
    "memory_clock": 877,
    "load": 93,
    "memory_used": 3 * 2**30,
}


class Driver:
    """The stand-in with its state in a file, and the sensor reading it in another process."""

    def __init__(self, library, state, *interpreter):
        self.state = state
        environment = {**os.environ, "LD_LIBRARY_PATH": str(library.parent), "FAKE_NVML": str(state)}
        self.process = subprocess.Popen(
            [sys.executable, *interpreter, str(HERE / "read_nvml.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**environment, "PYTHONPATH": str(ROOT)},
        )

    def set(self, **state):
        beside = self.state.with_name("next")
        beside.write_text("".join(f"{name} {value}\n" for name, value in state.items()))
        beside.replace(self.state)

    def read(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """The stand-in, compiled."""
    return shared_library(HERE / "fake_nvml.c", tmp_path_factory.mktemp("nvml") / "libnvidia-ml.so.1")


@pytest.fixture
def start(library, tmp_path):
    drivers = []

    def start(state, *interpreter):
        (tmp_path / "state").write_text("".join(f"{name} {value}\n" for name, value in state.items()))
        drivers.append(Driver(library, tmp_path / "state", *interpreter))
        return drivers[-1]

    yield start
    for driver in drivers:
        driver.process.communicate(timeout=30)


def test_every_metric_in_its_unit(start):
    """Joules count from the first reading, everything else is as it is."""
    driver = start(VOLTA)
    first = driver.read()
    driver.set(**{**VOLTA, "energy": 5_007_250})
    readings = {
        "gpu0 power [W]": 71.5,
        "gpu0 temperature [degC]": 54.0,
        "gpu0 clock [Hz]": 1380e6,
        "gpu0 memory clock [Hz]": 877e6,
        "gpu0 load [ratio]": 0.93,
        "gpu0 memory [B]": 3 * 2.0**30,
    }
    assert pytest.approx({"gpu0 energy [J]": 0.0, **readings}) == first
    assert pytest.approx({"gpu0 energy [J]": 7.25, **readings}) == driver.read()


def test_each_metric_is_probed_alone(start):
    """An older GPU has no energy counter; what it has is read, of every GPU."""
    driver = start({"count": 2, "power": 30_000, "temperature": 40})
    assert {
        "gpu0 power [W]": 30.0,
        "gpu0 temperature [degC]": 40.0,
        "gpu1 power [W]": 30.0,
        "gpu1 temperature [degC]": 40.0,
    } == driver.read()


def test_metric_that_fails_leaves_the_others(start):
    """What the driver refuses for a while is a hole."""
    driver = start(VOLTA)
    driver.read()
    driver.set(count=1, power=60_000)
    readings = driver.read()
    assert (60.0, None) == (readings["gpu0 power [W]"], readings["gpu0 energy [J]"])


def test_counter_that_was_reset_has_no_reading_any_more(start):
    """What it counted is lost, also when it has counted further than before; the power goes on."""
    driver = start(VOLTA)
    driver.read()
    for energy in (1_000, 9_000_000):
        driver.set(**{**VOLTA, "energy": energy})
        readings = driver.read()
        assert (71.5, None) == (readings["gpu0 power [W]"], readings["gpu0 energy [J]"])


def test_jetson_lists_a_gpu_that_supports_nothing(start):
    """NVML on a Jetson initialises and lists, and that is all; the sentence says where its power is read."""
    assert start({"count": 1}).read().startswith("NVML lists 1 GPUs and supports no metric of them, as on Jetsons")


def test_driver_that_is_not_loaded(start):
    """The library's own words."""
    assert start({"init": 9}).read().startswith("no NVIDIA driver answers: Driver Not Loaded. Where there is a GPU")


def test_driver_that_goes_away_ends_the_sensor(start):
    """When every metric is refused, the sensor says why."""
    driver = start(VOLTA)
    driver.read()
    driver.set(count=1)
    assert driver.read().startswith("the NVIDIA driver refuses every metric: Not Supported. See")


def test_without_nvidia_ml_py(start):
    """In a Python without the package the sensor is absent and names it; -S leaves site-packages out."""
    assert "pip install nvidia-ml-py" in start(VOLTA, "-S").read()


def test_copy_of_a_board_has_no_driver(tmp_path):
    """A made-up board never shows the GPU of the machine that tests it."""
    assert "no driver" in Nvml.detect(Surroundings(tmp_path)).reason
