"""One sensor, read at its own pace in a thread of its own, so that a slow one delays no other."""

import math
import threading
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass

from agent.beats import Beats, Pace
from agent.errors import SensorFailed
from agent.sensors.sensor import Reading, Sensor

PATIENCE = 10  # readings in a row that may fail before a sensor is dropped
_LONGEST_READ_S, _LONGEST_READ_PERIODS = 2.0, 5


@dataclass(frozen=True)
class Asked:
    """One asking: when, how long it took and how much CPU time, and the readings. dropped: why it was the last."""

    at_s: float
    took_s: float
    cpu_s: float
    readings: list[Reading]
    dropped: str = ""


class SensorThread(threading.Thread):
    """Asks a sensor at its pace; puts what it got into `asked`."""

    def __init__(self, sensor: Sensor, beats: Beats) -> None:
        super().__init__(name=f"sensor {sensor.name}", daemon=True)
        self.sensor = sensor
        self._pace = Pace(beats, sensor.slowest_s)
        self.asked: deque[Asked] = deque()
        self.answered = threading.Event()
        self._running = threading.Lock()  # waiting for an Event takes several times as long
        self._running.acquire()
        self._busy_since_s: float | None = None
        self._failures = 0
        self._followed: int | None = None

    @property
    def period_s(self) -> float:
        """Between two readings, on average at least."""
        return self._pace.period_s

    @property
    def hung_s(self) -> float:
        """How long the present reading has lasted, if that is longer than any reading may; else 0."""
        since = self._busy_since_s
        lasted = 0.0 if since is None else time.monotonic() - since
        return lasted if lasted > max(_LONGEST_READ_S, _LONGEST_READ_PERIODS * self.period_s) else 0.0

    def follow(self, pid: int) -> None:
        """Have the sensor told the worker's process id before it is asked again."""
        self._followed = pid

    def stop(self) -> None:
        """Ask no more; the thread closes the sensor and ends as soon as the sensor lets it."""
        with suppress(RuntimeError):  # it has been stopped before
            self._running.release()

    def run(self) -> None:
        """Read until stopped or dropped. A late reading is taken at once, never twice."""
        due_s, dropped = time.monotonic(), False
        while not dropped and not self._running.acquire(timeout=max(due_s - time.monotonic(), 0)):
            asked = self._ask()
            self.asked.append(asked)
            self.answered.set()
            dropped = bool(asked.dropped)
            due_s = self._pace.after(asked.at_s)
        self.sensor.close()

    def _ask(self) -> Asked:
        at_s, cpu_at_s = time.monotonic(), time.thread_time()
        self._busy_since_s = at_s
        readings: list[Reading] = []
        dropped = ""
        try:
            readings = self._readings()
            self._failures = 0
        except SensorFailed as error:
            dropped = str(error)
        except OSError as error:
            self._failures += 1
            if self._failures >= PATIENCE:
                dropped = f"{PATIENCE} readings in a row failed, the last with: {error}"
        except Exception as error:  # noqa: BLE001 - a defect in one sensor must not end the others
            dropped = f"defect in the sensor: {error!r}"
        self._busy_since_s = None
        return Asked(at_s, time.monotonic() - at_s, time.thread_time() - cpu_at_s, readings, dropped)

    def _readings(self) -> list[Reading]:
        if self._followed is not None:
            self.sensor.follow(self._followed)
            self._followed = None
        readings = self.sensor.readings()
        for reading in readings:
            self._refuse_nonsense(reading)
        return readings

    def _refuse_nonsense(self, reading: Reading) -> None:
        expected = len(self.sensor.channels)
        if len(reading.values) != expected:
            raise SensorFailed(f"defect in the sensor: {len(reading.values)} values for {expected} channels.")
        if not all(value is None or _is_number(value) for value in reading.values):
            raise SensorFailed(f"defect in the sensor: what it gave are not all numbers: {reading.values!r}.")
        if not (_is_number(reading.at_s) and reading.at_s <= time.monotonic()):
            raise SensorFailed(f"defect in the sensor: it gave a reading of the future, at {reading.at_s!r} s.")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
