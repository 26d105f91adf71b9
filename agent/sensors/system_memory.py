"""The board's memory: what is still available and what lies in swap, from /proc/meminfo; swapping, from /proc/vmstat.

On boards whose GPU shares the RAM, MemAvailable is the only figure that tells how near the end is. Pages that
are swapped in or out while steps are measured are a cost of the disk, not of the training.
"""

import os
import re
from pathlib import Path

from agent.sensors.files import read_bytes
from agent.sensors.sensor import Absent, Sensor
from agent.sensors.surroundings import Surroundings
from gradfilter.bench.schema import Channel

_LONGEST = 65536
_LINE = re.compile(rb"^(MemAvailable|SwapTotal|SwapFree):\s+([0-9]{1,15}) kB$", re.MULTILINE)
_SWAPPED = re.compile(rb"^(pswpin|pswpout) ([0-9]{1,18})$", re.MULTILINE)


class SystemMemory(Sensor):
    """Bytes that new programs could take without swapping, bytes in swap, and bytes swapped since the first reading."""

    name = "system_memory"
    quantities = ("memory",)
    slowest_s = 0.5  # the kernel writes two pages of text for every reading

    def __init__(self, proc: Path) -> None:
        super().__init__(
            [
                Channel("available", self.name, "memory", "B", covers="system"),
                Channel("swap_used", self.name, "memory", "B", covers="system"),
                Channel("swapped_in", self.name, "memory", "B", kind="counter", covers="system"),
                Channel("swapped_out", self.name, "memory", "B", kind="counter", covers="system"),
            ]
        )
        self._meminfo, self._vmstat = proc / "meminfo", proc / "vmstat"
        self._page_bytes = os.sysconf("SC_PAGE_SIZE")
        self._at_first: dict[bytes, int] = {}

    @classmethod
    def detect(cls, surroundings: Surroundings) -> Sensor | Absent:
        """Present where /proc/meminfo tells MemAvailable (Linux 3.14 and later)."""
        sensor = cls(surroundings.root / "proc")
        try:
            available = sensor.read()[0]
        except OSError as error:
            return Absent(f"/proc/meminfo cannot be read: {error.strerror}.")
        if available is None:
            return Absent("/proc/meminfo has no line MemAvailable.")
        return sensor

    def read(self) -> list[float | None]:
        """Available, swapped, swapped in and swapped out bytes; None for what the kernel does not tell."""
        found = dict(_LINE.findall(read_bytes(self._meminfo, _LONGEST)))
        bytes_of = {name: int(kilobytes) * 1024.0 for name, kilobytes in found.items()}
        pages = self._swapped_pages()
        swapped = [self._since_first(name, pages.get(name)) for name in (b"pswpin", b"pswpout")]
        return [bytes_of.get(b"MemAvailable"), _swap_used(bytes_of), *swapped]

    def _swapped_pages(self) -> dict[bytes, int]:
        try:
            return {name: int(count) for name, count in _SWAPPED.findall(read_bytes(self._vmstat, _LONGEST))}
        except OSError:
            return {}

    def _since_first(self, name: bytes, pages: int | None) -> float | None:
        if pages is None:
            return None
        added = pages - self._at_first.setdefault(name, pages)
        return float(added * self._page_bytes) if added >= 0 else None


def _swap_used(bytes_of: dict[bytes, float]) -> float | None:
    total, free = bytes_of.get(b"SwapTotal"), bytes_of.get(b"SwapFree")
    if total is None or free is None or free > total:
        return None
    return total - free
