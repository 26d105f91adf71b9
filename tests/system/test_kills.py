"""SIGKILL at drawn moments and at bad ones, under real processes: nothing is lost, and nothing is measured twice."""

import random
import signal
import time

import httpx2
import pytest

from tests.system.lab import wait_for
from tests.system.quick_lab import quick_job
from tests.system.test_crashes import assert_every_block_is_complete, assert_every_run_was_kept, worker_of

pytestmark = pytest.mark.system

VICTIMS = ("controller", "agent", "worker")
JOB_S = 8  # about as long as a job takes, from before its preparation to after its end


@pytest.fixture
def lab(quick_lab):
    """A running lab that notices soon."""
    quick_lab.start()
    return quick_lab


@pytest.mark.parametrize("seed", [*range(3), *(pytest.param(seed, marks=pytest.mark.long) for seed in range(3, 20))])
def test_killed_at_a_drawn_moment(lab, seed):
    """Whether controller, agent or worker dies: the job ends complete, and a worker that was killed is a failed run."""
    job = lab.submit(quick_job(repetitions=1))
    time.sleep(random.Random(seed).uniform(0, JOB_S))
    if (victim := VICTIMS[seed % len(VICTIMS)]) == "worker":
        kill_worker(lab)
    else:
        service = getattr(lab, victim)
        service.end(signal.SIGKILL)
        service.start()
    end = lab.wait_until_final(job)
    if end["state"] == "failed":  # a worker that dies while it prepares has failed the job before any run
        assert "the preparation failed: the worker was killed" in end["reason"]
        assert [] == lab.runs(job)
    else:
        assert_every_block_is_complete(lab, job, 1)


@pytest.mark.long
@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGTERM])
def test_an_agent_that_ended_before_its_record_was_fetched(lab, sign):
    """A record that is complete on the board's disk outlives both the controller and the agent."""
    job = lab.submit(quick_job(repetitions=1))
    lab.wait_until_running(job, block=1)
    lab.controller.end(signal.SIGKILL)
    wait_for("the end of the run", lambda: active_run(lab) is None or None)
    lab.agent.end(sign)
    lab.agent.start()
    lab.controller.start()
    assert_every_run_was_kept(lab, job, 1)


def active_run(lab):
    """What the board is doing."""
    return httpx2.get(f"{lab.agent_url}/health").json()["active_run"]


def kill_worker(lab):
    """The one that is at work now; between two runs there is none."""
    if (worker := worker_of(lab)) is not None:
        worker.kill()
