"""Two real controllers on one PostgreSQL: when one is killed, the other sees its jobs through."""

import signal

import pytest

from tests.system.lab import Lab, tiny_job
from tests.system.test_crashes import assert_every_block_is_complete

pytestmark = pytest.mark.system


@pytest.fixture
def lab(tmp_path, postgresql):
    started = Lab(tmp_path)
    started.controller.environment["GRADFILTER_CONTROLLER_DATABASE_URL"] = postgresql.new_database()
    started.controller.environment["GRADFILTER_CONTROLLER_LEASE_S"] = "3"
    started.start()
    yield started
    started.stop()


@pytest.mark.long
def test_the_other_takes_over_when_one_is_killed(lab):
    """The job of a controller that was killed goes on under the other: nothing is lost, and nothing measured twice."""
    other = lab.new_controller("other-controller")
    other.environment |= {
        name: value for name, value in lab.controller.environment.items() if name.endswith(("DATABASE_URL", "LEASE_S"))
    }
    job = lab.submit(tiny_job(repetitions=3))
    lab.wait_until_running(job, block=2)
    before = {run["id"] for run in lab.runs(job) if run["state"] == "finished"}
    other.start()
    try:
        lab.controller.end(signal.SIGKILL)
        lab.controller_url = other.url
        assert "finished" == lab.wait_until_final(job)["state"]
        runs = assert_every_block_is_complete(lab, job, 3)
    finally:
        other.end(signal.SIGTERM)
    assert ["finished"] * 6 == [run["state"] for run in runs]
    assert before <= {run["id"] for run in runs}
