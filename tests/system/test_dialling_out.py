"""A board that nobody can reach: its agent fetches the controller's requests itself, and everything works as ever."""

import httpx2
import pytest

from controller.access.board_tokens import BoardTokens
from tests.system.lab import DEVICE, Lab, tiny_job, wait_for

pytestmark = pytest.mark.system


@pytest.fixture
def lab(tmp_path):
    """A lab whose controller knows no address of the board."""
    made = Lab(tmp_path)
    key = tmp_path / "controller" / "board.key"
    made.agent.environment |= {
        "GRADFILTER_AGENT_TOKEN": BoardTokens.kept_in(key).of(DEVICE),
        "GRADFILTER_AGENT_MAILBOX": f"{made.controller_url}/v1/mailbox/{DEVICE}",
    }
    made.start(device_url=f"mailbox://{DEVICE}")
    yield made
    made.stop()


def test_a_job_is_measured_and_another_cancelled(lab):
    """Preparation, runs and records pass through the mailbox, as does the word to stop; no letter is left behind."""
    job = lab.submit(tiny_job(repetitions=1))
    assert "finished" == lab.wait_until_final(job)["state"]
    assert ["finished"] * 2 == [run["state"] for run in lab.runs(job)]
    long = lab.submit(tiny_job(repetitions=1, workload={"measured_steps": 5000}))
    lab.wait_until_running(long, block=1)
    assert lab.request("POST", f"/v1/jobs/{long}/cancel").is_success
    wait_for("the end of the run", lambda: [run["state"] for run in lab.runs(long)] == ["cancelled"] or None)


def test_a_stranger_may_not_read_the_mailbox(lab):
    """Letters are for the board alone."""
    for token in ("", "Bearer x", f"Bearer {lab.agent.environment['GRADFILTER_AGENT_TOKEN']}x"):
        answer = httpx2.get(f"{lab.controller_url}/v1/mailbox/{DEVICE}", headers={"Authorization": token})
        assert 401 == answer.status_code
