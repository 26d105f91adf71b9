"""How far a job is, and how long it may still take."""

from datetime import datetime, timedelta, timezone

import pytest

from controller.instants import as_text
from controller.jobs import RunSummary
from controller.progress import seconds_left

START = datetime(2026, 1, 1, tzinfo=timezone.utc)


def run(variant, state="finished", begins=0, seconds=10):
    ended = None if state == "running" else as_text(START + timedelta(seconds=begins + seconds))
    return RunSummary(
        id="r",
        job_id="1",
        device="d",
        purpose="measure",
        variant=variant,
        block=1,
        attempt=1,
        state=state,
        started_at=as_text(START + timedelta(seconds=begins)),
        finished_at=ended,
        failure="",
    )


def left(runs, remaining, at=0):
    return seconds_left(runs, remaining, START + timedelta(seconds=at))


def test_nothing_is_known_before_the_first_run():
    """Without a finished run there is no estimate, lost runs being none."""
    assert left([], ["a"]) is None
    assert left([run("a", "running"), run("b", "lost")], ["a"]) is None


def test_each_variant_takes_its_own_time():
    """A variant is expected to take as long as its runs so far; one that has not run yet, as long as all others."""
    runs = [run("a", seconds=10), run("b", seconds=20), run("b", seconds=40)]
    assert 10 + 30 + (10 + 20 + 40) / 3 == pytest.approx(left(runs, ["a", "b", "c"]))


def test_the_run_at_work_counts_with_its_rest():
    """What has passed of the running run is taken off, and a run that takes longer than expected adds nothing."""
    runs = [run("a", seconds=10), run("a", "running", begins=10)]
    assert 10 + 6 == pytest.approx(left(runs, ["a"], at=14))
    assert 10 == pytest.approx(left(runs, ["a"], at=100))
