"""The command `gradfilter deploy`: ansible-playbook with this project's playbooks, and nothing of its own."""

import os
import shutil
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal

import typer

from controller.job_file import InputError

# deploy/ansible/playbooks has a file for each.
Playbook = Literal["install", "upgrade", "rollback", "remove", "check", "profile"]


def deploy(
    context: typer.Context,
    playbook: Annotated[Playbook, typer.Argument(help="What to do with the inventory's hosts.")],
    inventory: Annotated[Path, typer.Option("--inventory", "-i", help="The hosts, as deploy/README.md describes.")],
) -> None:
    """Install, upgrade, roll back, remove, check or set up a lab's hosts; further options go to ansible-playbook."""
    folder = Path(str(files("deploy"))) / "ansible"
    command = [_ansible_playbook(), "-i", str(inventory.absolute()), *context.args]
    command.append(str(folder / "playbooks" / f"{playbook}.yml"))
    environment = {"ANSIBLE_CONFIG": str(folder / "ansible.cfg"), **os.environ}
    raise typer.Exit(subprocess.run(command, env=environment, check=False).returncode)


def _ansible_playbook() -> str:
    """Beside this Python, else on the path."""
    found = shutil.which(
        "ansible-playbook", path=os.pathsep.join([str(Path(sys.executable).parent), *os.get_exec_path()])
    )
    if found is None:
        raise InputError("there is no ansible-playbook: install ansible-core (pip install 'ansible-core>=2.16').")
    return found
