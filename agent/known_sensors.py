"""The sensors as the agent describes them: found before, so that a description never waits nor disturbs a run.

Looking for some starts processes and asks the network, jtop's a whole Python: seconds of a small board's time, which
an agent at rest must not spend several times a minute.
"""

import logging
import math
import threading
import time
from collections.abc import Callable

from agent.sensors import describe_sensors
from agent.sensors.surroundings import Surroundings
from gradfilter.bench.schema import SensorReport

FIRST_PAUSE_S, LONGEST_PAUSE_S = 60.0, 3600.0

_log = logging.getLogger(__name__)


class KnownSensors:
    """What became of every sensor when they were last looked for.

    They are looked for when asked for, beside the answer, which a later one then tells. The pause before the next
    look is twice as long each time: what starts up with the agent, such as jtop.service, is found within minutes.
    """

    def __init__(
        self, surroundings: Surroundings, is_busy: Callable[[], bool], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._surroundings, self._is_busy, self._clock = surroundings, is_busy, clock
        self._lock = threading.Lock()
        self._reports = describe_sensors(surroundings)
        self._pause_s = FIRST_PAUSE_S
        self._due_s = clock() + FIRST_PAUSE_S

    def reports(self) -> list[SensorReport]:
        """What was found last, at once. Starts another look where one is due and no run would be disturbed."""
        with self._lock:
            if self._clock() >= self._due_s and not self._is_busy():
                self._due_s = math.inf  # one look at a time
                threading.Thread(target=self._look, name="look for sensors", daemon=True).start()
            return self._reports

    def _look(self) -> None:
        reports = describe_sensors(self._surroundings)
        with self._lock:
            before, now = _present(self._reports), _present(reports)
            if before != now:
                _log.info("sensors found: %s; gone: %s", _named(now - before), _named(before - now))
            self._reports = reports
            self._pause_s = FIRST_PAUSE_S if before != now else min(2 * self._pause_s, LONGEST_PAUSE_S)
            self._due_s = self._clock() + self._pause_s


def _present(reports: list[SensorReport]) -> set[str]:
    return {report.name for report in reports if report.present}


def _named(sensors: set[str]) -> str:
    return ", ".join(sorted(sensors)) or "none"
