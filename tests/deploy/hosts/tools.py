"""The programs that make hosts: there, installed with apt-get, or named as missing."""

import os
import shutil
import subprocess

from tests.missing import missing

_PACKAGE_OF = {
    "debootstrap": "debootstrap",
    "systemd-nspawn": "systemd-container",
    "ip": "iproute2",
    "ssh": "openssh-client",
    "unshare": "util-linux",
}


def require_tools() -> None:
    """Skip by name, or fail under CI=true, where this machine cannot boot hosts."""
    if os.geteuid() != 0:
        missing("deploying is tested on hosts in network namespaces, which needs root.")
    absent = [package for program, package in _PACKAGE_OF.items() if shutil.which(program) is None]
    if not absent:
        return
    if shutil.which("apt-get") is None:
        missing(f"hosts for the tests of deploying need {', '.join(absent)}, and there is no apt-get to install them.")
    for command in (["apt-get", "update", "-q"], ["apt-get", "install", "-qy", "--no-install-recommends", *absent]):
        done = subprocess.run(
            command,
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            missing(f"{' '.join(command)} failed: {done.stderr[-500:]}")
