"""Texas Instruments power monitors that a kernel driver shows through hwmon.

INA3221, three rails, on Jetsons from JetPack 5: voltage in mV and current in mA, power is their product.
INA219, 226, 238 and kin, one rail, on breakouts in a board's supply: power1_input in µW.
The number of the hwmon folder changes with every boot, so a chip is known by its name, a rail by its label.
Source: kernel documentation, hwmon/ina3221, hwmon/ina2xx, hwmon/ina238.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from agent.sensors.files import Gauge, read_each, read_label, readable
from agent.sensors.sensor import Absent, Sensor, distinct
from agent.sensors.surroundings import Surroundings
from gradfilter.bench.schema import Channel

_SINGLE = re.compile(r"ina(219|220|226|228|230|231|237|238|260)\Z")
# What NVIDIA's rails feed. Rails not named here, or feeding several units, are just rails.
_COVERS = {"POM_5V_IN": "board_input", "VDD_IN": "module", "POM_5V_GPU": "gpu", "POM_5V_CPU": "cpu"}
_COVERS.update({"GPU": "gpu", "CPU": "cpu"})
_NOT_A_RAIL = ("sum of shunt voltages", "NC")
_MOST_VOLTS, _MOST_AMPERES, _MOST_WATTS = 100.0, 200.0, 5000.0


@dataclass(frozen=True)
class Rail:
    """A supply line: its power is the product of the gauges, which are in W, or in V and A."""

    name: str
    gauges: tuple[Gauge, ...]

    def read(self) -> float | None:
        """Watts, None where a factor has no reading.

        Raises:
            OSError: a file cannot be read.
        """
        watts = 1.0
        for gauge in self.gauges:
            value = gauge.read()
            if value is None:
                return None
            watts *= value
        return watts


class Ina(Sensor):
    """One power channel a rail."""

    name = "ina"
    quantities = ("power",)

    def __init__(self, rails: list[Rail]) -> None:
        names = distinct(rail.name for rail in rails)
        super().__init__(
            [
                Channel(name, self.name, "power", "W", covers=_COVERS.get(rail.name, "rail"))
                for name, rail in zip(names, rails, strict=True)
            ]
        )
        self._rails = rails

    @classmethod
    def detect(cls, surroundings: Surroundings) -> Sensor | Absent:
        """Present where a known chip has a connected rail whose files can be read."""
        root = surroundings.root
        chips = sorted(path.parent for path in (root / "sys/class/hwmon").glob("hwmon*/name"))
        rails = [rail for chip in chips for rail in _rails_of(chip)]
        if not rails:
            return Absent("no INA power monitor among the hwmon devices; boards without one need a meter for energy.")
        usable = [rail for rail in rails if all(readable(gauge.path) for gauge in rail.gauges)]
        if not usable:
            file = rails[0].gauges[0].path.relative_to(root)
            return Absent(f"/{file} cannot be read. Give the agent's group the right to read it (a udev rule does).")
        return cls(usable)

    def read(self) -> list[float | None]:
        """Watts of every rail; a rail that answers with an I/O error has no reading."""
        return read_each(self._rails)


def _rails_of(chip: Path) -> list[Rail]:
    name = read_label(chip / "name")
    if name == "ina3221":
        return _three_rails(chip)
    if _SINGLE.match(name) and (chip / "power1_input").exists():
        label = read_label(chip / "power1_label") or name
        return [Rail(label, (Gauge(chip / "power1_input", 1e-6, 0, _MOST_WATTS),))]
    return []


def _three_rails(chip: Path) -> list[Rail]:
    rails = []
    for number in (1, 2, 3):  # in4 to in6 are shunt voltages, in7 their sum
        label = read_label(chip / f"in{number}_label")
        volts, amperes = chip / f"in{number}_input", chip / f"curr{number}_input"
        if label in _NOT_A_RAIL or not (volts.exists() and amperes.exists()):
            continue
        gauges = (Gauge(volts, 1e-3, 0, _MOST_VOLTS), Gauge(amperes, 1e-3, 0, _MOST_AMPERES))
        rails.append(Rail(label or f"channel{number}", gauges))
    return rails
