"""The history of a quantity, from what jobs found."""

from controller.analysis.across_jobs import RunValue
from controller.analysis.metrics import METRICS
from controller.dashboard.history import history
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
