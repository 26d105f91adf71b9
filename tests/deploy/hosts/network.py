"""The wire between the hosts and this machine: a bridge of its own, with no route to anywhere else."""

import os
import subprocess
from pathlib import Path

_PREFIX = "gf"


def ip(*arguments: str) -> None:
    """The command of that name."""
    subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)


class Network:
    """A bridge with this machine at .1; hosts are numbered from 2. Named after this process, so that runs can meet."""

    def __init__(self) -> None:
        _remove_bridges_of_the_dead()
        self.bridge = f"{_PREFIX}{os.getpid()}"
        self._subnet = f"10.{200 + os.getpid() // 256 % 50}.{os.getpid() % 256}"
        ip("link", "add", self.bridge, "type", "bridge")
        ip("address", "add", f"{self.address(1)}/24", "dev", self.bridge)
        ip("link", "set", self.bridge, "up")

    def address(self, number: int) -> str:
        return f"{self._subnet}.{number}"

    def plug_in(self, number: int, process: int) -> None:
        """Give the network namespace of a process an interface eth0; it goes with the namespace."""
        wire = f"{self.bridge}p{number}"
        ip("link", "add", wire, "master", self.bridge, "type", "veth", "peer", "name", "eth0", "netns", str(process))
        ip("link", "set", wire, "up")
        inside = ["nsenter", "--target", str(process), "--net", "ip"]
        for command in (
            ["address", "add", f"{self.address(number)}/24", "dev", "eth0"],
            ["link", "set", "eth0", "up"],
            ["link", "set", "lo", "up"],
        ):
            subprocess.run([*inside, *command], check=True, capture_output=True)

    def close(self) -> None:
        ip("link", "delete", self.bridge)


def _remove_bridges_of_the_dead() -> None:
    """What a run that was killed left behind."""
    for link in Path("/sys/class/net").glob(f"{_PREFIX}[0-9]*"):
        owner = link.name.removeprefix(_PREFIX)
        if owner.isdigit() and not Path("/proc", owner).exists():
            subprocess.run(["ip", "link", "delete", link.name], check=False, capture_output=True)
