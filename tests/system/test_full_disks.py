"""Full disks on either side, under real processes: what was measured is kept until there is room again."""

import time

import httpx2
import pytest

from tests.system.lab import wait_for
from tests.system.quick_lab import LEASE_S, quick_job
from tests.system.small_disk import SmallDisk
from tests.system.test_crashes import assert_every_run_was_kept

pytestmark = pytest.mark.system


@pytest.fixture
def lab(quick_lab):
    """A lab that notices soon, not started yet."""
    return quick_lab


def test_a_board_whose_disk_is_full(lab):
    """A run that ends on a full disk is waited for, with the reason, and not lost; newer leases are obeyed there."""
    disk = SmallDisk(lab.folder / "agent", 30_000_000)
    lab.agent.starter = disk
    lab.agent.environment["GRADFILTER_AGENT_MIN_FREE_BYTES"] = "1000000"
    lab.start()
    job = lab.submit(quick_job(repetitions=1))
    lab.wait_until_running(job, block=1)
    disk.fill()
    wait_for("the reason", lambda: "Free some space" in lab.get(f"/v1/jobs/{job}")["progress"]["waiting_for"] or None)
    assert None is httpx2.get(f"{lab.agent_url}/health").json()["active_run"]
    disk.free()
    assert_every_run_was_kept(lab, job, 1)
    disk.fill()
    assert [httpx2.codes.NOT_FOUND, httpx2.codes.CONFLICT] == [forget(lab, "none", token) for token in (2**62, 2**61)]


def forget(lab, run_id, token):
    """What the agent answers whoever has this lease."""
    url = f"{lab.agent_url}/v1/runs/{run_id}"
    return httpx2.delete(url, headers={"X-Lease-Token": str(token)}).status_code


@pytest.mark.long
def test_a_controller_whose_disk_is_full(lab):
    """What cannot be stored stays on the board; whoever asks is told; and the job ends complete afterwards."""
    disk = SmallDisk(lab.folder / "controller", 8_000_000)
    lab.controller.starter = disk
    lab.start()
    job = lab.submit(quick_job())
    lab.wait_until_running(job, block=1)
    disk.fill()
    time.sleep(2 * LEASE_S)
    refused = lab.request("POST", "/v1/jobs", json=quick_job())
    assert (503, "application/problem+json") == (refused.status_code, refused.headers["content-type"])
    assert "disk is full" in refused.json()["detail"]
    disk.free()
    assert_every_run_was_kept(lab, job, 2)
