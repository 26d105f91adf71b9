"""A real job on a made-up Jetson whose power is known at every instant: the report's energy against its integral."""

import math
import signal
import threading
import time
from contextlib import closing
from itertools import pairwise

import pytest

from tests.agent.sensors.jtop_board import Service
from tests.boards.jetson import Jetson
from tests.boards.jetson_stats import NEWEST, python_with
from tests.missing import missing
from tests.system.lab import Lab, tiny_job

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]

# Power over time as (second, watts), straight in between and begun anew at the end: slower than jtop's half second.
WAVEFORM = ((0.0, 4.0), (4.0, 10.0), (5.0, 10.0), (8.0, 4.0))
PERIOD_S = WAVEFORM[-1][0]
MEASURED_S = 20.0  # thirty distinct readings, the fewest that carry an energy, take jtop fifteen seconds
SMALL_BATCH = 2  # decoded thousands at once, so that steps without a pause last seconds: what is shorter, jtop blurs


class Driver:
    """Has a board draw the waveform until it is closed. written: each instant and the power from then on."""

    def __init__(self, board: Jetson) -> None:
        self.written: list[tuple[float, float]] = []
        self._board, self._ended = board, threading.Event()
        self._thread = threading.Thread(target=self._drive)
        self._thread.start()

    def _drive(self) -> None:
        while not self._ended.wait(0.03):
            watts = watts_at(time.monotonic() % PERIOD_S)
            self._board.set_input_power(watts)
            self.written.append((time.monotonic(), watts))

    def close(self) -> None:
        self._ended.set()
        self._thread.join()

    def joules(self, start_s: float, end_s: float) -> float:
        steps = pairwise(self.written)
        return sum(watts * max(min(to, end_s) - max(since, start_s), 0) for (since, watts), (to, _) in steps)


def watts_at(second: float) -> float:
    for (start, before), (end, after) in pairwise(WAVEFORM):
        if second <= end:
            return before + (after - before) * (second - start) / (end - start)
    return WAVEFORM[-1][1]


@pytest.fixture(name="board")
def fixture_board(tmp_path):
    """A made-up Orin Nano with the real jtop.service."""
    python = python_with(NEWEST)
    try:
        board = Jetson("jetson-orin-nano", tmp_path / "board")
    except OSError as error:
        missing(str(error))
    with closing(board):
        Service(board, python)
        yield board


@pytest.fixture(name="lab")
def fixture_lab(tmp_path, board):
    """A lab whose agent runs on the made-up board, and ends with it."""
    lab = Lab(tmp_path)
    lab.agent.environment["GRADFILTER_AGENT_JTOP_PYTHON"] = str(python_with(NEWEST))
    lab.agent.starter = lambda command, **options: board.start(*command, **options)
    try:
        yield lab
    finally:
        lab.controller.end(signal.SIGTERM)


def measure(lab, steps):
    """A job of one run with so many measured steps, to its end: its report, and where it measured."""
    workload = {"batch_size": SMALL_BATCH, "measured_steps": steps}
    variants = [{"name": "baseline", "methods": []}]
    limits = {"settle_s": 0, "run_s": 200}
    job = lab.submit(tiny_job(workload=workload, repetitions=1, variants=variants, limits=limits))
    lab.wait_until_final(job)
    record = lab.get(f"/v1/runs/{lab.runs(job)[0]['id']}")
    windows = [(phase["start_s"], phase["end_s"]) for phase in record["phases"] if phase["name"] == "measured"]
    return lab.get(f"/v1/jobs/{job}/report.json"), windows


def measure_for(lab, seconds):
    """The same with as many steps as fill so many seconds on this machine, and their number."""
    steps = 300
    while True:
        report, windows = measure(lab, steps)
        lasted_s = sum(end_s - start_s for start_s, end_s in windows)
        if lasted_s >= seconds:
            return report, windows, steps
        steps = math.ceil(steps * 1.3 * seconds / lasted_s)


@pytest.mark.parametrize("source", ["jtop", pytest.param("ina", marks=pytest.mark.long)])
def test_the_reports_energy_is_the_waveforms(lab, board, source):
    """Within 1 % and its own ±, whichever sensor it comes from; where both see the rail, they agree."""
    if source == "jtop":  # a driver whose name the agent does not know, while jtop takes the chip's
        board.write("bus/i2c/devices/1-0040/hwmon/hwmon1/name", "newer_driver")
    lab.start()
    with closing(Driver(board)) as driver:
        report, windows, steps = measure_for(lab, MEASURED_S)
    energy = report["variants"][0]["parts"][0]["metrics"]["energy_per_step"]
    assert energy["estimate"] is not None, energy["unmeasured"]
    truth = sum(driver.joules(*window) for window in windows) / steps
    assert pytest.approx(truth, rel=0.01) == energy["estimate"]["value"], energy
    assert abs(truth - energy["estimate"]["value"]) <= 2 * energy["meter_error"]["standard"]
    assert source in energy["source"]
    assert [] == [concern for concern in report["concerns"] if "disagree" in concern["code"]]
