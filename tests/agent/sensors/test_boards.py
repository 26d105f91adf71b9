"""Each sensor on boards made of small files: what it finds, what it reads, what it says when it is not there."""

import os
import re
from pathlib import Path

import pytest

from agent.sensors import SENSORS, detect_sensors
from agent.sensors.clocks import Clocks
from agent.sensors.ina import Ina
from agent.sensors.load import Load
from agent.sensors.process_memory import ProcessMemory
from agent.sensors.rapl import Rapl
from agent.sensors.sensor import Absent
from agent.sensors.surroundings import Surroundings
from agent.sensors.system_memory import SystemMemory
from agent.sensors.thermal import Thermal
from gradfilter.bench.schema import Channel
from tests.boards import BOARDS


def named(sensor):
    """Channel name → reading."""
    return dict(zip([channel.name for channel in sensor.channels], sensor.read(), strict=True))


@pytest.mark.parametrize("name", BOARDS)
def test_every_sensor_reports_on_every_board(board, name):
    """On any board each sensor is there with as many readings as channels, or gives a reason as a sentence."""
    sensors, reports = detect_sensors(Surroundings(board(name)))
    assert [kind.name for kind in SENSORS] == [report.name for report in reports]
    assert all(report.present or report.reason.endswith(".") for report in reports)
    assert all(len(sensor.channels) == len(sensor.read()) for sensor in sensors)
    assert all(report.quantities for report in reports)


def test_schema_lists_every_quantity():
    """A reader of the schema finds what any sensor measures."""
    listed = re.findall(r"\w+", Channel.__doc__.partition("quantity:")[2].partition("unit:")[0])
    assert set() == {quantity for kind in SENSORS for quantity in kind.quantities} - set(listed)


def test_system_memory_in_bytes(board):
    """Available memory, and what has gone to swap."""
    memory = named(SystemMemory.detect(Surroundings(board("intel-laptop"))))
    assert (12000000 * 1024.0, 100000 * 1024.0) == (memory["available"], memory["swap_used"])


def test_swap_traffic_counts_from_the_first_reading(board):
    """Pages that went to swap and came back since the sensor was found; a counter that is not there has no reading."""
    root = board("intel-laptop")
    (root / "proc/vmstat").write_text("pgfault 123\npswpin 1000\npswpout 50\n")
    memory = SystemMemory.detect(Surroundings(root))
    (root / "proc/vmstat").write_text("pgfault 456\npswpin 1003\npswpout 50\n")
    pages = named(memory)
    assert (3.0 * os.sysconf("SC_PAGE_SIZE"), 0.0) == (pages["swapped_in"], pages["swapped_out"])
    (root / "proc/vmstat").unlink()
    assert None is named(memory)["swapped_in"]


def test_load_is_the_busy_share_between_readings(board):
    """Of 1000 ticks since the reading before, 250 were idle or waiting: three quarters busy."""
    root = board("jetson-orin-nano")
    load = Load.detect(Surroundings(root))
    (root / "proc/stat").write_text("cpu  1500 0 750 8200 550 0 0 0 0 0\n")
    assert [0.75, 0.75] == load.read()


def test_load_without_a_tick_is_no_reading(board):
    """Two readings within one clock tick say nothing."""
    load = Load.detect(Surroundings(board("jetson-orin-nano")))
    assert [None, None] == load.read()


def test_process_memory_of_a_real_process():
    """The resident set of a process that is followed, and nothing before and after."""
    sensor = ProcessMemory.detect(Surroundings(Path("/")))
    before = sensor.read()
    sensor.follow(os.getpid())
    [resident] = sensor.read()
    sensor.follow(2**22 + 1)  # above the largest process id that Linux gives
    assert ([None], [None]) == (before, sensor.read())
    assert 1e6 < resident < 1e10


@pytest.mark.parametrize(
    ("sensor", "words"),
    [
        (Ina, "no INA power monitor"),
        (Rapl, "no RAPL energy counter"),
        (Thermal, "no thermal zones"),
        (Clocks, "no CPU frequency"),
    ],
)
def test_virtual_machine_says_what_it_lacks(board, sensor, words):
    """A sensor that is not there says so in words."""
    found = sensor.detect(Surroundings(board("virtual-machine")))
    assert isinstance(found, Absent)
    assert words in found.reason


@pytest.mark.parametrize("kind", SENSORS)
def test_empty_root_has_no_sensor(tmp_path, kind):
    """Where there is nothing to read, every sensor is absent."""
    assert isinstance(kind.detect(Surroundings(tmp_path)), Absent)
