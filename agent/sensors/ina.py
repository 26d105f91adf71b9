"""Texas Instruments power monitors that a kernel driver shows through hwmon or iio. Untested on hardware.

INA3221, three rails, on Jetsons: from JetPack 5 through hwmon, voltage in mV and current in mA, power is their
product; under JetPack 4 through iio, whose driver multiplies, power in mW. INA219, 226, 228, 238 and kin, one rail,
on breakouts in a board's supply: power1_input in µW, and energy1_input in µJ where the driver has it, a true counter.

What a breakout meters its owner knows, and says in GRADFILTER_AGENT_RAILS.

The numbers of the folders change with every boot and the paths with every release, so a chip is known by its name,
wherever it lies, and a rail by its label. Reading takes no root. update_interval and samples are only read: what
protects the board against over-current uses them too. The INA3221 averages by a running filter, so that a reading is
late by about update_interval, while it takes a new value every update_interval/samples.

Source: kernel documentation, hwmon/ina3221, hwmon/ina2xx, hwmon/ina238; NVIDIA's DRIVE OS manual, "Power measurement
tool", for the filter; iio's names from jetson-stats and public logs.
"""

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from agent.sensors.counters import EnergyFile
from agent.sensors.files import Gauge, Readable, read_each, read_integer, read_label, readable
from agent.sensors.ina_chips import CHIPS, Chip, Declared, declare, together
from agent.sensors.nvidia_rails import COVERS, sum_of
from agent.sensors.sensor import Absent, Sensor, distinct
from agent.sensors.surroundings import Surroundings
from gradfilter.bench.schema import Channel

# Where drivers have put the chips so far; a chip that is seen by several ways is one chip.
_PLACES = tuple(
    f"{way}/{folder}"
    for way in ("sys/class/hwmon", "sys/bus/iio/devices", "sys/bus/i2c/devices/*", "sys/bus/i2c/drivers/ina*/*")
    for folder in ("hwmon[0-9]*", "hwmon/hwmon[0-9]*", "iio:device[0-9]*")
)
_WHOLES = ("board_input", "wall", "module")
_NOT_A_RAIL = ("sum of shunt voltages", "NC")
_MOST_VOLTS, _MOST_AMPERES, _MOST_WATTS = 100.0, 200.0, 5000.0
_SAMPLES = (1, 1024)  # what the INA3221 can average


@dataclass(frozen=True)
class Rail:
    """A supply line: its power is the product of the gauges, which are in W, or in V and A."""

    name: str
    gauges: tuple[Gauge, ...]
    declared: Declared
    energy: EnergyFile | None = None

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
    """One power channel a rail, and an energy counter beside it where the chip counts joules itself.

    Where NVIDIA's board meters no input, the sum of its rails is one more.
    """

    name = "ina"
    quantities = ("power", "energy")

    def __init__(self, rails: list[Rail], owners: dict[str, str]) -> None:
        """owners: what a rail covers by its owner's word, which goes before its label."""
        channels: list[Channel] = []
        sources: list[Readable] = []
        for name, rail in zip(distinct(rail.name for rail in rails), rails, strict=True):
            covers = owners.get(name) or COVERS.get(rail.name, "rail")
            role = "total" if covers in _WHOLES else "" if re.fullmatch(r"ina[0-9]+", rail.name) else "rail"
            channels.append(_power(name, covers, role, rail.declared))
            sources.append(rail)
            if rail.energy is not None:
                energy = Channel(f"{name}.energy", self.name, "energy", "J", kind="counter", covers=covers, role=role)
                energy.gain_tolerance = rail.declared.gain_tolerance
                channels.append(energy)
                sources.append(rail.energy)
        self._sources = sources
        self._summed: list[int] = []
        advice = [_unknown(owners, [channel.name for channel in channels if channel.unit == "W"])]
        if found := sum_of([rail.name for rail in rails]):
            self._summed = [number for number, channel in enumerate(channels) if channel.name in found.rails]
            declared = together([rail.declared for rail in rails if rail.name in found.rails])
            channels.append(_power(found.name, found.covers, "total", declared))
            advice.append(found.advice)
        super().__init__(channels)
        self.advice = " ".join(filter(None, advice))

    @classmethod
    def detect(cls, surroundings: Surroundings) -> Sensor | Absent:
        """Present where a known chip has a connected rail whose files can be read."""
        root = surroundings.root
        rails = [rail for chip in _chips(root) for rail in _rails_of(chip)]
        if not rails:
            return Absent("no INA power monitor among the hwmon and iio devices; boards without one need a meter.")
        usable = [rail for rail in rails if all(readable(gauge.path) for gauge in rail.gauges)]
        if not usable:
            file = rails[0].gauges[0].path.relative_to(root)
            return Absent(f"/{file} cannot be read. Give the agent's group the right to read it (a udev rule does).")
        return cls(usable, surroundings.rails)

    def read(self) -> list[float | None]:
        """Watts of every rail, joules of every counter; one that answers with an I/O error has no reading.

        A sum with a rail missing would dip, so it is no reading.
        """
        values = read_each(self._sources)
        self.remarks = [source.lost for source in self._sources if isinstance(source, EnergyFile) and source.lost]
        return values + [_sum([values[number] for number in self._summed])] * bool(self._summed)


