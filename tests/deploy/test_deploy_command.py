"""`gradfilter deploy` hands everything to ansible-playbook: the playbooks, the inventory, options and exit status."""

import subprocess
from pathlib import Path
from typing import get_args

import pytest

from controller.deploy_command import Playbook
from tests.system.lab import BIN

ANSIBLE = Path(__file__).resolve().parents[2] / "deploy" / "ansible"


def deploy(*arguments, home):
    return subprocess.run(
        [str(BIN / "gradfilter"), "deploy", *map(str, arguments)],
        env={"PATH": str(BIN), "HOME": str(home), "LANG": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("playbook", get_args(Playbook))
def test_playbooks_can_be_read(playbook, tmp_path):
    """Every playbook and all that it includes, with the inventory that users copy."""
    done = deploy(playbook, "-i", ANSIBLE / "inventory.example.yml", "--syntax-check", home=tmp_path)
    assert 0 == done.returncode, done.stderr


def test_every_playbook_has_its_command():
    """No file that the command does not know."""
    assert set(get_args(Playbook)) == {path.stem for path in (ANSIBLE / "playbooks").glob("*.yml")}


def test_failure_of_ansible_is_its_own(tmp_path):
    """The exit status is handed on."""
    assert 0 != deploy("check", "-i", ANSIBLE / "inventory.example.yml", "--no-such-option", home=tmp_path).returncode
