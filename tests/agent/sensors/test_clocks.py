"""Clocks and the limits on them: processor, GPU, memory."""

import pytest

from agent.sensors.clocks import Clocks
from agent.sensors.surroundings import Surroundings


@pytest.fixture
def root(board):
    return board("jetson-orin-nano")


def named(clocks):
    """Channel name → reading."""
    return dict(zip([channel.name for channel in clocks.channels], clocks.read(), strict=True))


def test_clocks_in_hertz(root):
    """Each frequency policy and each device is a channel, with its limit where the kernel tells one."""
    clocks = Clocks.detect(Surroundings(root))
    assert {
        "policy0": 1510400e3,
        "policy0 limit": 1510400e3,
        "policy4": 729600e3,
        "gpu": 306e6,
        "gpu limit": 624.75e6,
    } == named(clocks)
    assert ["cpu", "cpu", "cpu", "gpu", "gpu"] == [channel.covers for channel in clocks.channels]


def test_gpu_that_sleeps_has_no_clock(root):
    """0 Hz is what a GPU says whose power is off."""
    clocks = Clocks.detect(Surroundings(root))
    (root / "sys/class/devfreq/17000000.gpu/cur_freq").write_text("0\n")
    assert None is named(clocks)["gpu"]


def test_memory_clock_where_debugfs_is_open(root):
    """The EMC's rate is a channel where the agent may read it."""
    file = root / "sys/kernel/debug/bpmp/debug/clk/emc/rate"
    file.parent.mkdir(parents=True)
    file.write_text("2133000000\n")
    assert 2133e6 == named(Clocks.detect(Surroundings(root)))["emc"]


def test_lowered_limit_is_seen(root):
    """Cooling lowers scaling_max_freq, and the channel follows."""
    clocks = Clocks.detect(Surroundings(root))
    (root / "sys/devices/system/cpu/cpufreq/policy0/scaling_max_freq").write_text("806400\n")
    assert 806400e3 == named(clocks)["policy0 limit"]
