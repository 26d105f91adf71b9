"""Counts of energy that only grow: joules since the first reading, wraps undone, resets refused."""

import time
from collections.abc import Callable
from pathlib import Path

from agent.errors import SensorFailed
from agent.sensors.files import read_integer

_MOST_WATTS = 2000.0  # a jump that would need more was a reset of the counter, not a wrap
Clock = Callable[[], float]


class EnergyCount:
    """A device's own count of energy, whose range nobody tells: joules since its first reading.

    A count that went back was reset, or ran over. lost: how its sum was lost, '' before. A jump forwards cannot be
    told from use.
    """

    def __init__(self) -> None:
        self._first: float | None = None
        self._last = 0.0
        self.lost = ""

    def since_first(self, joules: float) -> float | None:
        """Joules since the first reading, None from a reset on."""
        if self._first is None:
            self._first = joules
        elif joules < self._last:
            self.lost = f"its energy count went from {self._last:g} to {joules:g} J: it was reset."
        self._last = joules
        return None if self.lost else joules - self._first


class EnergyFile:
    """A file with a count of microjoules that only grows: joules since its first reading.

    wraps_at: the count after which it starts again at 0, None where that is not known; then a count that went
    back is a reset. More than one wrap between two readings cannot be seen. lost: how its sum was lost, '' before.
    """

    def __init__(self, path: Path, wraps_at: int | None, clock: Clock = time.monotonic) -> None:
        self._path = path
        self._wraps_at = wraps_at
        self._clock = clock
        self._last: tuple[float, int] | None = None
        self._microjoules = 0
        self.lost = ""

    def read(self) -> float | None:
        """Joules since the first reading, None where the file holds no count below its range.

        Raises:
            OSError: the file cannot be read.
            SensorFailed: the counter was set back, so that its sum is lost; now and ever after.
        """
        if self.lost:
            raise SensorFailed(self.lost)
        count, now = read_integer(self._path), self._clock()
        if count is None or count < 0 or (self._wraps_at is not None and count > self._wraps_at):
            return None
        if self._last is not None:
            self._microjoules += self._added(*self._last, count, now)
        self._last = (now, count)
        return self._microjoules * 1e-6

    def _added(self, then: float, before: int, count: int, now: float) -> int:
        added = count - before
        if added < 0 and self._wraps_at is not None:
            added += self._wraps_at
        if not 0 <= added <= _MOST_WATTS * 1e6 * max(now - then, 1e-3):
            self.lost = f"{self._path} went from {before} to {count} µJ in {now - then:.3f} s: it was reset."
            raise SensorFailed(self.lost)
        return added
