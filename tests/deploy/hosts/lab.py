"""A lab of hosts: a controller and boards, an inventory of them, and the playbooks run on them as a user runs them."""

from __future__ import annotations

import json
import os
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.deploy.hosts.bundles import BOARD_TYPE
from tests.deploy.hosts.host import Host
from tests.deploy.hosts.image import USER
from tests.deploy.hosts.network import Network
from tests.system.lab import BIN, RestCalls

_RECAP = re.compile(r"^(\S+)\s+: ok=(\d+)\s+changed=(\d+)\s+unreachable=(\d+)\s+failed=(\d+)", re.MULTILINE)


@dataclass(frozen=True)
class Played:
    """What became of a playbook: its output, and by host how many tasks changed something and how many failed."""

    status: int
    output: str
    changed: dict[str, int]
    failed: dict[str, int]


@dataclass
class HostLab(RestCalls):
    """Hosts that are booted, by name, in a folder. bundle: the archive to install; scheme: how the services talk.

    A host may have several names: then it is several in the inventory, as a machine that is controller and board.
    """

    folder: Path
    lower: list[Path]
    bundle: Path
    hosts: dict[str, Host] = field(default_factory=dict)
    scheme: str = "http"

    def __post_init__(self) -> None:
        self.network = Network()
        self._key = self.folder / "key"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self._key)], check=True)

    def add(self, name: str) -> Host:
        """A host that is off, with an empty disk."""
        self.hosts[name] = Host(name, len(self.hosts) + 2, self.network, self.lower, self.folder / name, self._key)
        return self.hosts[name]

    def boot(self, *names: str) -> None:
        """Switch hosts on, those that are new too."""
        for name in names:
            if name not in self.hosts:
                self.add(name)
        self._know_hosts()
        for name in names:
            self.hosts[name].boot()

    def _know_hosts(self) -> None:
        """All hosts begin with the image's own key."""
        public = " ".join((self.lower[-1] / "etc/ssh/ssh_host_ed25519_key.pub").read_text().split()[:2])
        known = "".join(f"{host.address} {public}\n" for host in self.hosts.values())
        self._key.with_name("known_hosts").write_text(known)

    def share(self, layer: Path) -> None:
        """Have hosts that are booted from now on begin with what the layer holds, too."""
        self.lower = [layer, *self.lower]

    def close(self) -> None:
        for host in self.hosts.values():
            host.cut_power()
        self.network.close()

    @property
    def token(self) -> str:
        """What the playbooks keep beside the inventory."""
        return (self.folder / "secrets" / "lab.token").read_text().strip()

    @property
    def controller_url(self) -> str:
        return f"{self.scheme}://{self.hosts['lab'].address}:8100"

    def inventory(self) -> Path:
        """The hosts as an inventory: the one called lab is the controller, all others are boards."""
        ssh = f"-o UserKnownHostsFile={self._key.with_name('known_hosts')}"
        shared = {
            "ansible_user": USER,
            "ansible_ssh_private_key_file": str(self._key),
            "ansible_ssh_common_args": ssh,
            "gradfilter_board_type": BOARD_TYPE,
            "gradfilter_drain_s": 120,
            "gradfilter_bundles": str(self.bundle.parent),
        }
        addresses = {name: {"ansible_host": host.address} for name, host in self.hosts.items()}
        groups = {
            "controller": {"hosts": {"lab": addresses.pop("lab")}},
            "boards": {"hosts": addresses},
        }
        file = self.folder / "inventory.json"
        file.write_text(json.dumps({"all": {"vars": shared, "children": groups}}, indent=1))
        return file

    def play(self, playbook: str, *arguments: str, bundle: Path | None = None, **variables: Any) -> Played:
        """Run a playbook to its end; bundle: another archive than the lab's own."""
        if bundle is not None:
            variables["gradfilter_bundles"] = str(bundle.parent)
        command = [str(BIN / "gradfilter"), "deploy", playbook, "-i", str(self.inventory())]
        command += ["--extra-vars", json.dumps(variables), *arguments]
        environment = {**os.environ, "ANSIBLE_HOME": str(self.folder), "ANSIBLE_NOCOLOR": "1"}
        log = self.folder / "played.log"
        with log.open("w") as written:
            status = subprocess.run(command, env=environment, stdout=written, stderr=written, check=False).returncode
        output = log.read_text()
        recap = _RECAP.findall(output)
        return Played(
            status,
            output,
            {host: int(changed) for host, _, changed, _, _ in recap},
            {host: int(unreachable) + int(failed) for host, _, _, unreachable, failed in recap},
        )
