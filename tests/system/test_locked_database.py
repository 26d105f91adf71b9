"""A database that another process holds, under real processes: who asks is told, and the work goes on afterwards."""

import sqlite3
import time
from contextlib import closing, contextmanager

import pytest

from tests.system.lab import wait_for
from tests.system.quick_lab import quick_job
from tests.system.test_crashes import assert_every_run_was_kept

pytestmark = pytest.mark.system


@pytest.fixture
def lab(quick_lab):
    """A running lab that notices soon."""
    quick_lab.start()
    return quick_lab


@contextmanager
def locked(lab):
    """Nobody else can write meanwhile."""
    with closing(sqlite3.connect(lab.folder / "controller" / "controller.sqlite3", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


@pytest.mark.long
def test_a_lock_that_the_controller_waits_for(lab):
    """A lock for a few seconds is not noticed."""
    job = lab.submit(quick_job(repetitions=1))
    lab.wait_until_running(job, block=1)
    with locked(lab):
        time.sleep(3)
    assert_every_run_was_kept(lab, job, 1)


@pytest.mark.long
def test_a_lock_that_outlasts_the_controllers_patience(lab):
    """Writing is refused in words, reading goes on, and the job is taken up again once the lock is gone."""
    job = lab.submit(quick_job())
    lab.wait_until_running(job, block=1)
    with locked(lab):
        refused = lab.request("POST", "/v1/jobs", json=quick_job())
        assert (503, "application/problem+json") == (refused.status_code, refused.headers["content-type"])
        assert "another process" in refused.json()["detail"]
        wait_for("reading", lambda: lab.get(f"/v1/jobs/{job}")["state"] == "running" or None)
        time.sleep(20)
    assert_every_run_was_kept(lab, job, 2)
