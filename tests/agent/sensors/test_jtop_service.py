"""The sensor jtop with the real jtop.service and the real sampler, on made-up boards in namespaces of their own.

Each of the service's known failures is brought about for real, and survived or named.
"""

import signal
import subprocess
import sys
import time
from itertools import pairwise

import pytest

from controller.analysis.energy import joules_between
from tests.agent.service import wait_until
from tests.boards.jetson_stats import OLD, python_with

INPUTS = {"jetson-nano": "POM_5V_IN", "jetson-orin-nano": "VDD_IN"}
# A board's power as (second, watts), straight in between; no part changes faster than jtop can follow.
WAVEFORM = ((0.0, 5.0), (1.5, 5.0), (3.5, 10.0), (5.0, 10.0), (8.0, 4.0), (9.5, 4.0))


def watts_at(second: float) -> float:
    for (start, before), (end, after) in pairwise(WAVEFORM):
        if second <= end:
            return before + (after - before) * (second - start) / (end - start)
    return WAVEFORM[-1][1]


def drive(boards) -> list[tuple[float, float]]:
    """Have the boards draw the waveform; the instants and watts that were written."""
    written, start = [], time.monotonic()
    while (second := time.monotonic() - start) < WAVEFORM[-1][0]:
        for board in boards:
            board.set_input_power(watts_at(second))
        written.append((time.monotonic(), watts_at(second)))
        time.sleep(0.03)
    return written


def written_joules(written, start_s: float, end_s: float) -> float:
    """Each power lasts until the next is written."""
    steps = pairwise(written)
    return sum(watts * max(min(to, end_s) - max(since, start_s), 0) for (since, watts), (to, _) in steps)


def test_energy_of_a_known_waveform(jtop_lab):
    """What was recorded of steps and ramps on a Nano and an Orin Nano integrates to their energy, within 1 %."""
    boards = [jtop_lab.board(name) for name in INPUTS]
    for board in boards:
        jtop_lab.service(board)
    recordings = [jtop_lab.sampling(board) for board in boards]
    written = drive(boards)
    start_s, end_s = written[0][0] + 1, written[-1][0]
    metered = [(recording, INPUTS[board.name]) for recording, board in zip(recordings, boards, strict=True)]
    wait_until("ticks after the end", lambda: all(one.series(name).times_s[-1] > end_s for one, name in metered))
    for recording in recordings:
        recording.finish()
    series = [one.series(name) for one, name in metered]
    truth = pytest.approx(written_joules(written, start_s, end_s), rel=0.01)
    assert [truth, truth] == [joules_between(one, start_s, end_s) for one in series]
    assert ["board_input", "module"] == [one.channel.covers for one in series]
    assert [("total", 0.5)] * 2 == [(one.channel.role, one.channel.update_s) for one in series]


def test_everything_jtop_knows_is_a_channel(jtop_lab):
    """Rails, temperatures, the GPU and memory, in the units of the records; a sleeping zone has no temperature."""
    board = jtop_lab.board()
    jtop_lab.service(board)
    sampling = jtop_lab.sampling(board)
    sampling.await_value("three readings", "VDD_IN", lambda _: len(sampling.series("VDD_IN").values) > 2)
    newest = {name: sampling.series(name).values[-1] for name in sampling.channels()}
    assert pytest.approx({"VDD_IN": 4.5, "VDD_CPU_GPU_CV": 0.8, "VDD_SOC": 1.4}) == {
        name: newest[name] for name, channel in sampling.channels().items() if channel.unit == "W"
    }
    assert (48.25, None, 49.5) == tuple(newest[f"{zone} temperature"] for zone in ("cpu", "gpu", "tj"))
    assert (0.25, 306e6) == (newest["gpu load"], newest["gpu clock"])
    assert 1e7 < newest["ram used"] < 1e13


def test_total_that_becomes_a_sum_is_no_reading(jtop_lab):
    """While the input's rail cannot be read, jtop's total is a sum of others: the input has no reading, they have."""
    board = jtop_lab.board()
    jtop_lab.service(board)
    sampling = jtop_lab.sampling(board)
    file = next((board.root / "sys").glob("bus/i2c/devices/*/hwmon/*/curr1_input"))
    away = file.rename(file.with_name("away"))
    since = sampling.await_value("the hole", "VDD_IN", lambda watts: watts is None)
    away.rename(file)
    sampling.await_value("the return", "VDD_IN", lambda watts: watts == 4.5, since)
    sampling.finish()
    assert {4.5, None} == set(sampling.series("VDD_IN").values)
    assert pytest.approx(1.4) == min(sampling.series("VDD_SOC").values)


