"""The lines of the page of results, and two variants side by side, at the level of the jobs that they are of."""

import pytest

from controller.analysis import wording
from controller.analysis.across_jobs import RunValue
from controller.analysis.estimate import mean_estimate
from controller.analysis.metrics import METRICS
from controller.dashboard.results import Side, compare_sides, result_lines
from controller.store import JobValues, StoredJob
from tests.controller.records import finished, training_job

SECONDS = {1: 0.2, 2: 0.23, 3: 0.21}
LOOKED_FOUR_TIMES = {"until": 0.02, "repetitions": 8, "primary": ["step_time"]}
TIME, KEY = METRICS["step_time"], ("step_time", "")


def job(number, **changes):
    spec = training_job(**changes)
    return StoredJob(str(number), spec, "finished", "nano-1", "2026-03-01T12:00:00Z", None, None, "")


def side(of):
    """The same times of each job's baseline."""
    record = finished(of.spec, "baseline", 1)
    return Side(of, of.spec.variants[0], {KEY: SECONDS}, {KEY: ""}, record)


def written(confidence):
    """These times as a page shows them."""
    return wording.with_interval(mean_estimate(list(SECONDS.values()), confidence), 0.001)


@pytest.mark.parametrize(("changes", "confidence"), [({}, 0.95), (LOOKED_FOUR_TIMES, 0.9875)])
def test_a_line_has_the_level_of_its_job(changes, confidence):
    """A job that looks four times has 98.75 % intervals."""
    runs = [RunValue("baseline", "", block, seconds) for block, seconds in SECONDS.items()]
    _, (line,) = result_lines(TIME, [JobValues(job(1, **changes), runs)])
    assert written(confidence) == line.mean


def test_sides_are_compared_at_the_surer_level_of_both():
    """Beside a job that looked four times, one that looked once is shown as widely, in either order."""
    once, four = side(job(1)), side(job(2, **LOOKED_FOUR_TIMES))
    for pair in ((once, four), (four, once)):
        (row,) = (row for row in compare_sides(*pair).rows if row.title.startswith(TIME.title))
        assert (written(0.9875),) * 2 == row.means
