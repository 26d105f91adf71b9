"""The history of a quantity, from what jobs found."""

from dataclasses import replace
from math import log

import pytest
from scipy.special import stdtrit

from controller.analysis.across_jobs import RunValue
from controller.analysis.metrics import METRICS
from controller.analysis.noise_floor import DeviceNoise, NoiseFloor
from controller.dashboard.history import history, means
from controller.dashboard.turns import Turn, turns
from controller.jobs import DeviceMark
from controller.store import JobValues, StoredJob
from tests.controller.samples import DEVICE
from tests.controller.stored import SPEC


def ended(number, finished_at, value=0.2):
    """A job that ended then, with this time of its filtered variant."""
    instant = f"2026-01-01T{finished_at}:00.000000Z"
    job = StoredJob(str(number), SPEC, "finished", DEVICE, "2026-01-01T00:00:00.000000Z", instant, instant, "")
    return JobValues(job, [RunValue("filtered", "", 1, value)])


def test_points_stand_where_their_jobs_ended():
    """A job that was submitted first and ended last stands last, within the plot."""
    newest_first = [ended(3, "03:00"), ended(2, "02:00"), ended(1, "04:00")]
    shown = history(METRICS["step_time"], "filtered", newest_first)
    assert ["2", "3", "1"] == [point.job.id for point in shown.points]
    first, middle, last = (point.x for point in shown.points)
    assert first < middle < last
    assert ["02:00", "04:00"] == [shown.x_ticks[0].text, shown.x_ticks[-1].text]


def test_intervals_are_of_the_level_of_their_job():
    """The same runs have a wider interval in a job that looks four times: 98.75 % for 95 %."""
    runs = [RunValue("filtered", "", block, seconds) for block, seconds in enumerate((0.2, 0.21, 0.22), start=1)]
    once = replace(ended(1, "03:00"), values=runs)
    four = replace(once, job=replace(once.job, spec=replace(SPEC, until=0.02, repetitions=8, primary=["step_time"])))
    (_, narrow), (_, wide) = means(METRICS["step_time"], "filtered", [once, four])
    assert (0.95, 0.9875) == (narrow.confidence, pytest.approx(wide.confidence))
    assert (wide.high - wide.low) / (narrow.high - narrow.low) == pytest.approx(stdtrit(2, 0.99375) / stdtrit(2, 0.975))


def test_a_time_of_day_stands_once_below_the_plot():
    """Jobs of one minute need no four marks that say the same."""
    shown = history(METRICS["step_time"], "filtered", [ended(1, "03:00"), ended(2, "03:01")])
    assert ["03:00", "03:01"] == [tick.text for tick in shown.x_ticks]


class TestTurns:
    """Six jobs, an hour each; from the fourth on everything takes 1.2 times as long. The floor is 5 %."""

    @pytest.fixture
    def jobs(self):
        return [ended(number, f"0{number}:00", 0.2 if number < 4 else 0.24) for number in range(1, 7)]

    def found(self, jobs, marks=(), pairs=20):
        noise = {"training on cpu": DeviceNoise("training on cpu", {"step_time": NoiseFloor(log(1.05), pairs)})}
        return turns(METRICS["step_time"], "filtered", jobs, noise, marks)

    def test_a_change_names_its_first_job(self, jobs):
        """It is told with the job from which on it is so, and by how much."""
        at = "2026-01-01T04:00:00.000000Z"
        assert [Turn(at, "4", "1.20\N{MULTIPLICATION SIGN} what it was before, in two jobs in a row.")] == (
            self.found(jobs).found
        )

    def test_after_a_mark_nothing_has_changed(self, jobs):
        """What is otherwise since a new fan is no change, but begins anew."""
        marks = [DeviceMark("2026-01-01T03:30:00.000000Z", "a new fan")]
        assert [("", "Marked: a new fan. The history begins anew.")] == [
            (turn.job_id, turn.words) for turn in self.found(jobs, marks).found
        ]

    def test_jobs_that_did_something_else_are_no_change(self, jobs):
        """A larger batch takes longer on every board."""
        larger = replace(SPEC, workload=replace(SPEC.workload, batch_size=8))
        other = [replace(one, job=replace(one.job, spec=larger)) for one in jobs[3:]]
        assert [] == self.found([*jobs[:3], *other]).found

    def test_without_a_floor_no_change_is_claimed(self, jobs):
        """Too few controls: what would be needed is said instead."""
        assert [] == self.found(jobs, pairs=19).found
        assert "needs 20 pairs" in self.found(jobs, pairs=19).caveat
