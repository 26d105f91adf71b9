"""The sampler as its own process, on boards whose files change under it."""

import os
from itertools import cycle, pairwise
from pathlib import Path
from statistics import median

import pytest

from agent.sensors.surroundings import Surroundings
from tests.agent.sampling import Sampling
from tests.agent.service import wait_until

PERIOD_S = 0.05
POWER = "sys/class/hwmon/hwmon3/power1_input"  # a Raspberry Pi 5's ina226, in microwatts; read at the period


class BoardSampling(Sampling):
    """The sampler on a board, and readings by the channel's name."""

    def __init__(self, root, out):
        super().__init__(Surroundings(root=root), out, PERIOD_S)

    def readings(self, channel):
        return next(one.values for one in self.now.series if one.channel.name == channel)

    def await_readings(self, channel, count):
        wait_until(f"{count} readings", lambda: len(self.readings(channel)) >= count)


def replace_with_pipe(path: Path):
    """A pipe that nobody writes in the place of the file, at once."""
    pipe = path.with_name("pipe")
    os.mkfifo(pipe)
    pipe.replace(path)


@pytest.fixture
def start(board, tmp_path):
    started = []

    def start(name):
        root = board(name)
        started.append(BoardSampling(root, tmp_path / "samples.txt"))
        return root, started[-1]

    yield start
    for sampling in started:
        sampling.close()


def test_change_of_a_rail_is_seen(start):
    """Readings follow the file, and each carries an instant that is later than the one before."""
    root, sampling = start("jetson-orin-nano")
    (root / "sys/class/hwmon/hwmon1/curr1_input").write_text("2000\n")
    wait_until("the change", lambda: 10.0 in sampling.readings("VDD_IN"))
    series = next(one for one in sampling.finish().series if one.channel.name == "VDD_IN")
    assert 6.0 == series.values[0]
    assert sorted(set(series.times_s)) == series.times_s


def test_report_counts_what_it_cost(start):
    """At the end of stdin the sampler reports its readings, CPU time and worst gap, and exits."""
    _, sampling = start("raspberry-pi-5")
    sampling.await_readings("ina226", 5)
    samples = sampling.finish()
    assert sum(one.readings for one in samples.report.sensors) == samples.report.readings
    assert 0 < samples.report.cpu_s
    assert 0.9 * PERIOD_S <= samples.report.worst_gap_s
    assert [] == samples.report.dropped


def test_report_tells_how_each_sensor_was_read(start):
    """Readings, distinct ones, the time between them and the time of one: by sensor, as the series show it."""
    root, sampling = start("raspberry-pi-5")
    sampling.await_readings("ina226", 5)
    (root / POWER).write_text("6000000\n")
    wait_until("the change", lambda: 6.0 in sampling.readings("ina226"))
    samples = sampling.finish()
    [ina] = [one for one in samples.report.sensors if one.name == "ina"]
    [series] = [one for one in samples.series if one.channel.name == "ina226"]
    steps = [after - before for before, after in pairwise(series.times_s)]
    assert (PERIOD_S, len(series.values)) == (ina.period_s, ina.readings)
    assert {"ina226": 2} == ina.distinct_readings
    assert pytest.approx((median(steps), max(steps))) == (ina.median_period_s, ina.worst_gap_s)
    assert 0 < ina.jitter_s
    assert 0 < ina.median_read_s <= ina.worst_read_s


def test_what_changes_slowly_is_read_less_often(start):
    """Clocks, temperatures, memory and load have a slower pace of their own, since each reading costs the training."""
    _, sampling = start("jetson-orin-nano")
    sampling.await_readings("VDD_IN", 5)
    paces = {one.name: one.period_s for one in sampling.finish().report.sensors}
    assert PERIOD_S == paces.pop("ina")
    assert {"process_memory", "system_memory", "load", "clocks", "thermal", "throttling"} == paces.keys()
    assert all(pace >= 0.5 for pace in paces.values())


def test_sensor_that_dies_is_dropped_and_the_others_go_on(start):
    """A chip that gives only errors is dropped with its reason after ten of them; the thermometer is read on."""
    root, sampling = start("jetson-orin-nano")
    for file in (root / "sys/class/hwmon/hwmon1").glob("*_input"):
        file.unlink()
    wait_until("the end of the chip", lambda: "! " in sampling.out.read_text())
    rails, temperatures = len(sampling.readings("VDD_IN")), len(sampling.readings("cpu-thermal"))
    sampling.await_readings("cpu-thermal", temperatures + 2)
    [dropped] = sampling.finish().report.dropped
    assert dropped.startswith("ina: 10 readings in a row failed")
    assert rails == len(sampling.readings("VDD_IN"))


