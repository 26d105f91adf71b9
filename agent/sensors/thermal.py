"""The kernel's thermal zones: /sys/class/thermal/thermal_zone*/{type,temp}, in thousandths of a degree.

A zone that is switched off says -256 °C on Jetsons (the GPU's while it sleeps), others answer with an
I/O error; neither is a temperature. Two zones of the Jetsons are none: the PMIC's is a constant of the device tree,
thermal-fan-est what the fan's control makes of the others.
Source: kernel documentation, driver-api/thermal/sysfs-api; jetson-stats for the -256.
"""

import re
from pathlib import Path

from agent.sensors.files import Gauge, read_each, read_label
from agent.sensors.sensor import Absent, Sensor, distinct
from agent.sensors.surroundings import Surroundings
from gradfilter.bench.schema import Channel

_COLDEST, _HOTTEST = -55.0, 150.0  # the widest range that silicon sensors are specified for
_NOT_A_TEMPERATURE = re.compile(r"PMIC|thermal-fan-est")


class Thermal(Sensor):
    """One channel a thermal zone."""

    name = "thermal"
    quantities = ("temperature",)
    slowest_s = 0.5  # a chip and its sink do not change by a degree in less

    def __init__(self, zones: list[Path]) -> None:
        names = distinct(read_label(zone / "type") or zone.name for zone in zones)
        super().__init__([Channel(name, self.name, "temperature", "degC") for name in names])
        self._gauges = [Gauge(zone / "temp", 1e-3, _COLDEST, _HOTTEST) for zone in zones]

    @classmethod
    def detect(cls, surroundings: Surroundings) -> Sensor | Absent:
        """Present where at least one zone gives a temperature now; zones that sleep may join later."""
        zones = sorted((surroundings.root / "sys/class/thermal").glob("thermal_zone*"), key=_number)
        zones = [zone for zone in zones if not _NOT_A_TEMPERATURE.match(read_label(zone / "type"))]
        if not zones:
            return Absent("the kernel has no thermal zones under /sys/class/thermal.")
        sensor = cls(zones)
        if all(value is None for value in sensor.read()):
            return Absent(f"none of the {len(zones)} thermal zones gives a temperature.")
        return sensor

    def read(self) -> list[float | None]:
        """Degrees Celsius of every zone."""
        return read_each(self._gauges)


def _number(zone: Path) -> int:
    digits = re.search(r"[0-9]+\Z", zone.name)
    return int(digits.group()) if digits else -1
