"""The worker's resident memory, from /proc/<pid>/statm: one short line, cheap enough for every reading.

The proportional share (PSS) would have the kernel walk all of the process's pages, which disturbs the
run; the peak is the worker's own business (VmHWM, in its outcome).
"""

import os
from pathlib import Path

from agent.sensors.files import read_bytes
from agent.sensors.sensor import Absent, Sensor
from agent.sensors.surroundings import Surroundings
from gradfilter.bench.schema import Channel

_RESIDENT = 1  # proc(5): size resident shared text lib data dt, in pages


class ProcessMemory(Sensor):
    """Resident bytes of the worker; no reading before it has started and after it has ended."""

    name = "process_memory"
    quantities = ("memory",)
    slowest_s = 0.5  # the peak is the kernel's own high-water mark, so that a course in between is enough

    def __init__(self, proc: Path) -> None:
        super().__init__([Channel("rss", self.name, "memory", "B", covers="process")])
        self._proc = proc
        self._page_bytes = os.sysconf("SC_PAGE_SIZE")
        self._pid: int | None = None

    @classmethod
    def detect(cls, surroundings: Surroundings) -> Sensor | Absent:
        """Present wherever /proc is."""
        root = surroundings.root
        if not (root / "proc").is_dir():
            return Absent("/proc is not mounted, so no process can be looked at.")
        return cls(root / "proc")

    def follow(self, pid: int) -> None:
        """Read this process from now on."""
        self._pid = pid

    def read(self) -> list[float | None]:
        """The resident set of the worker, in bytes."""
        if self._pid is None:
            return [None]
        try:
            fields = read_bytes(self._proc / str(self._pid) / "statm").split()
        except OSError:  # it has ended, which is no failure of the sensor
            return [None]
        if len(fields) <= _RESIDENT or not fields[_RESIDENT].isdigit():
            return [None]
        pages = int(fields[_RESIDENT][:16])
        return [float(pages * self._page_bytes) if pages else None]  # a zombie has no pages left