def test_reset_counter_is_dropped_at_once(start):
    """RAPL counters that were all set back end their series: the joules so far cannot be continued."""
    root, sampling = start("intel-laptop")
    for counter in root.glob("sys/class/powercap/*/energy_uj"):
        counter.write_text("1000\n" if counter.parent.name != "intel-rapl:0" else "200000000000\n")
    wait_until("the end of the counters", lambda: "! " in sampling.out.read_text())
    assert "it was reset" in sampling.finish().report.dropped[0]


def test_sensor_that_hangs_is_dropped_and_the_others_go_on(start):
    """A file that turns into a pipe which nobody writes hangs its sensor; the rest is read on, the end is in time."""
    root, sampling = start("jetson-orin-nano")
    replace_with_pipe(root / "sys/class/thermal/thermal_zone0/temp")
    wait_until("the end of the thermometer", lambda: "! " in sampling.out.read_text())
    rails = len(sampling.readings("VDD_IN"))
    temperatures = len(sampling.readings("cpu-thermal"))
    sampling.await_readings("VDD_IN", rails + 5)
    samples = sampling.finish()
    [dropped] = samples.report.dropped
    assert dropped.startswith("thermal: a reading has lasted ")
    assert "gradfilter-agent sensors" in dropped
    assert temperatures == len(sampling.readings("cpu-thermal"))


def test_sensor_that_hangs_at_the_end_is_left_behind(start):
    """A reading that has not ended when the run does delays the end by two seconds, and is named."""
    root, sampling = start("jetson-orin-nano")
    replace_with_pipe(root / "sys/class/hwmon/hwmon1/curr1_input")
    sampling.await_readings("cpu-thermal", len(sampling.readings("cpu-thermal")) + 1)
    [dropped] = sampling.finish().report.dropped
    assert dropped.startswith("ina: ")
    assert "report" not in dropped


@pytest.mark.parametrize("half", [b"", b"52\n53\n", b"5\x00\x00", b"5e"])
def test_half_written_file_gives_no_invented_value(start, half):
    """A file that is being written is read as what it holds, or not at all; then it is read on."""
    root, sampling = start("raspberry-pi-5")
    count = len(sampling.readings("ina226"))
    (root / POWER).write_bytes(half)
    sampling.await_readings("ina226", count + 4)
    (root / POWER).write_bytes(b"6100000\n")
    wait_until("the whole value", lambda: 6.1 in sampling.readings("ina226"))
    sampling.finish()
    assert {4.145, 6.1} == set(sampling.readings("ina226")) - {None}


def test_value_changes_while_it_is_sampled(start):
    """Every reading of a file that changes faster than it is read is one of the values that it held."""
    root, sampling = start("raspberry-pi-5")
    held = [4.0 + 0.25 * step for step in range(100)]
    values = cycle(held)
    whole = root / "whole"
    while len(set(sampling.readings("ina226"))) < 6:
        whole.write_text(f"{next(values) * 1e6:.0f}\n")
        whole.replace(root / POWER)
    sampling.finish()
    assert set(sampling.readings("ina226")) <= {4.145, *held}


def test_nonsense_is_recorded_as_no_reading(start):
    """A value that makes no sense leaves a hole, not a number."""
    root, sampling = start("raspberry-pi-5")
    (root / POWER).write_bytes(b"\xff\xfe")
    wait_until("the hole", lambda: None in sampling.readings("ina226"))
    sampling.finish()
    assert {4.145, None} == set(sampling.readings("ina226"))


def test_worker_memory_once_its_process_is_known(start):
    """Before the worker's process id is told there is no reading of it."""
    _, sampling = start("raspberry-pi-5")
    sampling.process.stdin.write(b"%d\n" % os.getpid())
    sampling.await_readings("rss", 3)
    assert None is sampling.readings("rss")[0]


def test_sampler_ends_with_whoever_started_it(start):
    """The end of stdin is the end of the sampler, whoever closed it."""
    _, sampling = start("virtual-machine")
    sampling.process.stdin.close()
    assert 0 == sampling.process.wait(30)
