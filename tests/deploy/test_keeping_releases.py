"""Which releases a host keeps after a switch: the role's own tasks, on folders of this machine."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.system.lab import BIN

TASKS = Path(__file__).resolve().parents[2] / "deploy" / "ansible" / "roles" / "release" / "tasks" / "keep.yml"


def kept(folder, chosen, in_use):
    """What is left of the releases a, b and c, and to which of them the way back leads."""
    for name in "abc":
        (folder / "releases" / name).mkdir(parents=True)
    (folder / "previous").symlink_to(folder / "releases" / "a")
    facts = {
        "release_root": str(folder),
        "release_path": str(folder / "releases" / chosen),
        "release_in_use": {"rc": 0, "stdout": str(folder / "releases" / in_use)},
        "ansible_python_interpreter": str(BIN / "python"),
    }
    tasks = [{"ansible.builtin.include_tasks": str(TASKS)}]
    play = folder / "play.json"
    play.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]))
    subprocess.run(
        [str(BIN / "ansible-playbook"), "-i", "localhost,", "-c", "local", "-e", json.dumps(facts), str(play)],
        env={**os.environ, "ANSIBLE_HOME": str(folder)},
        check=True,
    )
    return "".join(sorted(path.name for path in (folder / "releases").iterdir())), (folder / "previous").readlink().name


@pytest.mark.parametrize(
    ("chosen", "in_use", "left", "previous"),
    [
        pytest.param("c", "b", "bc", "b", id="another release"),
        pytest.param("b", "b", "abc", "a", id="the same one with other settings"),
    ],
)
def test_the_way_back_stays(tmp_path, chosen, in_use, left, previous):
    """What `previous` leads to is there: the release that was left, or the one from before where none was."""
    assert (left, previous) == kept(tmp_path, chosen, in_use)
