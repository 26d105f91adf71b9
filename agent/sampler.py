"""Read a board's sensors at a jittered period and append the readings to a file: `python -m agent.sampler`.

It is a small process of its own, so that a slow sensor never delays the agent and the agent never delays a
reading; and every sensor has a thread of its own, so that none delays another. It imports neither FastAPI nor
pydantic. On its stdin it takes the surroundings as the first line, which no other user can see there, and later the
worker's process id as another; at the end of stdin it writes its report and exits, so it never outlives the agent.

The file, which only the main thread writes and agent/samples.py reads back, has one line an entry:

    {"period_s": 0.1, "sensors": [...]}      what was found, before any reading
    2 81.2504 0.31 -                         sensor number, instant, one value a channel; - is no reading
    ! 2 thermal: gone                        that sensor is dropped, and why
    # {"readings": 41, "cpu_s": ..., ...}    the report, last
"""

import argparse
import gc
import json
import os
import resource
import select
import signal
import time
from dataclasses import asdict
from functools import partial
from pathlib import Path
from random import SystemRandom
from typing import TextIO

from agent.beats import Beats
from agent.sampling_account import Account
from agent.sensor_thread import Asked, SensorThread
from agent.sensors import detect_sensors
from agent.sensors.sensor import Sensor
from agent.sensors.surroundings import Surroundings
from gradfilter.bench.schema import SamplerReport, SensorReport

_FIRST_S = 5.0  # within which every sensor has answered once, or is dropped, or is left to come later
_CLOSE_S = 2.0  # within which the sensors must have closed, or they are left behind
COLLECT_S = 0.5  # what a crash of the board can cost of the readings; waking up oftener costs the training


class Watched:
    """A sensor, its number in the file, and the account of it."""

    def __init__(self, number: int, sensor: Sensor, beats: Beats) -> None:
        self.number = number
        self.thread = SensorThread(sensor, beats)
        self.account = Account(sensor.name, sensor.channels, self.thread.period_s)
        self.dropped = False


