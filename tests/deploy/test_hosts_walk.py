"""The walk of deploy/README.md, as it stands there, on hosts; names and addresses are the hosts'."""

import os
import subprocess
import textwrap
from pathlib import Path

import pytest

from tests.system.lab import BIN

pytestmark = [pytest.mark.system, pytest.mark.long, pytest.mark.timeout(600)]

README = Path(__file__).resolve().parents[2] / "deploy" / "README.md"


def walk():
    """The block of commands that begins with installing."""
    indented = [block for block in README.read_text().split("\n\n") if block.startswith("    ")]
    [found] = [block for block in map(textwrap.dedent, indented) if block.startswith("gradfilter deploy install")]
    return found


def test_service_can_be_looked_at(deployed):
    """Its unit and its log are where the page says."""
    board = deployed.lab.hosts["board-1"]
    assert "NoNewPrivileges=yes" in board.run("systemctl cat gradfilter-agent")
    assert "sensor" in board.run("journalctl -u gradfilter-agent")


def test_walk_ends_with_a_report(deployed):
    """Every command of the block succeeds, in one shell, in the folder of the inventory."""
    lab = deployed.lab
    script = walk().replace("//lab-server", f"//{lab.hosts['lab'].address}").replace("lab-server", "lab")
    script = script.replace("pi5-1", "board-1").replace("lab.yml", lab.inventory().name)
    done = subprocess.run(
        ["bash", "-exc", script],
        cwd=lab.folder,
        env={"PATH": f"{BIN}:{os.environ['PATH']}", "HOME": str(lab.folder), "LANG": "C.UTF-8"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert 0 == done.returncode, done.stdout
    assert "against the baseline" in done.stdout
