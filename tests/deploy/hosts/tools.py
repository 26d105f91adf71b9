"""The programs that make hosts: there, installed with apt-get, or named as missing."""

import os

from tests.debian import program
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
    for name, package in _PACKAGE_OF.items():
        program(name, package)
