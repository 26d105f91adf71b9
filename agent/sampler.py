"""Read a board's sensors at a jittered period and append the readings to a file: `python -m agent.sampler`.

It is a small process of its own, so that a slow sensor never delays the agent and the agent never delays a
reading. It imports neither FastAPI nor pydantic. On its stdin it takes the surroundings as the first line, which no
other user can see there, and later the worker's process id as another; at the end of stdin it writes its report
and exits, so it never outlives the agent.

The file, which agent/samples.py reads back, has one line an entry:

    {"period_s": 0.1, "sensors": [...]}      what was found, before any reading
    2 81.2504 0.31 -                         sensor number, instant, one value a channel; - is no reading
    ! 2 thermal: gone                        that sensor is dropped, and why
    # {"readings": 41, "cpu_s": ..., ...}    the report, last
"""

import argparse
import json
import os
import select
import signal
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from random import Random
from typing import TextIO

from agent.errors import SensorFailed
from agent.sensors import detect_sensors
from agent.sensors.sensor import Sensor
from agent.sensors.surroundings import Surroundings
from gradfilter.bench.schema import SamplerReport, SensorReport

_JITTER = 0.1  # of the period, so that a step as long as the period does not alias with it
_PATIENCE = 10  # readings in a row that may fail before a sensor is dropped


@dataclass
class Watched:
    """A sensor, its number in the file, and how often in a row it has failed."""

    number: int
    sensor: Sensor
    failures: int = 0


@dataclass
class Sampler:
    """Takes readings and keeps account of what that costs."""

    watched: list[Watched]
    file: TextIO
    report: SamplerReport
    last_s: float = field(default_factory=time.monotonic)
    cpu_at_start_s: float = field(default_factory=time.process_time)

    def sample(self) -> None:
        """Read every sensor once and append what it gave."""
        now = time.monotonic()
        self.report.worst_gap_s = max(self.report.worst_gap_s, now - self.last_s)
        self.last_s = now
        for watched in list(self.watched):
            self._read(watched)
        self.file.flush()
        self.report.readings += 1

    def follow(self, pid: int) -> None:
        """Tell every sensor the worker's process id."""
        for watched in self.watched:
            watched.sensor.follow(pid)

    def finish(self) -> None:
        """Append the report."""
        self.report.cpu_s = time.process_time() - self.cpu_at_start_s
        self.file.write("# " + json.dumps(asdict(self.report)) + "\n")
        self.file.flush()

    def _read(self, watched: Watched) -> None:
        try:
            readings = watched.sensor.readings()
        except SensorFailed as error:
            self._drop(watched, str(error))
        except OSError as error:
            watched.failures += 1
            if watched.failures >= _PATIENCE:
                self._drop(watched, f"{_PATIENCE} readings in a row failed, the last with: {error}")
        except Exception as error:  # noqa: BLE001 - a defect in one sensor must not end the others
            self._drop(watched, f"defect in the sensor: {error!r}")
        else:
            watched.failures = 0
            for reading in readings:
                self.file.write(f"{watched.number} {reading.at_s!r} {' '.join(map(_text, reading.values))}\n")

    def _drop(self, watched: Watched, reason: str) -> None:
        self.watched.remove(watched)
        sentence = f"{watched.sensor.name}: {reason}"
        self.report.dropped.append(sentence)
        self.file.write(f"! {watched.number} {json.dumps(sentence)}\n")


def _text(value: float | None) -> str:
    return "-" if value is None else repr(value)


def _header(period_s: float, sensors: list[SensorReport]) -> str:
    return json.dumps({"period_s": period_s, "sensors": [asdict(sensor) for sensor in sensors]}) + "\n"


def jittered(period_s: float, random: Random) -> float:
    """The time to the next reading: the period, ±10 %."""
    return period_s * random.uniform(1 - _JITTER, 1 + _JITTER)


def sample_until_told(sampler: Sampler, period_s: float) -> None:
    """Sample at the jittered period until stdin ends; a late reading is taken at once, never twice."""
    sampler.sample()
    print("sampling", flush=True)  # noqa: T201 - the agent waits for this word before it goes on
    random, due = Random(), time.monotonic()  # noqa: S311 - no secret
    while True:
        left = due - time.monotonic()
        if left <= 0:
            sampler.sample()
            due = max(due + jittered(period_s, random), time.monotonic())
            continue
        if select.select([0], [], [], left)[0]:
            told = os.read(0, 4096)  # the agent writes one short line, which arrives in one piece
            if not told:
                return
            sampler.follow(int(told))


def main() -> None:
    """Detect, write what was found, sample until stdin ends, report."""
    parser = argparse.ArgumentParser(prog="python -m agent.sampler", description=__doc__.splitlines()[0])
    parser.add_argument("--period", type=float, required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the agent's business; it then ends stdin
    sensors, reports = detect_sensors(Surroundings.from_json(_first_line()))
    with arguments.out.open("w") as file:
        file.write(_header(arguments.period, reports))
        file.flush()
        watched = [Watched(number, sensor) for number, sensor in enumerate(sensors)]
        sampler = Sampler(watched, file, SamplerReport(arguments.period, readings=0, cpu_s=0.0, worst_gap_s=0.0))
        sample_until_told(sampler, arguments.period)
        sampler.finish()
    for sensor in sensors:
        sensor.close()


def _first_line() -> str:
    """The first line of stdin and no byte more, since select() does not see what a buffer holds."""
    line = b""
    while not line.endswith(b"\n") and (byte := os.read(0, 1)):
        line += byte
    return line.decode()


if __name__ == "__main__":
    main()
