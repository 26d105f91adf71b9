"""SIGKILL at moments drawn from a seed, under real processes: nothing is lost, and nothing is measured twice."""

import random
import signal
import time

import pytest

from tests.system.quick_lab import quick_job, quick_lab
from tests.system.test_crashes import assert_every_block_is_complete, worker_of

pytestmark = pytest.mark.system

VICTIMS = ("controller", "agent", "worker")
JOB_S = 12  # about as long as a job takes, from before its preparation to after its end


@pytest.fixture
def lab(tmp_path):
    """A running lab that notices soon."""
    made = quick_lab(tmp_path)
    made.start()
    yield made
    made.stop()


@pytest.mark.parametrize("seed", [*range(3), *(pytest.param(seed, marks=pytest.mark.long) for seed in range(3, 20))])
def test_killed_at_a_drawn_moment(lab, seed):
    """Whether controller, agent or worker dies: the job ends complete, and a worker that was killed is a failed run."""
    job = lab.submit(quick_job())
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
        assert_every_block_is_complete(lab, job, 2)


def kill_worker(lab):
    """The one that is at work now; between two runs there is none."""
    if (worker := worker_of(lab)) is not None:
        worker.kill()
