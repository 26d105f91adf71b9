"""The share of all CPU time that was not idle since the reading before, and the part of it that is not the worker's.

From /proc/stat and /proc/<pid>/stat, both in clock ticks of 10 ms on most kernels: over a second that is 1 % of a
core, over a tenth of one it would be 10 %, so the sensor is read once a second at most.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from agent.sensors.files import read_bytes
from agent.sensors.sensor import Absent, Sensor
from agent.sensors.surroundings import Surroundings
from gradfilter.bench.schema import Channel

_LONGEST = 65536
_CPU = re.compile(rb"^cpu ((?: +[0-9]{1,18}){4,10})$", re.MULTILINE)
_IDLE = slice(3, 5)  # proc(5): user nice system idle iowait irq softirq steal (guest times are inside user)
_COUNTED = 8
_OWN = slice(11, 15)  # proc(5), counted after the name: utime stime, and cutime cstime of children that have ended
_MOST_CHILDREN = 64
_FEWEST = 10  # ticks of all cores together, below which a share is mostly rounding
_ROUNDING = 0.05  # of all time: the two files are not read at the same instant, nor rounded alike


@dataclass(frozen=True)
class _Ticks:
    """Of all cores, of those the idle ones, and the worker's, None when it has ended."""

    total: int
    idle: int
    worker: int | None


class Load(Sensor):
    """Busy time of all cores as ratios in [0, 1]: of every process, and of all but the worker and its children."""

    name = "load"
    quantities = ("load",)
    slowest_s = 1.0

    def __init__(self, proc: Path) -> None:
        super().__init__(
            [
                Channel("cpu", self.name, "load", "ratio", covers="system"),
                Channel("foreign_cpu", self.name, "load", "ratio", covers="system"),
            ]
        )
        self._stat = proc / "stat"
        self._before: _Ticks | None = None
        self._worker = WorkerTime(proc)

    @classmethod
    def detect(cls, surroundings: Surroundings) -> Sensor | Absent:
        """Present where /proc/stat has its first line."""
        sensor = cls(surroundings.root / "proc")
        try:
            sensor.read()
        except OSError as error:
            return Absent(f"/proc/stat cannot be read: {error.strerror}.")
        if sensor._before is None:
            return Absent("/proc/stat has no line of CPU times.")
        return sensor

    def follow(self, pid: int) -> None:
        """Leave this process out of the foreign load."""
        self._worker.follow(pid)

    def read(self) -> list[float | None]:
        """Shares since the reading before; None the first time, and while too few clock ticks went by to tell.

        There is no foreign share once the worker has ended.
        """
        found = _CPU.search(read_bytes(self._stat, _LONGEST))
        if found is None:
            return [None, None]
        times = [int(field) for field in found.group(1).split()][:_COUNTED]
        now = _Ticks(sum(times), sum(times[_IDLE]), self._worker.ticks())
        before = self._before
        if before is not None and 0 <= now.total - before.total < _FEWEST:
            return [None, None]  # what went by counts in the next reading
        self._before = now
        return [None, None] if before is None else _shares(before, now)


class WorkerTime:
    """The CPU time of a process, of its living children and of those that it has waited for."""

    def __init__(self, proc: Path) -> None:
        self._proc = proc
        self._pid: int | None = None

    def follow(self, pid: int) -> None:
        """Count this process, which has just been started."""
        self._pid = pid

    def ticks(self) -> int | None:
        """Ticks so far: 0 before there is a process, None when it has ended."""
        return 0 if self._pid is None else self._ticks(self._pid)

    def _ticks(self, pid: int) -> int | None:
        own = self._of(pid)
        if own is None:
            return None
        return own + sum(self._of(child) or 0 for child in self._descendants(pid))

    def _of(self, pid: int) -> int | None:
        try:
            text = read_bytes(self._proc / str(pid) / "stat", _LONGEST)
        except OSError:  # it has ended
            return None
        fields = text.rpartition(b")")[2].split()[_OWN]
        return sum(map(int, fields)) if len(fields) == _OWN.stop - _OWN.start and all(map(_is_count, fields)) else None

    def _descendants(self, pid: int) -> list[int]:
        """Living processes that its main thread has started, and theirs; none where the kernel does not list them."""
        found: list[int] = []
        asked = [pid]
        while asked and len(found) < _MOST_CHILDREN:
            parent = str(asked.pop())
            try:
                words = read_bytes(self._proc / parent / "task" / parent / "children", _LONGEST).split()
            except OSError:
                continue
            children = [int(word) for word in words if _is_count(word)]
            found += children
            asked += children
        return found


def _is_count(word: bytes) -> bool:
    return word.isdigit() and len(word) <= 18  # noqa: PLR2004 - decimal digits of a 64-bit number


def _shares(before: _Ticks, now: _Ticks) -> list[float | None]:
    total, idle = now.total - before.total, now.idle - before.idle
    if not (total > 0 and 0 <= idle <= total):  # iowait may run backwards (proc(5))
        return [None, None]
    return [1 - idle / total, _foreign(total, total - idle, before.worker, now.worker)]


def _foreign(total: int, busy: int, worker_before: int | None, worker_now: int | None) -> float | None:
    if worker_before is None or worker_now is None:
        return None
    worker = worker_now - worker_before
    return max(busy - worker, 0) / total if 0 <= worker <= busy + _ROUNDING * total + 1 else None
