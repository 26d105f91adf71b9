"""The clocks of the processor, the GPU and the memory, and the limits that are in force on them.

CPU: /sys/devices/system/cpu/cpufreq/policy*/scaling_cur_freq and scaling_max_freq, in kilohertz. A policy is a group
of cores that share one clock; small boards have one or two. The kernel's cooling lowers scaling_max_freq, so a limit
that falls during a run is throttling; a Raspberry Pi's firmware throttles behind the kernel's back (see throttling).
GPU and other units: /sys/class/devfreq/*/cur_freq and max_freq, in hertz; a GPU that sleeps says 0, which is no
reading. A Jetson's memory clock (EMC) lies in debugfs, which only root reads unless it is opened to others.
Source: kernel documentation, admin-guide/pm/cpufreq, ABI/testing/sysfs-class-devfreq; jetson-stats for EMC's places.
"""

import re
from pathlib import Path

from agent.sensors.files import Gauge, read_each, readable
from agent.sensors.sensor import Absent, Sensor, distinct
from agent.sensors.surroundings import Surroundings
from gradfilter.bench.schema import Channel

_SLOWEST, _FASTEST = 1e6, 2e10
_EMC = ("sys/kernel/debug/bpmp/debug/clk/emc/rate", "sys/kernel/debug/clk/emc/clk_rate")
_GPU = re.compile(r"gpu|gv11b|gp10b|ga10b|mali|v3d")


class Clocks(Sensor):
    """A channel a clock, and one named '… limit' for the highest it may run at now."""

    name = "clocks"
    quantities = ("frequency",)
    slowest_s = 0.5  # a limit that falls is the cooling's doing, and stays down for longer

    def __init__(self, clocks: list[tuple[str, str, Gauge]]) -> None:
        """clocks: name, what it drives, where it is read."""
        names = distinct(name for name, _, _ in clocks)
        super().__init__(
            [
                Channel(name, self.name, "frequency", "Hz", covers=covers)
                for name, (_, covers, _) in zip(names, clocks, strict=True)
            ]
        )
        self._gauges = [gauge for _, _, gauge in clocks]

    @classmethod
    def detect(cls, surroundings: Surroundings) -> Sensor | Absent:
        """Present where the kernel shows a frequency; virtual machines usually do not say."""
        root = surroundings.root
        clocks = _cpu_clocks(root) + _device_clocks(root) + _memory_clocks(root)
        if not clocks:
            return Absent("the kernel shows no CPU frequency; virtual machines usually do not.")
        sensor = cls(clocks)
        if all(value is None for value in sensor.read()):
            return Absent("no file scaling_cur_freq under /sys/devices/system/cpu/cpufreq holds a frequency.")
        return sensor

    def read(self) -> list[float | None]:
        """Hertz of every clock and limit."""
        return read_each(self._gauges)


def _cpu_clocks(root: Path) -> list[tuple[str, str, Gauge]]:
    found = (root / "sys/devices/system/cpu/cpufreq").glob("policy*")
    policies = sorted((policy for policy in found if _numbered(policy)), key=lambda policy: int(policy.name[6:]))
    return [clock for policy in policies for clock in _pair(policy, policy.name, "cpu", ("scaling_cur", "scaling_max"))]


def _device_clocks(root: Path) -> list[tuple[str, str, Gauge]]:
    clocks = []
    for device in sorted((root / "sys/class/devfreq").glob("*")):
        covers = "gpu" if _GPU.search(device.name) else ""
        clocks += _pair(device, device.name.partition(".")[2] or device.name, covers, ("cur", "max"))
    return clocks


def _memory_clocks(root: Path) -> list[tuple[str, str, Gauge]]:
    files = [root / path for path in _EMC if readable(root / path)]
    return [("emc", "", Gauge(file, 1.0, _SLOWEST, _FASTEST)) for file in files[:1]]


def _pair(folder: Path, name: str, covers: str, files: tuple[str, str]) -> list[tuple[str, str, Gauge]]:
    """A clock and, where the kernel tells it, its limit."""
    scale = 1e3 if files[0].startswith("scaling") else 1.0
    clock, limit = (Gauge(folder / f"{file}_freq", scale, _SLOWEST, _FASTEST) for file in files)
    return [(name, covers, clock)] + [(f"{name} limit", covers, limit)] * readable(limit.path)


def _numbered(policy: Path) -> bool:
    return re.fullmatch(r"policy[0-9]{1,6}", policy.name) is not None
