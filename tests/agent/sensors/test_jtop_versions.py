"""The sensor jtop with each jetson-stats and Python that it is for, and with the service's slower deaths."""

import signal

import pytest

from tests.agent.service import wait_until
from tests.boards.jetson_stats import NEWEST, OLD, python36_with, python_with

pytestmark = pytest.mark.long


@pytest.mark.parametrize("name", ["jetson-nano", "jetson-orin-nano"])
@pytest.mark.parametrize(
    ("find", "version"), [(python_with, NEWEST), (python_with, OLD), (python36_with, OLD)], ids=["7.2", "4.3", "py36"]
)
def test_change_is_seen_by_every_version(jtop_lab, find, version, name):
    """Service and reader of each version see what the board draws, under the name of the board's input."""
    python, board = find(version), jtop_lab.board(name)
    jtop_lab.service(board, python)
    sampling = jtop_lab.sampling(board, python)
    [total] = [channel.name for channel in sampling.channels().values() if channel.role == "total"]
    board.set_input_power(9.5)
    sampling.await_value("the change", total, lambda watts: watts == 9.5)
    assert {"jetson-nano": "POM_5V_IN", "jetson-orin-nano": "VDD_IN"}[name] == total
    assert [] == sampling.finish().report.remarks


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_service_that_stays_away_ends_the_sensor(jtop_lab, number):
    """After half a minute without a reading the sensor is dropped with its advice, and the others go on."""
    board = jtop_lab.board()
    service = jtop_lab.service(board)
    sampling = jtop_lab.sampling(board)
    service.signal(number)
    wait_until("the hole", lambda: None in sampling.series("VDD_IN").values)
    wait_until("the drop", lambda: sampling.dropped, within_s=90)
    end_s = sampling.series("VDD_IN").times_s[-1]
    wait_until("the others' next reading", lambda: sampling.series("available", "system_memory").times_s[-1] > end_s)
    samples = sampling.finish()
    assert samples.report.dropped[0].startswith("jtop: no reading for 30 s: jtop.service ")
    assert end_s == sampling.series("VDD_IN").times_s[-1]


def assert_read_on(jtop_lab, board, service, sampling):
    """The readings stop, and come again once the service has a successor, with a remark."""
    since = sampling.await_value("the hole", "VDD_IN", lambda watts: watts is None)
    board.set_input_power(6.0)
    service.end()
    jtop_lab.service(board)
    sampling.await_value("the return", "VDD_IN", lambda watts: watts == 6.0, since)
    assert "then read on: jtop.service" in sampling.finish().report.remarks[0]


@pytest.mark.parametrize("which", ["manager", "worker"])
def test_one_process_of_the_service_dies(jtop_lab, which):
    """When one of its parts is killed the sensor notices, and reads on from the service's successor.

    The main process alone may die unnoticed: the others go on without it, and systemd would end them all.
    """
    board = jtop_lab.board()
    service = jtop_lab.service(board)
    sampling = jtop_lab.sampling(board)
    manager, worker = sorted(service.main.children(recursive=True), key=lambda child: child.pid)[:2]
    {"manager": manager, "worker": worker}[which].kill()
    assert_read_on(jtop_lab, board, service, sampling)


def test_sensor_file_without_a_number(jtop_lab):
    """One value that is no number ends jtop's service for good: the sensor says so, and reads on with its successor."""
    board = jtop_lab.board()
    service = jtop_lab.service(board)
    sampling = jtop_lab.sampling(board)
    board.write("bus/i2c/devices/1-0040/hwmon/hwmon1/curr1_input", "")
    assert_read_on(jtop_lab, board, service, sampling)


def test_frozen_worker_is_noticed(jtop_lab):
    """When only the process freezes that reads the board, its manager hands out old values: they are no readings."""
    board = jtop_lab.board()
    service = jtop_lab.service(board)
    sampling = jtop_lab.sampling(board)
    sampling.await_value("a reading", "VDD_IN", lambda watts: watts == 4.5)
    service.main.suspend()
    for child in service.main.children(recursive=True)[1:]:
        child.suspend()
    count = len(sampling.series("VDD_IN").values)
    sampling.await_value("the hole", "VDD_IN", lambda watts: watts is None)
    assert count + 2 >= len(sampling.series("VDD_IN").values)