def _power(name: str, covers: str, role: str, declared: Declared) -> Channel:
    return Channel(name, Ina.name, "power", "W", covers=covers, role=role, **asdict(declared))


def _sum(parts: list[float | None]) -> float | None:
    known = [part for part in parts if part is not None]
    return sum(known) if len(known) == len(parts) else None


def _chips(root: Path) -> list[Path]:
    """Folders that may be a chip's, each once, in the order of their places on the bus, which boots do not change."""
    found = {path.resolve(): path for place in _PLACES for path in root.glob(place)}
    return [found[place] for place in sorted(found)]


def _rails_of(folder: Path) -> Iterator[Rail]:
    """The rails of a chip; of another device, none."""
    name = (read_label(folder / "name") or read_label(folder.resolve().parent / "name")).removesuffix("x")
    chip = CHIPS.get(name)
    if chip is None:
        return
    if folder.name.startswith("iio:"):
        yield from _iio_rails(folder, chip)
    elif name == "ina3221":
        yield from _hwmon_rails(folder, chip)
    elif (folder / "power1_input").exists():
        yield _single_rail(folder, name, chip)


def _hwmon_rails(folder: Path, chip: Chip) -> Iterator[Rail]:
    interval_s, samples = _update_interval(folder), _integer(folder / "samples", *_SAMPLES)
    pace = (interval_s, interval_s / samples if interval_s and samples else None)
    for number in (1, 2, 3):  # in4 to in6 are shunt voltages, in7 their sum
        label = read_label(folder / f"in{number}_label")
        volts = Gauge(folder / f"in{number}_input", 1e-3, 0, _MOST_VOLTS)
        amperes = Gauge(folder / f"curr{number}_input", 1e-3, 0, _MOST_AMPERES)
        if label in _NOT_A_RAIL or not (volts.path.exists() and amperes.path.exists()):
            continue
        now = _value(volts)
        declared = declare(chip, now, _shunt(folder / f"shunt{number}_resistor"), now and now * 1e-3, pace)
        yield Rail(label or f"channel{number}", (volts, amperes), declared)


def _iio_rails(folder: Path, chip: Chip) -> Iterator[Rail]:
    for number in (0, 1, 2):
        label = read_label(folder / f"rail_name_{number}")
        watts = Gauge(folder / f"in_power{number}_input", 1e-3, 0, _MOST_WATTS)
        volts = Gauge(folder / f"in_voltage{number}_input", 1e-3, 0, _MOST_VOLTS)
        amperes = Gauge(folder / f"in_current{number}_input", 1e-3, 0, _MOST_AMPERES)
        gauges = (watts,) if watts.path.exists() else (volts, amperes)
        if label in _NOT_A_RAIL or not all(gauge.path.exists() for gauge in gauges):
            continue
        yield Rail(label or f"channel{number}", gauges, declare(chip, _value(volts), None, 1e-3, (None, None)))


def _single_rail(folder: Path, name: str, chip: Chip) -> Rail:
    label = read_label(folder / "power1_label") or read_label(folder / "label") or name
    volts = _value(Gauge(folder / "in1_input", 1e-3, 0, _MOST_VOLTS))
    interval_s = _update_interval(folder)
    declared = declare(chip, volts, _shunt(folder / "shunt_resistor"), 1e-6, (interval_s, interval_s))
    counted = folder / "energy1_input"
    energy = EnergyFile(counted, wraps_at=None) if readable(counted) else None
    return Rail(label, (Gauge(folder / "power1_input", 1e-6, 0, _MOST_WATTS),), declared, energy)


def _unknown(owners: dict[str, str], rails: list[str]) -> str:
    """A sentence where the owner speaks of a rail that is not here."""
    unknown = sorted(owners.keys() - set(rails))
    if not unknown:
        return ""
    return f"GRADFILTER_AGENT_RAILS speaks of {', '.join(unknown)}, here are {', '.join(rails)}."


def _update_interval(folder: Path) -> float | None:
    milliseconds = _integer(folder / "update_interval", 1, 10**6)
    return milliseconds * 1e-3 if milliseconds else None


def _shunt(path: Path) -> float | None:
    micro_ohms = _integer(path, 1, 10**9)
    return micro_ohms * 1e-6 if micro_ohms else None


def _integer(path: Path, low: int, high: int) -> int | None:
    """What a file says, if it is there and within reason."""
    try:
        number = read_integer(path)
    except OSError:
        return None
    return number if number is not None and low <= number <= high else None


def _value(gauge: Gauge) -> float | None:
    try:
        return gauge.read()
    except OSError:
        return None