def test_slower_client_before_us(jtop_lab):
    """The first client sets the pace for all: the channels tell it, and every tick at that pace is a reading."""
    board = jtop_lab.board()
    jtop_lab.service(board)
    slow = "import jtop\nwith jtop.jtop(interval=2) as j:\n  print(1, flush=True)\n  while j.ok(): pass"
    first = board.start(jtop_lab.python, "-c", slow, stdout=subprocess.PIPE)
    assert b"1\n" == first.stdout.readline()
    sampling = jtop_lab.sampling(board)
    wait_until("two ticks", lambda: len(sampling.series("VDD_IN").values) > 1)
    assert [] == sampling.finish().report.remarks
    assert 2.0 == sampling.channels()["VDD_IN"].update_s
    assert {4.5} == set(sampling.series("VDD_IN").values)


def test_service_that_comes_back_is_read_on(jtop_lab):
    """When the service ends and is started again there is a hole in the series, a remark, and then readings."""
    board = jtop_lab.board()
    service = jtop_lab.service(board)
    sampling = jtop_lab.sampling(board)
    service.end()
    since = sampling.await_value("the hole", "VDD_IN", lambda watts: watts is None)
    jtop_lab.service(board)
    sampling.await_value("the return", "VDD_IN", lambda watts: watts == 4.5, since)
    [remark] = sampling.finish().report.remarks
    assert remark.startswith("jtop: no reading for ")
    assert "then read on: jtop.service ended while it was read" in remark


def test_frozen_service_is_read_on_once_it_thaws(jtop_lab):
    """A service that stops in the middle is noticed within seconds, and a new reader takes over when it goes on."""
    board = jtop_lab.board()
    service = jtop_lab.service(board)
    sampling = jtop_lab.sampling(board)
    service.signal(signal.SIGSTOP)
    since = sampling.await_value("the hole", "VDD_IN", lambda watts: watts is None)
    service.signal(signal.SIGCONT)
    sampling.await_value("the return", "VDD_IN", lambda watts: watts == 4.5, since)
    assert "jtop.service hangs" in sampling.finish().report.remarks[0]


def test_board_without_a_power_monitor(jtop_lab):
    """Without an INA3221 there are temperatures, no power channel, and a remark that says what to do."""
    board = jtop_lab.board()
    (board.root / "sys/bus/i2c/devices/1-0040/name").unlink()
    jtop_lab.service(board)
    sampling = jtop_lab.sampling(board)
    remarks = sampling.finish().report.remarks
    assert "cpu temperature" in sampling.channels()
    assert [] == [channel for channel in sampling.channels().values() if channel.unit == "W"]
    assert "finds no power monitor" in remarks[0]


def test_power_mode_that_changes_is_remarked(jtop_lab):
    """A board that was switched to another power mode during a run says so."""
    board = jtop_lab.board()
    jtop_lab.service(board)
    sampling = jtop_lab.sampling(board)
    count = len(sampling.series("VDD_IN").values)
    (board.root / "nvpmodel").write_text("2\n")
    wait_until("some ticks", lambda: len(sampling.series("VDD_IN").values) > count + 3)
    assert ["jtop: the power mode changed from 15W to MAXN_SUPER."] == sampling.finish().report.remarks


def no_service(lab, board):
    return {}


def stale_socket(lab, board):
    lab.service(board).signal(signal.SIGKILL)
    return {}


def frozen(lab, board):
    lab.service(board).signal(signal.SIGSTOP)
    return {}


def other_version(lab, board):
    lab.service(board, python_with(OLD))
    return {}


def not_in_the_group(lab, board):
    """Root may enter anywhere, so it gives that right away first."""
    lab.service(board)
    assert 0 == board.start("chown", "65534", "/run/jtop.sock").wait(10)
    return {"before": ("setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all")}


def wrong_python(lab, board):
    return {"python": sys.executable}


def no_python(lab, board):
    return {"python": "/nowhere/python3"}


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        (no_service, "jtop.service is not running; start it"),
        (stale_socket, "jtop.service is not running; start it"),
        (frozen, "jtop.service hangs: it sends nothing. Restart it"),
        (other_version, "Mismatch version jtop service: [4.3.2] and client: [7.2.2]"),
        (not_in_the_group, "add the agent's user to it (sudo usermod -aG jtop USER)"),
        (wrong_python, "has no jtop: No module named 'jtop'. Install jetson-stats there"),
        (no_python, "/nowhere/python3 cannot be started: No such file or directory. Name one in"),
    ],
)
def test_absent_service_says_what_to_do(jtop_lab, condition, words):
    """Each way in which jtop can be missing has a sentence of its own, and the other sensors are there."""
    board = jtop_lab.board()
    sampling = jtop_lab.sampling(board, **condition(jtop_lab, board))
    assert (False, True) == (sampling.report.present, words in sampling.report.reason), sampling.report.reason
