"""What the playbooks tell the lab's controller about a board, said to a real one."""

import runpy
from pathlib import Path

import pytest

from controller.client import Client
from tests.controller.fake_agent import FakeAgent
from tests.controller.lab import Lab
from tests.controller.samples import DEVICE
from tests.controller.serving import wait_for

PROGRAM = Path(__file__).resolve().parents[2] / "deploy" / "ansible" / "roles" / "registration" / "files" / "lab.py"


@pytest.fixture
def described(tmp_path):
    """A board with the tag `desk` of the lab's and `x86_64` of its agent's, as the controller's client sees it."""
    with FakeAgent() as agent, Lab(tmp_path, agent) as lab, Client(lab.server.url) as client:
        wait_for("the agent's tags", lambda: client.device(DEVICE).tags == ["desk", "x86_64"] or None)
        yield client


@pytest.fixture
def register(described, capsys):
    """Register the board with these tags; what is said of it."""
    program = runpy.run_path(str(PROGRAM))

    def registered(*tags):
        program["register"](described, DEVICE, described.device(DEVICE).url, *tags)
        return capsys.readouterr().out

    return registered


@pytest.mark.parametrize("tags", [["desk"], ["desk", "x86_64"], ["x86_64", "desk"]])
def test_a_board_that_is_registered_so_is_left_alone(register, tags):
    """The tags that the agent adds by itself are no difference, nor is the order."""
    assert "" == register(*tags)


def test_tags_that_came_or_went_are_changed(register, described):
    """What the inventory says now replaces what it said before."""
    assert f"{DEVICE} is registered at" in register("shelf")
    assert ["shelf", "x86_64"] == described.device(DEVICE).tags
    assert "" == register("shelf")
