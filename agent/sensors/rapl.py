"""Energy counters of x86 processors: /sys/class/powercap/intel-rapl:*/energy_uj (AMD's carry the same name).

They leave out the board, the disk and the power supply. Only root may read them since CVE-2020-8694.
The counters wrap at max_energy_range_uj, after minutes on a busy server; more than one wrap between two
readings cannot be seen.
"""

import re
import time
from collections.abc import Callable
from pathlib import Path

from agent.errors import SensorFailed
from agent.sensors.files import read_integer, read_label, readable
from agent.sensors.sensor import Absent, Sensor, distinct
from agent.sensors.surroundings import Surroundings
from gradfilter.bench.schema import Channel

# package: cores, caches and the memory controller; psys: what the maker wired to it, mostly the platform.
_COVERS = {"package": "package", "core": "cpu", "psys": "system"}
_MOST_WATTS = 2000.0  # a jump that would need more was a reset of the counter, not a wrap


class Rapl(Sensor):
    """One cumulative channel a zone, in joules since the first reading."""

    name = "rapl"
    quantities = ("energy",)

    def __init__(self, zones: list[Path], clock: Callable[[], float] = time.monotonic) -> None:
        names = distinct(_zone_name(zone) for zone in zones)
        super().__init__(
            [Channel(name, self.name, "energy", "J", kind="counter", covers=_covers(name)) for name in names]
        )
        self._counters = [EnergyCounter(zone, clock) for zone in zones]

    @classmethod
    def detect(cls, surroundings: Surroundings) -> Sensor | Absent:
        """Present where a zone can be read and says at which value it wraps."""
        root = surroundings.root
        zones = sorted((root / "sys/class/powercap").glob("intel-rapl:*"))
        if not zones:
            return Absent("this processor or virtual machine shows no RAPL energy counter under /sys/class/powercap.")
        allowed = [zone for zone in zones if readable(zone / "energy_uj")]
        if not allowed:
            return Absent(
                f"/{(zones[0] / 'energy_uj').relative_to(root)} is readable by root only. "
                f"Give the agent's group the right to read it (chgrp and chmod g+r, or a udev rule that does)."
            )
        usable = [zone for zone in allowed if _wraps_at(zone)]
        if not usable:
            return Absent("no RAPL zone says in max_energy_range_uj where it wraps, so its counter cannot be used.")
        return cls(usable)

    def read(self) -> list[float | None]:
        """Joules since the first reading, for every zone."""
        return [counter.read() for counter in self._counters]


class EnergyCounter:
    """A zone's counter with its wraps undone: joules since its first reading."""

    def __init__(self, zone: Path, clock: Callable[[], float]) -> None:
        self._path = zone / "energy_uj"
        self._range = _wraps_at(zone)
        self._clock = clock
        self._last: tuple[float, int] | None = None
        self._microjoules = 0

    def read(self) -> float | None:
        """Joules since the first reading, None where the file holds no count below the zone's range.

        Raises:
            OSError: the file cannot be read.
            SensorFailed: the counter was set back, so that its sum is lost.
        """
        count, now = read_integer(self._path), self._clock()
        if count is None or not 0 <= count <= self._range:
            return None
        if self._last is not None:
            then, before = self._last
            added = count - before if count >= before else count - before + self._range
            if added > _MOST_WATTS * 1e6 * max(now - then, 1e-3):
                raise SensorFailed(
                    f"{self._path} went from {before} to {count} µJ in {now - then:.3f} s: it was reset."
                )
            self._microjoules += added
        self._last = (now, count)
        return self._microjoules * 1e-6


def _covers(name: str) -> str:
    return _COVERS.get(re.split("[-@:]", name)[0], "rail")


def _wraps_at(zone: Path) -> int:
    try:
        return max(read_integer(zone / "max_energy_range_uj") or 0, 0)
    except OSError:
        return 0


def _zone_name(zone: Path) -> str:
    """package-0, or core@package-0 for a zone inside it, so that two sockets stay apart."""
    name = read_label(zone / "name") or zone.name
    parent = re.fullmatch(r"(intel-rapl:[0-9]+):[0-9]+", zone.name)
    return f"{name}@{read_label(zone.with_name(parent.group(1)) / 'name')}" if parent else name
