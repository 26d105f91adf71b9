"""Energy counters of x86 processors: /sys/class/powercap/intel-rapl:*/energy_uj (AMD's carry the same name).

They leave out the board, the disk and the power supply. Only root may read them since CVE-2020-8694.
The counters wrap at max_energy_range_uj, after minutes on a busy server. They move about every millisecond. Neither
their step nor their error stands in /sys: Intel's manuals give the step by processor and promise no accuracy.
Source: kernel documentation, power/powercap; Intel's Software Developer's Manual, volume 3, chapter "Power and
thermal management" (the millisecond from memory, to be confirmed).
"""

import re
import time
from pathlib import Path

from agent.sensors.counters import Clock, EnergyFile
from agent.sensors.files import read_each, read_integer, read_label, readable
from agent.sensors.sensor import Absent, Sensor, distinct
from agent.sensors.surroundings import Surroundings
from gradfilter.bench.schema import Channel

# package: cores, caches and the memory controller; psys: what the maker wired to it, mostly the platform;
# dram: the memory modules, outside the package; uncore: on desktops the graphics unit, inside it.
_COVERS = {"package": "package", "core": "cpu", "psys": "system"}
_ROLES = {"package": "total", "core": "rail", "uncore": "rail", "psys": "total"}
_UPDATE_S = 1e-3


class Rapl(Sensor):
    """One cumulative channel a zone, in joules since the first reading. A zone that fails leaves the others alone."""

    name = "rapl"
    quantities = ("energy",)

    def __init__(self, zones: list[Path], clock: Clock = time.monotonic) -> None:
        super().__init__([_channel(name) for name in distinct(_zone_name(zone) for zone in zones)])
        self._counters = [EnergyFile(zone / "energy_uj", _wraps_at(zone), clock) for zone in zones]

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
        """Joules since the first reading, for every zone; a zone that was reset has no reading any more."""
        values = read_each(self._counters)
        self.remarks = [counter.lost for counter in self._counters if counter.lost]
        return values


def _channel(name: str) -> Channel:
    kind = re.split("[-@:]", name)[0]
    return Channel(
        name,
        Rapl.name,
        "energy",
        "J",
        kind="counter",
        covers=_COVERS.get(kind, "rail"),
        averaging_s=0.0,
        update_s=_UPDATE_S,
        role=_ROLES.get(kind, ""),
    )


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
