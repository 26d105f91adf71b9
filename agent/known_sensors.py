"""The sensors as the agent describes them: found before, so that a description never disturbs a run.

Looking for some starts processes and asks the network; whoever asks what this board is must not cause that in the
middle of a measurement, nor several times a minute.
"""

import threading
import time
from collections.abc import Callable

from agent.sensors import describe_sensors
from agent.sensors.surroundings import Surroundings
from gradfilter.bench.schema import SensorReport

FRESH_S = 60.0


class KnownSensors:
    """What became of every sensor when they were last looked for."""

    def __init__(
        self, surroundings: Surroundings, is_busy: Callable[[], bool], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._surroundings, self._is_busy, self._clock = surroundings, is_busy, clock
        self._lock = threading.Lock()  # one search at a time
        self._reports = describe_sensors(surroundings)
        self._found_s = clock()

    def reports(self) -> list[SensorReport]:
        """What was found, looked for anew if that is a minute old and no run would be disturbed."""
        with self._lock:
            if self._clock() - self._found_s >= FRESH_S and not self._is_busy():
                self._reports = describe_sensors(self._surroundings)
                self._found_s = self._clock()
            return self._reports
