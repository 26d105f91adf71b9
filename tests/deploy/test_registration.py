"""What the playbooks tell the lab's controller about a board, said to a real one."""

import re
import runpy
from pathlib import Path

import pytest

from controller.client import Client
from tests.controller.fake_agent import HOLD, FakeAgent
from tests.controller.lab import Lab
from tests.controller.samples import DEVICE, description, job_document
from tests.controller.serving import wait_for

PROGRAM = Path(__file__).resolve().parents[2] / "deploy" / "ansible" / "roles" / "registration" / "files" / "lab.py"


@pytest.fixture
def agent():
    with FakeAgent() as agent:
        yield agent


@pytest.fixture
def described(tmp_path, agent):
    """A board with the tag `desk` of the lab's and `x86_64` of its agent's, as the controller's client sees it."""
    with Lab(tmp_path, agent) as lab, Client(lab.server.url) as client:
        wait_for("the agent's tags", lambda: client.device(DEVICE).tags == ["desk", "x86_64"] or None)
        yield client


@pytest.fixture
def tell(described, capsys):
    """Give the program a command about the board; what it prints."""
    program = runpy.run_path(str(PROGRAM))

    def told(command, *arguments):
        program[command](described, DEVICE, *arguments)
        return capsys.readouterr().out

    return told


@pytest.fixture
def register(tell, described):
    """Register the board with these tags; what is said of it."""
    url = described.device(DEVICE).url
    return lambda *tags: tell("register", url, *tags)


@pytest.mark.parametrize("tags", [["desk"], ["desk", "x86_64"], ["x86_64", "desk"]])
def test_a_board_that_is_registered_so_is_left_alone(register, tags):
    """The tags that the agent adds by itself are no difference, nor is the order."""
    assert "" == register(*tags)


def test_tags_that_came_or_went_are_changed(register, described):
    """What the inventory says now replaces what it said before."""
    assert f"{DEVICE} is registered at" in register("shelf")
    assert ["shelf", "x86_64"] == described.device(DEVICE).tags
    assert "" == register("shelf")


def test_a_board_is_ready_once_its_worker_is_described(tell, described, agent):
    """A worker that has not answered yet is waited for, and named when it does not in time; nothing is changed."""
    agent.description = description(worker=None, worker_error="it is being asked")
    wait_for("the news", lambda: described.device(DEVICE).description.worker is None or None)
    with pytest.raises(TimeoutError, match=f"{DEVICE} takes no jobs after 0 s: it is being asked"):
        tell("ready", "0.1.0", "0")
    agent.description = description()
    assert "" == tell("ready", "0.1.0", "20")


def test_a_board_whose_agent_has_ended_is_not_ready(tell, described, agent):
    """That it once described all that is needed is not enough."""
    agent.server.stop()
    reason = wait_for("its silence", lambda: described.device(DEVICE).health_reason or None)
    with pytest.raises(TimeoutError, match=f"{DEVICE} takes no jobs after 1 s: {re.escape(reason)}"):
        tell("ready", "0.1.0", "1")


def test_a_board_at_work_is_ready(tell, described, agent):
    """It is not asked who it is while a job holds it; the job hears whether it answers."""
    agent.script = lambda _: HOLD
    described.submit(job_document())
    agent.wait_for_active("prepare")
    tell("ready", "0.1.0", "20")


def test_a_board_is_not_ready_before_its_new_agent_has_spoken(tell):
    """What the controller knows from the agent before is not enough."""
    with pytest.raises(TimeoutError, match=r"its agent says that it is 0\.1\.0, not 0\.1\.1"):
        tell("ready", "0.1.1", "0")
