"""Whether the board holds itself back: too hot, too little voltage, too much current. Untested on hardware.

Raspberry Pi: the firmware's get_throttled, bits 0 to 3 for now and 16 to 19 for "since boot", which do not count
where they were set before the run. The bits come from a file where the kernel has one, else from vcgencmd. Where
neither can be had, hwmon's rpi_volt still tells of too little voltage.
Jetson: hwmon's soctherm_oc counts over-current events (oc1: too little voltage, oc2: current on average, oc3: current
at an instant), and curr*_crit_alarm of its INA3221. All: the kernel's cooling devices, whose state is how far they
slow something down; fans are left out, since a fan that turns slows nothing, as are backlights.

Once a second is enough, because bits and counters remember, and asking a firmware disturbs.
Source: Raspberry Pi documentation, "vcgencmd"; kernel documentation, hwmon/raspberrypi-hwmon and
driver-api/thermal/sysfs-api; NVIDIA Jetson Linux developer guide, "Power and performance", for soctherm_oc.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from agent.sensors.files import Gauge, Readable, read_each, read_label, readable
from agent.sensors.sensor import Absent, Sensor, distinct
from agent.sensors.surroundings import Surroundings
from agent.sensors.vcgencmd import Vcgencmd
from gradfilter.bench.schema import Channel

_BITS = {0: "under_voltage", 1: "frequency_capped", 2: "throttled", 3: "soft_temperature_limit"}
_BITS.update({bit + 16: f"{name} since boot" for bit, name in list(_BITS.items())})
_FIRMWARE_FILE = "sys/devices/platform/soc/soc:firmware/get_throttled"
_THROTTLED = re.compile(r"\A(?:throttled=)?(?:0x)?([0-9a-fA-F]{1,8})\s*\Z")
_EVENTS = {"oc1": "under-voltage", "oc2": "average over-current", "oc3": "over-current"}
_SLOWS_NOTHING = re.compile(r"fan|lcd|backlight|display|tcc|hot-surface", re.IGNORECASE)
_MOST_EVENTS, _MOST_STATES = 1e12, 1e6


@dataclass(frozen=True)
class _Source:
    """Something that is read on its own: channel names, what kind of quantity, and how."""

    names: tuple[str, ...]
    quantity: str
    read: Callable[[], list[float | None]]


class Throttling(Sensor):
    """States, 0 while nothing is held back, and counts of events since boot."""

    name = "throttling"
    quantities = ("state", "event_count")
    slowest_s = 1.0

    def __init__(self, sources: list[_Source]) -> None:
        found = [(name, source.quantity) for source in sources for name in source.names]
        names = distinct(name for name, _ in found)
        super().__init__([_channel(name, quantity) for name, (_, quantity) in zip(names, found, strict=True)])
        self._sources = sources

    @classmethod
    def detect(cls, surroundings: Surroundings) -> Sensor | Absent:
        """Present where anything tells."""
        root = surroundings.root
        files = _event_counters(root) + _current_alarms(root) + _cooling(root)
        sources = _firmware(surroundings) + [_from_file(*file) for file in files]
        if not sources:
            return Absent("neither firmware nor kernel tell here whether the board is held back.")
        return cls(sources)

    def read(self) -> list[float | None]:
        """All states and counts. A source that cannot be read has none; when none can, its error is the sensor's."""
        values: list[float | None] = []
        errors: list[OSError] = []
        for source in self._sources:
            try:
                values += source.read()
            except OSError as error:  # noqa: PERF203 - each source fails alone
                values += [None] * len(source.names)
                errors.append(error)
        if len(errors) == len(self._sources):
            raise errors[0]
        return values


def _channel(name: str, quantity: str) -> Channel:
    if quantity == "event_count":
        return Channel(name, Throttling.name, quantity, "count", kind="counter")
    return Channel(name, Throttling.name, quantity, "level")


def _from_file(name: str, quantity: str, path: Path, most: float) -> _Source:
    gauges: list[Readable] = [Gauge(path, 1.0, 0, most)]
    return _Source((name,), quantity, lambda: read_each(gauges))


def _firmware(surroundings: Surroundings) -> list[_Source]:
    """A Raspberry Pi's bits by the cheapest way there is, or its voltage alarm alone."""
    root = surroundings.root
    file = root / _FIRMWARE_FILE
    ways: list[Callable[[], str]] = [lambda: read_label(file)] if readable(file) else []
    if read_label(root / "proc/device-tree/model").startswith("Raspberry Pi"):
        firmware = Vcgencmd(surroundings.vcgencmd)
        ways.append(lambda: firmware.ask("get_throttled"))
    for way in ways:
        source = _Source(tuple(_BITS.values()), "state", lambda way=way: _bits(way()))  # type: ignore[misc]
        try:
            if None not in source.read():
                return [source]
        except OSError:
            continue
    alarms = (path / "in0_lcrit_alarm" for path in _hwmon(root, "rpi_volt"))
    return [_from_file(_BITS[0], "state", alarm, 1) for alarm in alarms if readable(alarm)]


def _bits(answer: str) -> list[float | None]:
    found = _THROTTLED.match(answer)
    if found is None:
        return [None] * len(_BITS)
    word = int(found.group(1), 16)
    return [float(word >> bit & 1) for bit in _BITS]


def _event_counters(root: Path) -> list[tuple[str, str, Path, float]]:
    counters = (file for chip in _hwmon(root, "soctherm_oc") for file in sorted(chip.glob("oc*_event_cnt")))
    return [
        (_EVENTS.get(name, name), "event_count", file, _MOST_EVENTS)
        for file in counters
        if (name := file.name.partition("_")[0]) and readable(file)
    ]


def _current_alarms(root: Path) -> list[tuple[str, str, Path, float]]:
    alarms = (file for chip in _hwmon(root, "ina3221") for file in sorted(chip.glob("curr[123]_crit_alarm")))
    return [(f"{_rail(file)} critical current", "state", file, 1) for file in alarms if readable(file)]


def _rail(alarm: Path) -> str:
    return read_label(alarm.with_name(f"in{alarm.name[4]}_label")) or alarm.name[:5]


def _cooling(root: Path) -> list[tuple[str, str, Path, float]]:
    devices = sorted((root / "sys/class/thermal").glob("cooling_device*"), key=lambda path: (len(path.name), path.name))
    named = [(read_label(device / "type") or device.name, device / "cur_state") for device in devices]
    return [
        (name, "state", state, _MOST_STATES)
        for name, state in named
        if not _SLOWS_NOTHING.search(name) and readable(state)
    ]


def _hwmon(root: Path, name: str) -> list[Path]:
    """The chips of that name, in the order of their places, by the class or below the bus."""
    ways = ("sys/class/hwmon/hwmon*", "sys/bus/i2c/devices/*/hwmon/hwmon*")
    found = {path.resolve(): path for way in ways for path in root.glob(way) if read_label(path / "name") == name}
    return [found[place] for place in sorted(found)]
