"""The trace of a run that goes on: a point a second, from what is on disk and what the worker has told."""

import json
from dataclasses import asdict

import pytest

from agent.live_trace import LiveTrace
from gradfilter.bench.schema import Channel, SensorReport, Step, Trace

METER = Channel("VDD_IN", "ina", "power", "W", covers="board_input")
RAIL = Channel("VDD_CPU", "ina", "power", "W", covers="rail")
PACKAGES = [Channel(f"package-{i}", "rapl", "energy", "J", kind="counter", covers="package") for i in (0, 1)]
ZONES = [Channel(name, "thermal", "temperature", "degC") for name in ("cpu", "gpu")]


class Run:
    """A sampler's file that grows, and a worker's steps."""

    def __init__(self, folder, *sensors):
        self.file, self.steps = folder / "samples.txt", []
        self.trace = LiveTrace(self.file, self.steps, "cpu")
        present = [SensorReport(channels[0].sensor, present=True, channels=list(channels)) for channels in sensors]
        absent = SensorReport("jtop", present=False, reason="none.")
        self.write(json.dumps({"period_s": 0.1, "sensors": [asdict(one) for one in (absent, *present)]}) + "\n")

    def write(self, text):
        with self.file.open("a") as file:
            file.write(text)

    def step(self, start_s, seconds):
        self.steps.append(Step(0, "measured", start_s, seconds, seconds, 0.0))


@pytest.fixture
def run(tmp_path):
    return Run(tmp_path, [METER, RAIL], ZONES)


def test_a_second_has_mean_power_hottest_zone_and_median_step(run):
    """Readings of one second become one point; the second that is still filling is left out."""
    run.write("0 10.1 5.0 2.0\n0 10.6 7.0 2.0\n1 10.5 40.0 45.5\n0 12.0 1.0 1.0\n")
    for seconds in (0.1, 0.2, 0.4):
        run.step(10.2, seconds)
    assert Trace([10.0], [6.0], [45.5], [0.4]) == run.trace.since(-1)


def test_each_look_tells_what_is_new(run):
    """The second look begins where the first ended, and a line that is still being written waits for its end."""
    run.write("0 10.0 5.0 2.0\n0 12.0 6.0 2.0\n0 14.0 7")
    assert [10.0] == run.trace.since(-1).times_s
    run.write(".0 2.0\n")
    assert ([12.0], [6.0]) == (run.trace.since(10.0).times_s, run.trace.since(10.0).power_w)
    assert [] == run.trace.since(12.0).times_s


def test_a_counter_becomes_power(tmp_path):
    """Packages add up, and power is what their counters rose by; one that wrapped gives none for that reading."""
    run = Run(tmp_path, PACKAGES)
    run.write("0 1.0 0.0 0.0\n0 2.0 6.0 4.0\n0 3.0 0.5 0.0\n0 5.0 4.5 2.0\n0 7.0 0.0 0.0\n")
    assert Trace([1.0, 2.0, 3.0, 5.0], [None, 10.0, None, 3.0], [None] * 4, [None] * 4) == run.trace.since(-1)


def test_missing_readings_and_words_of_the_sampler_are_no_points(run):
    """A reading that failed, a dropped sensor and the report leave the seconds empty."""
    run.write("0 10.0 - 2.0\n! 1 thermal: gone\n# {}\n1 10.0 - 41.0\n0 13.0 5.0 1.0\n")
    assert Trace([10.0], [None], [41.0], [None]) == run.trace.since(-1)


def test_a_caller_with_the_clock_of_another_boot_gets_everything(run):
    """What the caller saw last lies ahead of this board's clock, so it is of a boot before."""
    run.write("0 10.0 5.0 2.0\n0 12.0 5.0 2.0\n")
    assert [10.0] == run.trace.since(90000.0).times_s


def test_without_a_sampler_there_are_only_steps(tmp_path):
    """A preparation is not sampled, and a file that cannot be read gives no readings."""
    steps = [Step(0, "measured", float(i), 0.1, 0.1, 0.1) for i in range(3)]
    assert [0.0] == LiveTrace(tmp_path / "none", steps, "cpu").since(-1).times_s
    (tmp_path / "broken").write_text("not json\n0 1.0 2.0\n")
    assert Trace() == LiveTrace(tmp_path / "broken", [], "cpu").since(-1)
