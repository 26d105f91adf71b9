"""What a sampler wrote, read back: the format is described in agent/sampler.py."""

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from pydantic import TypeAdapter

from gradfilter.bench.schema import SamplerReport, SensorReport, Series

_SENSORS = TypeAdapter(list[SensorReport])
_REPORT = TypeAdapter(SamplerReport)


class Reading(NamedTuple):
    """What a sensor's channels read at an instant of the monotonic clock, None where a channel had no answer."""

    number: int
    instant_s: float
    values: list[float | None]


@dataclass
class Samples:
    """The readings of a run. report is None where the sampler did not live to write it."""

    sensors: list[SensorReport] = field(default_factory=list)
    series: list[Series] = field(default_factory=list)
    report: SamplerReport | None = None

    def lowest(self, sensor: str, channel: str) -> float | None:
        """The lowest reading of a channel, None where there is none."""
        for one in self.series:
            if (one.channel.sensor, one.channel.name) == (sensor, channel):
                return min((value for value in one.values if value is not None), default=None)
        return None


def read_samples(path: Path) -> Samples:
    """All that is readable in a sampler's file.

    A crash can cut the last line off, and a power cut can leave zeros in the file: such lines are left out.
    """
    lines = _whole_lines(path)
    try:
        header = json.loads(next(lines, "{}"))
        samples = Samples(sensors=_SENSORS.validate_python(header["sensors"]))
    except (ValueError, LookupError):
        return Samples()
    by_number = [[Series(channel) for channel in sensor.channels] for sensor in samples.sensors if sensor.present]
    for line in lines:
        with suppress(ValueError, IndexError):
            _take(line, samples, by_number)
    samples.series = [series for one in by_number for series in one]
    return samples


def parse_reading(line: str) -> Reading:
    """A line of readings.

    Raises:
        ValueError: it is none, or was cut off.
    """
    number, instant, *words = line.split()
    return Reading(int(number), float(instant), [None if word == "-" else float(word) for word in words])


def _take(line: str, samples: Samples, by_number: list[list[Series]]) -> None:
    if line.startswith("# "):
        samples.report = _REPORT.validate_json(line[2:])
    elif not line.startswith("! "):
        number, instant_s, values = parse_reading(line)
        for series, value in zip(by_number[number], values, strict=True):
            series.times_s.append(instant_s)
            series.values.append(value)


def _whole_lines(path: Path) -> Iterator[str]:
    if not path.exists():
        return
    with path.open(errors="replace") as file:
        for line in file:
            if line.endswith("\n"):
                yield line[:-1]
