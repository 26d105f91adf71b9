"""The CPU's clocks: /sys/devices/system/cpu/cpufreq/policy*/scaling_cur_freq, in kilohertz.

A policy is a group of cores that share one clock; small boards have one or two.
"""

import re
from pathlib import Path

from agent.sensors.files import Gauge, read_each
from agent.sensors.sensor import Absent, Sensor
from agent.sensors.surroundings import Surroundings
from gradfilter.bench.schema import Channel

_SLOWEST, _FASTEST = 1e6, 2e10


class Clocks(Sensor):
    """One channel a frequency policy."""

    name = "clocks"
    quantities = ("frequency",)

    def __init__(self, policies: list[Path]) -> None:
        super().__init__([Channel(policy.name, self.name, "frequency", "Hz", covers="cpu") for policy in policies])
        self._gauges = [Gauge(policy / "scaling_cur_freq", 1e3, _SLOWEST, _FASTEST) for policy in policies]

    @classmethod
    def detect(cls, surroundings: Surroundings) -> Sensor | Absent:
        """Present where the kernel scales the CPU's frequency; virtual machines usually do not say."""
        found = (surroundings.root / "sys/devices/system/cpu/cpufreq").glob("policy*")
        policies = sorted((policy for policy in found if _numbered(policy)), key=lambda policy: int(policy.name[6:]))
        if not policies:
            return Absent("the kernel shows no CPU frequency; virtual machines usually do not.")
        sensor = cls(policies)
        if all(value is None for value in sensor.read()):
            return Absent("no file scaling_cur_freq under /sys/devices/system/cpu/cpufreq holds a frequency.")
        return sensor

    def read(self) -> list[float | None]:
        """Hertz of every policy."""
        return read_each(self._gauges)


def _numbered(policy: Path) -> bool:
    return re.fullmatch(r"policy[0-9]{1,6}", policy.name) is not None
