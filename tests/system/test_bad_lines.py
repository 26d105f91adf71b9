"""Bad lines between controller and agent, under real processes: nothing is lost, and nothing is done twice."""

import time

import httpx2
import pytest

from tests.system.bad_lines import CutLine, StutteringLine
from tests.system.lab import wait_for
from tests.system.quick_lab import LEASE_S, quick_job
from tests.system.test_crashes import assert_every_run_was_kept

pytestmark = pytest.mark.system


@pytest.fixture
def lab(quick_lab):
    """A lab that notices soon, not started yet."""
    return quick_lab


@pytest.mark.parametrize("direction", ["requests", pytest.param("answers", marks=pytest.mark.long)])
def test_a_line_that_is_cut_for_longer_than_the_lease(lab, direction):
    """The board goes on alone; what it measured meanwhile is fetched afterwards, and nothing is repeated."""
    with CutLine(lab.agent_url) as line:
        lab.start(device_url=line.url)
        job = lab.submit(quick_job())
        lab.wait_until_running(job, block=1)
        line.cut(direction)
        time.sleep(3 * LEASE_S)
        line.mend()
        assert_every_run_was_kept(lab, job, 2)


@pytest.mark.parametrize("late_s", [3.0, *(pytest.param(late_s, marks=pytest.mark.long) for late_s in (0.0, 0.7, 8.0))])
def test_orders_that_arrive_twice_and_late(lab, late_s):
    """Every order is obeyed once, though it comes again behind later ones, even behind the end of the job."""
    lab.agent.start()
    line = StutteringLine(lab.agent_url, late_s)
    with line.server:
        lab.start(device_url=line.server.url)
        job = lab.submit(quick_job(repetitions=1))
        assert_every_run_was_kept(lab, job, 1)
        wait_for("the last echo", lambda: line.is_silent or None)
    assert {"PUT", "DELETE"} == {method for method, *_ in line.answers}
    assert None is httpx2.get(f"{lab.agent_url}/health").json()["active_run"]
    assert [] == list((lab.folder / "agent" / "runs").iterdir())
