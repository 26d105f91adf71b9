"""The board's memory, from /proc/meminfo: what is still available, and how much has gone to swap.

On boards whose GPU shares the RAM, MemAvailable is the only figure that tells how near the end is.
"""

import re
from pathlib import Path

from agent.sensors.sensor import Absent, Sensor
from agent.sensors.surroundings import Surroundings
from gradfilter.bench.schema import Channel

_LONGEST = 16384
_LINE = re.compile(rb"^(MemAvailable|SwapTotal|SwapFree):\s+([0-9]{1,15}) kB$", re.MULTILINE)


class SystemMemory(Sensor):
    """Bytes that new programs could take without swapping, and bytes in swap."""

    name = "system_memory"
    quantities = ("memory",)

    def __init__(self, meminfo: Path) -> None:
        super().__init__(
            [
                Channel("available", self.name, "memory", "B", covers="system"),
                Channel("swap_used", self.name, "memory", "B", covers="system"),
            ]
        )
        self._meminfo = meminfo

    @classmethod
    def detect(cls, surroundings: Surroundings) -> Sensor | Absent:
        """Present where /proc/meminfo tells MemAvailable (Linux 3.14 and later)."""
        sensor = cls(surroundings.root / "proc/meminfo")
        try:
            available, _ = sensor.read()
        except OSError as error:
            return Absent(f"/proc/meminfo cannot be read: {error.strerror}.")
        if available is None:
            return Absent("/proc/meminfo has no line MemAvailable.")
        return sensor

    def read(self) -> list[float | None]:
        """Available and swapped bytes."""
        with self._meminfo.open("rb") as file:
            found = dict(_LINE.findall(file.read(_LONGEST)))
        bytes_of = {name: int(kilobytes) * 1024.0 for name, kilobytes in found.items()}
        return [bytes_of.get(b"MemAvailable"), _swap_used(bytes_of)]


def _swap_used(bytes_of: dict[bytes, float]) -> float | None:
    total, free = bytes_of.get(b"SwapTotal"), bytes_of.get(b"SwapFree")
    if total is None or free is None or free > total:
        return None
    return total - free
