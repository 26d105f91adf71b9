"""Looking for sensors, each in a thread of its own: one that never answers must not keep the others."""

import threading
import time
from collections.abc import Iterable
from typing import Protocol, TypeAlias

from agent.sensors.sensor import Absent, Sensor
from agent.sensors.surroundings import Surroundings

LIMIT_S = 10.0


class Described(Protocol):
    """A sensor that is not one of its class on the board, but one of those that the owner describes."""

    @property
    def name(self) -> str:
        """What reports call it."""

    @property
    def quantities(self) -> tuple[str, ...]:
        """What it measures wherever it is present."""

    def detect(self, surroundings: Surroundings) -> Sensor | Absent:
        """The sensor as found there, or why there is none."""


Kind: TypeAlias = type[Sensor] | Described  # what can be looked for


class Search(threading.Thread):
    """The search for one kind of sensor; `found` is its result, None as long as there is none."""

    def __init__(self, kind: Kind, surroundings: Surroundings) -> None:
        super().__init__(name=f"search for {kind.name}", daemon=True)
        self.found: Sensor | Absent | None = None
        self._kind, self._surroundings = kind, surroundings
        self._given_up = False
        self._lock = threading.Lock()

    def run(self) -> None:
        """Look for it; what is found too late is closed again."""
        found = _detect(self._kind, self._surroundings)
        with self._lock:
            self.found = found
            too_late = self._given_up
        if too_late and isinstance(found, Sensor):
            found.close()

    def result(self, limit_s: float) -> Sensor | Absent:
        """What was found within the limit."""
        self.join(max(limit_s, 0))
        with self._lock:
            self._given_up = self.found is None
            return self.found or Absent("looking for it hung, so it is left out; see what the kernel says (dmesg).")


def search(kinds: Iterable[Kind], surroundings: Surroundings, limit_s: float) -> list[Sensor | Absent]:
    """What became of each kind. One whose last search still hangs is not looked for once more."""
    hanging = {thread.name for thread in threading.enumerate()}
    searches = [Search(kind, surroundings) for kind in kinds]
    for one in searches:
        if one.name not in hanging:
            one.start()
    deadline = time.monotonic() + limit_s
    return [
        Absent("an earlier search for it still hangs; restart the agent once its cause is gone.")
        if one.name in hanging
        else one.result(deadline - time.monotonic())
        for one in searches
    ]


def _detect(kind: Kind, surroundings: Surroundings) -> Sensor | Absent:
    try:
        return kind.detect(surroundings)
    except OSError as error:
        return Absent(f"it is there but cannot be read: {error}.")
    except Exception as error:  # noqa: BLE001 - a defect in one sensor must not end the others
        return Absent(f"defect in the sensor while it was looked for: {error!r}.")
