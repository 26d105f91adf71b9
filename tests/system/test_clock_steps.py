"""Clocks that are set anew while a job runs, under real processes: an hour that never was ends and prolongs nothing."""

import signal
import time

import pytest

from tests.system.quick_lab import LEASE_S, quick_job
from tests.system.test_crashes import assert_every_run_was_kept
from tests.system.wall_clock import WallClock

pytestmark = pytest.mark.system

HOUR_S = 3600
STEPS_S = (HOUR_S, pytest.param(-HOUR_S, marks=pytest.mark.long))


@pytest.fixture
def lab(quick_lab):
    """A lab that notices soon, not started yet."""
    return quick_lab


@pytest.fixture
def clock(tmp_path):
    return WallClock(tmp_path / "clock")


@pytest.mark.parametrize("step_s", STEPS_S)
def test_a_controllers_clock_that_is_set_anew(lab, clock, step_s):
    """Every run is kept, also by a controller that is killed and started after it."""
    lab.controller.environment |= clock.environment
    lab.start()
    job = lab.submit(quick_job())
    lab.wait_until_running(job, block=1)
    clock.set(step_s)
    time.sleep(LEASE_S)
    lab.controller.end(signal.SIGKILL)
    lab.controller.start()
    assert_every_run_was_kept(lab, job, 2)


@pytest.mark.parametrize("step_s", STEPS_S)
def test_a_boards_clock_that_is_set_anew(lab, clock, step_s):
    """No instant or duration of a run moves with it, and the record of the run in which it was set says by how much."""
    lab.agent.environment |= clock.environment
    lab.start()
    job = lab.submit(quick_job())
    run = lab.wait_until_running(job, block=1)["run_id"]
    clock.set(step_s)
    assert_every_run_was_kept(lab, job, 2)
    records = {one["id"]: lab.get(f"/v1/runs/{one['id']}") for one in lab.runs(job)}
    shown_s = {id_: record["environment"]["clock_step_s"] for id_, record in records.items()}
    assert {id_: step_s if id_ == run else 0.0 for id_ in records} == pytest.approx(shown_s, abs=0.5)
    instants = [instant for phase in records[run]["phases"] for instant in (phase["start_s"], phase["end_s"])]
    assert sorted(instants) == instants
    assert instants[-1] - instants[0] < HOUR_S / 2
