"""A cut line between controller and agent, under real processes: nothing measured is lost."""

import time

import pytest

from tests.system.bad_lines import CutLine
from tests.system.lab import Lab, tiny_job
from tests.system.test_crashes import assert_every_block_is_complete

pytestmark = pytest.mark.system

LEASE_S = 2.0
QUICK = {
    "GRADFILTER_CONTROLLER_LEASE_S": str(LEASE_S),
    "GRADFILTER_CONTROLLER_TIMEOUT_S": "2",
    "GRADFILTER_CONTROLLER_POLL_WAIT_S": "1",
    "GRADFILTER_CONTROLLER_RETRY_S": "0.2",
}


@pytest.fixture
def lab(tmp_path):
    """A lab that notices soon, not started yet."""
    made = Lab(tmp_path)
    made.controller.environment |= QUICK
    yield made
    made.stop()


def finished_whole(lab, job, blocks=2):
    """The job's runs, once it has ended: all of them finished, none lost, none measured twice."""
    assert "finished" == lab.wait_until_final(job)["state"]
    runs = assert_every_block_is_complete(lab, job, blocks)
    assert ["finished"] * 2 * blocks == [run["state"] for run in runs]
    return runs


@pytest.mark.parametrize("direction", ["requests", pytest.param("answers", marks=pytest.mark.long)])
def test_a_line_that_is_cut_for_longer_than_the_lease(lab, direction):
    """The board goes on alone; what it measured meanwhile is fetched afterwards, and nothing is repeated."""
    with CutLine(lab.agent_url) as line:
        lab.start(device_url=line.url)
        job = lab.submit(tiny_job())
        lab.wait_until_running(job, block=1)
        line.cut(direction)
        time.sleep(3 * LEASE_S)
        line.mend()
        finished_whole(lab, job)