class Sampler:
    """Collects what the sensors' threads have read, and keeps account of what that costs."""

    def __init__(self, sensors: list[Sensor], file: TextIO, period_s: float, collect_s: float) -> None:
        beats = partial(Beats, time.monotonic(), period_s, SystemRandom().getrandbits(32))
        self._watched = [Watched(number, sensor, beats()) for number, sensor in enumerate(sensors)]
        self._beats = beats()
        self._file = file
        self._period_s = period_s
        self._collect_s = collect_s
        self._sentences: list[str] = []
        self._cpu_at_start_s = _cpu_s()

    def start(self) -> None:
        """Start to read, and return once every sensor has answered, or has had its time to."""
        for watched in self._watched:
            watched.thread.start()
        deadline = time.monotonic() + _FIRST_S
        for watched in self._watched:
            while not (watched.thread.answered.wait(0.1) or watched.dropped or time.monotonic() > deadline):
                self.collect()
        self.collect()

    def pause_s(self) -> float:
        """How long until the next collect(): at a beat, when the sensors' threads wake up anyway, if one comes soon."""
        now_s = time.monotonic()
        return min(self._beats.after(now_s + self._collect_s) - now_s, 2 * self._collect_s)

    def collect(self) -> None:
        """Append what was read since the last time, and drop the sensors that hang."""
        for watched in self._watched:
            if not watched.dropped:
                self._take(watched)
        self._file.flush()

    def follow(self, pid: int) -> None:
        """Tell every sensor the worker's process id."""
        for watched in self._watched:
            watched.thread.follow(pid)

    def finish(self) -> None:
        """Stop, append the last readings and the report. A sensor that hangs is left behind."""
        for watched in self._watched:
            watched.thread.stop()
        deadline = time.monotonic() + _CLOSE_S
        for watched in self._watched:
            if not watched.dropped:
                watched.thread.join(max(deadline - time.monotonic(), 0))
        self.collect()
        for watched in self._watched:
            if watched.thread.is_alive() and not watched.dropped:
                self._drop(watched, f"it had not ended {_CLOSE_S:g} s after the run and was left behind.")
        self._file.write("# " + json.dumps(asdict(self._report())) + "\n")
        self._file.flush()

    def _take(self, watched: Watched) -> None:
        thread = watched.thread
        while thread.asked:
            asked = thread.asked.popleft()
            watched.account.note(asked)
            self._write(watched.number, asked)
            if asked.dropped:
                self._drop(watched, asked.dropped)
        if not watched.dropped and (hung_s := thread.hung_s):
            self._drop(
                watched,
                f"a reading has lasted {hung_s:.1f} s and not ended, so it is read no more in this run. What it reads "
                "hangs: try it with `gradfilter-agent sensors`, and see what the kernel says (dmesg).",
            )

    def _write(self, number: int, asked: Asked) -> None:
        for reading in asked.readings:
            self._file.write(f"{number} {reading.at_s!r} {' '.join(map(_text, reading.values))}\n")

    def _drop(self, watched: Watched, reason: str) -> None:
        watched.dropped = True
        watched.thread.stop()
        sentence = f"{watched.thread.sensor.name}: {reason}"
        self._sentences.append(sentence)
        self._file.write(f"! {watched.number} {json.dumps(sentence)}\n")

    def _report(self) -> SamplerReport:
        accounts = [watched.account for watched in self._watched]
        at_period = [w.account.worst_gap_s for w in self._watched if w.thread.period_s == self._period_s]
        return SamplerReport(
            period_s=self._period_s,
            readings=sum(account.readings for account in accounts),
            cpu_s=_cpu_s() - self._cpu_at_start_s,
            worst_gap_s=max(at_period, default=0.0),
            dropped=self._sentences,
            remarks=[f"{w.thread.sensor.name}: {remark}" for w in self._watched for remark in w.thread.sensor.remarks],
            sensors=[account.report() for account in accounts],
        )


def _cpu_s() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)  # those that have ended
    return time.process_time() + children.ru_utime + children.ru_stime


def _text(value: float | None) -> str:
    return "-" if value is None else repr(value)


def _header(period_s: float, sensors: list[SensorReport]) -> str:
    return json.dumps({"period_s": period_s, "sensors": [asdict(sensor) for sensor in sensors]}) + "\n"


def _sample_until_told(sampler: Sampler) -> None:
    """Collect at a steady pace until stdin ends."""
    sampler.start()
    gc.freeze()  # what was imported is searched for rubbish no more
    print("sampling", flush=True)  # noqa: T201 - the agent waits for this word before it goes on
    while True:
        if select.select([0], [], [], sampler.pause_s())[0]:
            told = os.read(0, 4096)  # the agent writes one short line, which arrives in one piece
            if not told:
                return
            sampler.follow(int(told))
        sampler.collect()


def main() -> None:
    """Detect, write what was found, sample until stdin ends, report."""
    parser = argparse.ArgumentParser(prog="python -m agent.sampler", description=__doc__.splitlines()[0])
    parser.add_argument("--period", type=float, required=True)
    parser.add_argument("--collect", type=float, default=COLLECT_S)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the agent's business; it then ends stdin
    sensors, reports = detect_sensors(Surroundings.from_json(_first_line()))
    with arguments.out.open("w") as file:
        file.write(_header(arguments.period, reports))
        file.flush()
        sampler = Sampler(sensors, file, arguments.period, arguments.collect)
        _sample_until_told(sampler)
        sampler.finish()


def _first_line() -> str:
    """The first line of stdin and no byte more, since select() does not see what a buffer holds."""
    line = b""
    while not line.endswith(b"\n") and (byte := os.read(0, 1)):
        line += byte
    return line.decode()


if __name__ == "__main__":
    main()
