"""One sensor in its thread: its pace, its own instants, and the end of one that gives nonsense."""

import time
from itertools import pairwise

import pytest

from agent.beats import Beats
from agent.errors import SensorFailed
from agent.sampling_account import Account
from agent.sensor_thread import Asked, SensorThread
from agent.sensors.sensor import Reading, Sensor
from gradfilter.bench.schema import Channel
from tests.agent.service import wait_until

CHANNELS = [Channel("a", "told", "power", "W"), Channel("b", "told", "power", "W")]


class Told(Sensor):
    """Gives what it is told to give, one after another and then again the last, or raises it."""

    name = "told"
    quantities = ("power",)

    def __init__(self, *answers):
        super().__init__(CHANNELS)
        self.answers = list(answers)
        self.followed = None
        self.closed = False

    @classmethod
    def detect(cls, surroundings):
        return cls([1.0, 2.0])

    def read(self):
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def follow(self, pid):
        self.followed = pid

    def close(self):
        self.closed = True


class Streaming(Told):
    """Gives whole readings with instants of their own."""

    def readings(self):
        return self.read()


class Dear(Told):
    """Must not be read more often than every tenth of a second."""

    slowest_s = 0.1


@pytest.fixture
def asked():
    """Everything a sensor gave until it had been asked so often, or was dropped; it was closed then."""
    threads = []

    def ask(sensor, times, period_s=0.001):
        thread = SensorThread(sensor, Beats(time.monotonic(), period_s, seed=0))
        threads.append(thread)
        thread.start()
        wait_until("the readings", lambda: len(thread.asked) >= times or not thread.is_alive())
        thread.stop()
        thread.join()
        assert sensor.closed
        return list(thread.asked)

    yield ask
    for thread in threads:
        thread.stop()


def test_dear_sensor_keeps_its_pace(asked):
    """Whatever the sampling period, there is at least the sensor's own between two readings."""
    starts = [one.at_s for one in asked(Dear([1.0, 2.0]), times=4)]
    assert all(after - before >= Dear.slowest_s for before, after in pairwise(starts))


def test_sensor_may_give_many_readings_or_none_at_once(asked):
    """Readings that came by themselves keep their instants; that none has come is no failure."""
    now = time.monotonic()
    two = [Reading(now - 0.5, [1.0, None]), Reading(now - 0.25, [1.5, 2])]
    given = asked(Streaming(two, []), times=15)
    assert [two, []] == [one.readings for one in given[:2]]
    assert {""} == {one.dropped for one in given}


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ([1.0], "1 values for 2 channels"),
        ([1.0, 2.0, 3.0], "3 values for 2 channels"),
        ([1.0, "2"], "not all numbers: [1.0, '2']"),
        ([1.0, float("nan")], "not all numbers: [1.0, nan]"),
        ([1.0, True], "not all numbers"),
        (None, "defect in the sensor: TypeError"),
        (SensorFailed("it is broken."), "it is broken."),
        (ZeroDivisionError("by zero"), "defect in the sensor: ZeroDivisionError('by zero')"),
    ],
)
def test_nonsense_ends_a_sensor(asked, answer, words):
    """One asking that gives what is no reading is the last, with the reason."""
    [one] = asked(Told(answer), times=3)
    assert words in one.dropped
    assert [] == one.readings


def test_instants_of_another_clock_end_a_sensor(asked):
    """A reading from the future was stamped with another clock, so none of its instants can be believed."""
    [one] = asked(Streaming([Reading(time.time() + 1e9, [1.0, 2.0])]), times=3)
    assert "a reading of the future" in one.dropped


def test_failures_in_a_row_end_a_sensor_and_a_reading_between_forgives(asked):
    """Nine errors are borne, a tenth in a row is not."""
    error = OSError("nothing this time")
    patient = Told(*[error] * 9, [1.0, 2.0], error)
    given = asked(patient, times=100)
    assert 9 + 1 + 10 == len(given)
    assert "10 readings in a row failed, the last with: nothing this time" in given[-1].dropped


def test_sensor_learns_of_the_worker_in_its_own_thread(asked):
    """The process id reaches the sensor between two readings, never in the middle of one."""
    sensor = Told([1.0, 2.0])
    thread = SensorThread(sensor, Beats(time.monotonic(), 0.001, seed=0))
    thread.follow(4242)
    thread.start()
    wait_until("the worker", lambda: sensor.followed == 4242)
    thread.stop()
    thread.join()


def test_account_of_known_askings():
    """Distinct values, periods, jitter, gaps and times, from askings whose numbers are round."""
    account = Account("told", CHANNELS, period_s=1.0)
    values = [[5.0, 1.0], [5.0, None], [6.0, 1.0], [5.0, 2.0]]
    for at_s, took_s, value in zip([10.0, 11.0, 12.5, 16.5], [0.1, 0.2, 0.3, 0.9], values, strict=True):
        account.note(Asked(at_s, took_s, cpu_s=0.25, readings=[Reading(at_s, value)]))
    report = account.report()
    assert (4, {"a": 3, "b": 2}) == (report.readings, report.distinct_readings)
    assert (1.5, 4.0, 0.5) == (report.median_period_s, report.worst_gap_s, report.jitter_s)
    assert (0.25, 0.9, 1.0) == (report.median_read_s, report.worst_read_s, report.cpu_s)


def test_account_of_a_sensor_that_never_answered():
    """Nothing is claimed of what never came."""
    report = Account("told", CHANNELS, period_s=1.0).report()
    assert (0, None, None, None) == (report.readings, report.median_period_s, report.worst_gap_s, report.worst_read_s)
