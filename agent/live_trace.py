"""What a run that is going on has shown so far, a point a second: for people who watch, never for a result.

Read again from where the last look ended, so that each look costs what is new since: the sampler's file, and the
steps that the worker has told of.
"""

import json
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean, median

from pydantic import TypeAdapter, ValidationError

from gradfilter.bench.schema import SensorReport, Step, Trace, energy_channels

MOST_POINTS = 1800
_LATE_S = 1
_Point = tuple[float, float | None, float | None, float | None]
_SENSORS = TypeAdapter(list[SensorReport])


@dataclass
class _Second:
    """The readings of one second of the board's clock."""

    power_w: list[float] = field(default_factory=list)
    temperature_c: list[float] = field(default_factory=list)
    step_s: list[float] = field(default_factory=list)


class LiveTrace:
    """The trace of one run. compute: what the workload computes on, which decides whose power is meant."""

    def __init__(self, samples: Path, steps: Sequence[Step], compute: str) -> None:
        self._samples = samples
        self._steps = steps
        self._compute = compute
        self._lock = threading.Lock()
        self._offset = 0
        self._steps_read = 0
        self._readers: dict[int, _SensorReader] | None = None
        self._filling: dict[int, _Second] = {}
        self._over: deque[_Point] = deque(maxlen=MOST_POINTS)

    def since(self, after_s: float) -> Trace:
        """The seconds after this instant that are over, the last half hour at most."""
        with self._lock:
            self._read_samples()
            self._read_steps()
            self._close_seconds()
            if self._over and after_s > self._over[-1][0]:  # the caller remembers another boot's clock
                after_s = -1.0
            found = [point for point in self._over if point[0] > after_s]
        return Trace(*(list(column) for column in zip(*found, strict=True)))

    def _close_seconds(self) -> None:
        """Seconds to which nothing will be added any more, since the sampler writes twice a second."""
        newest = max(self._filling, default=0)
        for second in sorted(second for second in self._filling if second < newest - _LATE_S):
            one = self._filling.pop(second)
            self._over.append(
                (
                    float(second),
                    fmean(one.power_w) if one.power_w else None,
                    max(one.temperature_c, default=None),
                    median(one.step_s) if one.step_s else None,
                )
            )

    def _read_samples(self) -> None:
        for line in self._new_lines():
            if self._readers is None:
                self._readers = _readers(line, self._compute)
            else:
                self._take(line)

    def _take(self, line: str) -> None:
        number, _, rest = line.partition(" ")
        reader = (self._readers or {}).get(int(number)) if number.isdigit() else None
        if reader is None:  # a sensor that is not drawn, or a word of the sampler's own
            return
        instant, *words = rest.split()
        values = [None if word == "-" else float(word) for word in words]
        reader.read(float(instant), values, self._second(float(instant)))

    def _read_steps(self) -> None:
        new = self._steps[self._steps_read :]
        self._steps_read += len(new)
        for step in new:
            self._second(step.start_s).step_s.append(step.forward_s + step.backward_s + step.optimizer_s)

    def _second(self, instant_s: float) -> _Second:
        """Where a reading of this instant counts: a late one in the first second that is not over."""
        first_open = int(self._over[-1][0]) + 1 if self._over else 0
        return self._filling.setdefault(max(first_open, int(instant_s)), _Second())

    def _new_lines(self) -> Iterator[str]:
        """Whole lines that were written since the last look."""
        if not self._samples.exists():
            return
        with self._samples.open("rb") as file:
            file.seek(self._offset)
            whole, newline, _ = file.read().rpartition(b"\n")
        self._offset += len(whole) + len(newline)
        if newline:
            yield from whole.decode(errors="replace").split("\n")


class _SensorReader:
    """Takes power and temperature from the readings of one sensor. Of a counter, power is what it rose by."""

    def __init__(self, gauges: list[int], counters: list[int], temperatures: list[int]) -> None:
        self._gauges = gauges
        self._counters = counters
        self._temperatures = temperatures
        self._before: tuple[float, float] | None = None

    def read(self, instant_s: float, values: Sequence[float | None], second: _Second) -> None:
        """One reading of all of the sensor's channels."""
        watts = [values[i] for i in self._gauges]
        joules = [values[i] for i in self._counters]
        second.temperature_c += [value for i in self._temperatures if (value := values[i]) is not None]
        if watts and None not in watts:
            second.power_w.append(sum(value for value in watts if value is not None))
        if joules and None not in joules:
            self._count(instant_s, sum(value for value in joules if value is not None), second)

    def _count(self, instant_s: float, joules: float, second: _Second) -> None:
        if self._before is not None and instant_s > self._before[0] and joules >= self._before[1]:
            second.power_w.append((joules - self._before[1]) / (instant_s - self._before[0]))
        self._before = (instant_s, joules)


def _readers(header: str, compute: str) -> dict[int, _SensorReader]:
    """By sensor number, what to take of it; empty where the header cannot be read."""
    try:
        sensors = _SENSORS.validate_python(json.loads(header)["sensors"])
    except (ValidationError, ValueError, LookupError):
        return {}
    present = [sensor for sensor in sensors if sensor.present]
    energy = energy_channels([channel for sensor in present for channel in sensor.channels], compute)
    readers = {}
    for number, sensor in enumerate(present):
        places = list(enumerate(sensor.channels))
        gauges = [i for i, channel in places if channel in energy and channel.kind == "gauge"]
        counters = [i for i, channel in places if channel in energy and channel.kind == "counter"]
        temperatures = [i for i, channel in places if channel.quantity == "temperature"]
        if gauges or counters or temperatures:
            readers[number] = _SensorReader(gauges, counters, temperatures)
    return readers
