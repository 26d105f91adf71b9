"""What a host keeps after a switch: the roles' own tasks, on folders of this machine."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.system.lab import BIN

ROLES = Path(__file__).resolve().parents[2] / "deploy" / "ansible" / "roles"


def play(folder, role, tasks, **facts):
    """Run a role's file of tasks here, with these variables."""
    facts["ansible_python_interpreter"] = str(BIN / "python")
    play = folder / "play.json"
    included = {"ansible.builtin.include_tasks": str(ROLES / role / "tasks" / tasks)}
    play.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": [included]}]))
    subprocess.run(
        [str(BIN / "ansible-playbook"), "-i", "localhost,", "-c", "local", "-e", json.dumps(facts), str(play)],
        env={**os.environ, "ANSIBLE_HOME": str(folder)},
        check=True,
    )


def kept(folder, chosen, in_use):
    """What is left of the releases a, b and c, and to which of them the way back leads."""
    for name in "abc":
        (folder / "releases" / name).mkdir(parents=True)
    (folder / "previous").symlink_to(folder / "releases" / "a")
    in_use = {"rc": 0, "stdout": str(folder / "releases" / in_use)}
    chosen = str(folder / "releases" / chosen)
    play(folder, "release", "keep.yml", release_root=str(folder), release_path=chosen, release_in_use=in_use)
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


def test_what_no_kept_release_needs_makes_room(tmp_path):
    """Torch and Python stay where a release's environments name them, and go with the last release that did."""
    names = ["torch/old", "torch/new", "torch/before", "python/old", "python/new"]
    for name in names:
        (tmp_path / name / "lib").mkdir(parents=True)
    for release, torch in (("a", "before"), ("b", "new")):
        packages = tmp_path / "agent" / "releases" / release / "worker" / "lib"
        packages.mkdir(parents=True)
        (packages / "torch.pth").write_text(f"{tmp_path}/torch/{torch}/lib\n")
        (packages.parent / "pyvenv.cfg").write_text(f"home = {tmp_path}/python/new/bin\n")
    play(tmp_path, "agent", "forget.yml", gradfilter_root=str(tmp_path), release_root=str(tmp_path / "agent"))
    assert ["python/new", "torch/before", "torch/new"] == sorted(name for name in names if (tmp_path / name).exists())
