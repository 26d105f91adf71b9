"""The share of all CPU time that was not idle since the reading before, from /proc/stat."""

import re
from pathlib import Path

from agent.sensors.sensor import Absent, Sensor
from agent.sensors.surroundings import Surroundings
from gradfilter.bench.schema import Channel

_LONGEST = 65536
_CPU = re.compile(rb"^cpu ((?: +[0-9]{1,18}){4,10})$", re.MULTILINE)
_IDLE = slice(3, 5)  # proc(5): user nice system idle iowait irq softirq steal (guest times are inside user)
_COUNTED = 8


class Load(Sensor):
    """Busy time of all cores, of every process, as a ratio in [0, 1]."""

    name = "load"
    quantities = ("load",)

    def __init__(self, stat: Path) -> None:
        super().__init__([Channel("cpu", self.name, "load", "ratio", covers="system")])
        self._stat = stat
        self._before: tuple[int, int] | None = None

    @classmethod
    def detect(cls, surroundings: Surroundings) -> Sensor | Absent:
        """Present where /proc/stat has its first line."""
        sensor = cls(surroundings.root / "proc/stat")
        try:
            sensor.read()
        except OSError as error:
            return Absent(f"/proc/stat cannot be read: {error.strerror}.")
        if sensor._before is None:
            return Absent("/proc/stat has no line of CPU times.")
        return sensor

    def read(self) -> list[float | None]:
        """Busy share since the reading before; None the first time and when no clock tick went by."""
        with self._stat.open("rb") as file:
            found = _CPU.search(file.read(_LONGEST))
        if found is None:
            return [None]
        times = [int(field) for field in found.group(1).split()][:_COUNTED]
        before, self._before = self._before, (sum(times), sum(times[_IDLE]))
        if before is None:
            return [None]
        total, idle = self._before[0] - before[0], self._before[1] - before[1]
        # iowait may run backwards (proc(5)); a share outside [0, 1] is no reading.
        return [1 - idle / total] if total > 0 and 0 <= idle <= total else [None]
