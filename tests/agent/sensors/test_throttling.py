"""What tells that a board holds itself back: a Raspberry Pi's bits, a Jetson's events, the kernel's cooling."""

import pytest

from agent.sensors.sensor import Absent
from agent.sensors.surroundings import Surroundings
from agent.sensors.throttling import Throttling
from tests.boards.raspberry_pi_firmware import write_vcgencmd

FILE = "sys/devices/platform/soc/soc:firmware/get_throttled"


def named(sensor):
    return dict(zip([channel.name for channel in sensor.channels], sensor.read(), strict=True))


@pytest.fixture
def pi(board, tmp_path):
    """A Raspberry Pi 5 whose firmware answers so: its sensor, and a way to change the answer."""
    root = board("raspberry-pi-5")

    def make(answer):
        command = write_vcgencmd(tmp_path / "firmware", get_throttled=answer)
        return Throttling.detect(Surroundings(root, vcgencmd=str(command)))

    return make


def test_live_and_sticky_bits(pi):
    """0x50005: too little voltage and throttled, now and since boot."""
    assert {
        "under_voltage": 1.0,
        "frequency_capped": 0.0,
        "throttled": 1.0,
        "soft_temperature_limit": 0.0,
        "under_voltage since boot": 1.0,
        "frequency_capped since boot": 0.0,
        "throttled since boot": 1.0,
        "soft_temperature_limit since boot": 0.0,
    } == named(pi("throttled=0x50005\n"))


@pytest.mark.parametrize("nonsense", ["", "throttled=", "throttled=0xZZ", "0x123456789", "\xff" * 20])
def test_nonsense_from_the_firmware_is_no_reading(pi, nonsense, tmp_path):
    """An answer that is no word of bits leaves holes."""
    throttling = pi("throttled=0x0\n")
    (tmp_path / "firmware/get_throttled.txt").write_text(nonsense)
    assert {None} == set(throttling.read())


def test_kernels_file_spares_the_command(board):
    """Where the kernel shows the word as a file, no process is started for it."""
    root = board("raspberry-pi-5")
    (root / FILE).parent.mkdir(parents=True)
    (root / FILE).write_text("80008\n")
    readings = named(Throttling.detect(Surroundings(root, vcgencmd="/nowhere")))
    assert (1.0, 1.0) == (readings["soft_temperature_limit"], readings["soft_temperature_limit since boot"])


def test_voltage_alarm_where_the_firmware_cannot_be_asked(board):
    """hwmon's alarm is one bit of the eight."""
    assert {"under_voltage": 1.0} == named(
        Throttling.detect(Surroundings(board("raspberry-pi-4"), vcgencmd="/nowhere/vcgencmd"))
    )


def test_jetson_counts_events_and_cools(board):
    """Over-current events are counters, alarms and cooling devices states; the fan's state is no throttling."""
    throttling = Throttling.detect(Surroundings(board("jetson-agx-orin")))
    assert {
        "under-voltage": 0.0,
        "over-current": 2.0,
        "VDD_GPU_SOC critical current": 0.0,
        "VDD_CPU_CV critical current": 1.0,
        "cpu-throttle-alert": 0.0,
    } == named(throttling)
    assert ["counter", "counter", "gauge", "gauge", "gauge"] == [channel.kind for channel in throttling.channels]


def test_nano_says_by_its_cooling_devices(board):
    """A Nano has no event counters; what its kernel slows down shows as a state."""
    assert {"cpu-balanced": 1.0} == named(Throttling.detect(Surroundings(board("jetson-nano"))))


def test_one_source_that_fails_leaves_the_others(board):
    """A cooling device that is gone has no reading."""
    root = board("jetson-agx-orin")
    throttling = Throttling.detect(Surroundings(root))
    (root / "sys/class/thermal/cooling_device1/cur_state").unlink()
    readings = named(throttling)
    assert (None, 2.0) == (readings["cpu-throttle-alert"], readings["over-current"])


def test_machine_that_tells_nothing(board):
    """A virtual machine has neither."""
    assert isinstance(Throttling.detect(Surroundings(board("virtual-machine"))), Absent)
