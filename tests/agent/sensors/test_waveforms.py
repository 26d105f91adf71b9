"""Known powers driven through a board's files while the real sampler reads them: the energy must come back.

A board whose four meters all show the same power: an INA3221 through hwmon, one through iio, a Raspberry Pi 5's power
chip behind a stand-in for vcgencmd, and a RAPL counter that wraps on the way. The truth is what was written, and when.
"""

import time
from contextlib import closing
from itertools import pairwise

import pytest

from agent.samples import read_samples
from agent.sensors.surroundings import Surroundings
from controller.analysis.energy import joules_between
from tests.agent.sampling import Sampling
from tests.boards.raspberry_pi_firmware import pmic_read_adc, write_vcgencmd

PERIOD_S = 0.05
WRITE_S = 0.01
EDGE_S = 0.5  # left out at both ends, so that readings reach beyond the window
VOLTS = 5.0
RANGE_UJ = 262143328850
WRAPS_AFTER_J = 11.0
# A board's power as (second, watts), straight in between: rest, ramp up, work, a step of 1 W, ramp down, rest.
RUN = ((0.0, 4.0), (1.0, 4.0), (2.5, 8.0), (3.5, 8.0), (3.5, 7.0), (4.5, 7.0), (5.5, 4.0), (6.5, 4.0))
LONG_RUN = tuple((second * 10, watts) for second, watts in RUN)
CHANNELS = {"VDD_IN": "ina", "POM_5V_IN": "ina", "sum_of_rails": "raspberry_pi_pmic", "package-0": "rapl"}
HWMON = "sys/class/hwmon/hwmon1"
IIO = "sys/bus/i2c/drivers/ina3221x/6-0040/iio:device0"
RAPL = "sys/class/powercap/intel-rapl:0"


def watts_at(run, second):
    for (start, before), (end, after) in pairwise(run):
        if second < end:
            return before + (after - before) * (second - start) / (end - start)
    return run[-1][1]


def replace(path, content):
    """In one step, so that nobody reads half a number."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}")
    beside.write_text(content)
    beside.replace(path)


class Board:
    """Files that show a power, and a record of what they showed since when."""

    def __init__(self, folder):
        self.root, self.firmware = folder / "board", folder / "firmware"
        self.vcgencmd = write_vcgencmd(self.firmware)
        self.written = []
        self.joules = 0.0
        for path, content in {
            f"{HWMON}/name": "ina3221",
            f"{HWMON}/in1_label": "VDD_IN",
            f"{HWMON}/in1_input": f"{VOLTS * 1e3:.0f}",
            f"{IIO}/name": "ina3221x",
            f"{IIO}/rail_name_0": "POM_5V_IN",
            f"{RAPL}/name": "package-0",
            f"{RAPL}/max_energy_range_uj": f"{RANGE_UJ}",
            "proc/device-tree/model": "Raspberry Pi 5 Model B Rev 1.0",
        }.items():
            replace(self.root / path, content + "\n")

    def show(self, watts):
        now = time.monotonic()
        if self.written:
            since, before = self.written[-1]
            self.joules += before * (now - since)
        self.written.append((now, watts))
        counted = int(RANGE_UJ + (self.joules - WRAPS_AFTER_J) * 1e6) % RANGE_UJ
        replace(self.root / f"{HWMON}/curr1_input", f"{watts / VOLTS * 1e3:.0f}\n")
        replace(self.root / f"{IIO}/in_power0_input", f"{watts * 1e3:.0f}\n")
        replace(self.root / f"{RAPL}/energy_uj", f"{counted}\n")
        replace(self.firmware / "pmic_read_adc.txt", pmic_read_adc(watts))

    def joules_between(self, start_s, end_s):
        """Each power lasts until the next is written."""
        spans = [
            (max(since, start_s), min(until, end_s), watts) for (since, watts), (until, _) in pairwise(self.written)
        ]
        return sum(watts * (until - since) for since, until, watts in spans if until > since)


def sample(board, run, out):
    """The window in which the run was shown to the real sampler, without its edges."""
    board.show(run[0][1])
    with closing(Sampling(Surroundings(board.root, vcgencmd=str(board.vcgencmd)), out, PERIOD_S)) as sampling:
        start = time.monotonic()
        while (second := time.monotonic() - start) < run[-1][0]:
            board.show(watts_at(run, second))
            time.sleep(WRITE_S)
        end = time.monotonic()
        board.show(run[-1][1])
        sampling.finish()
    return start + EDGE_S, end - EDGE_S


def energies(board, run, out):
    """Channel → joules over the true joules."""
    window = sample(board, run, out)
    series = {one.channel.name: one for one in read_samples(out).series if one.channel.name in CHANNELS}
    assert CHANNELS == {name: one.channel.sensor for name, one in series.items()}
    truth = board.joules_between(*window)
    return {name: joules_between(one, *window) / truth for name, one in series.items()}


def test_energy_of_a_known_run_comes_back(tmp_path):
    """Ramps and a step, five seconds: every meter gives the true energy within 1 %, across the counter's wrap."""
    board = Board(tmp_path)
    ratios = energies(board, RUN, tmp_path / "samples.txt")
    assert board.joules > WRAPS_AFTER_J
    assert pytest.approx(dict.fromkeys(CHANNELS, 1.0), rel=0.01) == ratios


@pytest.mark.long
def test_energy_of_a_long_run_comes_back_closely(tmp_path):
    """The same ten times slower: within 0.2 %, since only the edges and the step are lost between readings."""
    ratios = energies(Board(tmp_path), LONG_RUN, tmp_path / "samples.txt")
    assert pytest.approx(dict.fromkeys(CHANNELS, 1.0), rel=0.002) == ratios
