"""The hottest zone of a board now, from what the sampler of a run has written."""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from agent.samples import Reading, parse_reading, read_samples

_PATIENCE_S = 5.0  # a sensor that has no answer by then is not waited for, and what it said before is not "now"
_LOOK_S = 0.5  # the sampler writes twice a second


class Thermometer:
    """Reads on from where it stopped, so that a look costs what is new since."""

    def __init__(
        self, samples: Path, rest: Callable[[float], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        present = [sensor for sensor in read_samples(samples).sensors if sensor.present]
        places = [[i for i, c in enumerate(sensor.channels) if c.quantity == "temperature"] for sensor in present]
        self._places = {number: found for number, found in enumerate(places) if found}
        self._samples = samples
        self._offset = 0
        self._clock = clock
        self._latest: dict[int, tuple[float, float]] = {}  # sensor → instant (s), its hottest channel (°C)
        if self._places:
            self._wait(rest)

    def hottest_c(self) -> float | None:
        """The highest of every sensor's latest temperatures (°C); None where none is of the last seconds."""
        for number, instant_s, values in self._new_readings() if self._places else ():
            found = [values[i] for i in self._places.get(number, ()) if i < len(values)]
            answers = [value for value in found if value is not None]
            if answers:
                self._latest[number] = (instant_s, max(answers))
        oldest_s = self._clock() - _PATIENCE_S
        return max((hottest_c for instant_s, hottest_c in self._latest.values() if instant_s >= oldest_s), default=None)

    def _wait(self, rest: Callable[[float], None]) -> None:
        """Until a thermometer has answered for the first time."""
        waited_s = 0.0
        while self.hottest_c() is None and waited_s < _PATIENCE_S:
            rest(_LOOK_S)
            waited_s += _LOOK_S

    def _new_readings(self) -> Iterator[Reading]:
        with self._samples.open("rb") as file:
            file.seek(self._offset)
            whole, newline, _ = file.read().rpartition(b"\n")
        self._offset += len(whole) + len(newline)
        for line in whole.decode(errors="replace").split("\n"):
            with suppress(ValueError):
                yield parse_reading(line)
