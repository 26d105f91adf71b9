"""One host: an overlay over the image, booted by systemd-nspawn in namespaces that end with the test's process.

Everything of a host hangs on one process id namespace. Killing its first process is a power cut: nothing is told,
nothing is written, and the disk stays as it was.
"""

from __future__ import annotations

import shlex
import shutil
import socket
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.deploy.hosts.image import USER
from tests.deploy.hosts.network import Network

_BOOT_S = 60.0
# A process id namespace ends with its first process, which ends with unshare, which ends with this process.
_ALONE = ["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--net", "--pid", "--fork", "--kill-child"]
_BOOT = """
set -e
for hierarchy in $CGROUPS; do echo 0 > "$hierarchy/cgroup.procs"; done
mount -t proc proc /proc
mount -t overlay overlay -o "lowerdir=$LOWER,upperdir=$DISK,workdir=$WORK" "$ROOT"
read -r plugged_in
exec systemd-nspawn --quiet --boot --directory="$ROOT" --machine="$NAME" --register=no --keep-unit \
    --network-namespace-path=/proc/self/ns/net --resolv-conf=off --timezone=off --console=pipe < /dev/null
"""


@dataclass
class Host:
    """A machine called name, whose disk is the folder's, over the lower layers (the topmost first)."""

    name: str
    number: int
    network: Network
    lower: list[Path]
    folder: Path
    key: Path
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        for part in ("disk", "work", "root"):
            (self.folder / part).mkdir(parents=True)
        self.write("etc/hostname", f"{self.name}\n")
        self.write("etc/hosts", f"127.0.0.1 localhost\n127.0.1.1 {self.name}\n")
        self.write("etc/machine-id", "")  # an identity of its own, without the questions of a first boot
        self.write(f"home/{USER}/.ssh/authorized_keys", self.key.with_suffix(".pub").read_text())

    @property
    def disk(self) -> Path:
        """What this host has written; to be read and changed while the host is off."""
        return self.folder / "disk"

    @property
    def address(self) -> str:
        return self.network.address(self.number)

    @property
    def console(self) -> Path:
        return self.folder / "console.log"

    def write(self, path: str, text: str) -> None:
        """A file on the disk of a host that is off."""
        for folder in reversed(Path(path).parents[:-1]):
            self._make_like_below(folder)
        (self.disk / path).write_text(text)

    def boot(self) -> None:
        """Switch it on, and wait until its sshd answers."""
        environment = {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "CGROUPS": " ".join(map(str, self._cgroups())),
            "LOWER": ":".join(map(str, self.lower)),
            "DISK": str(self.disk),
            "WORK": str(self.folder / "work"),
            "ROOT": str(self.folder / "root"),
            "NAME": self.name,
        }
        with self.console.open("ab") as console:
            self.process = subprocess.Popen(
                [*_ALONE, "sh", "-c", _BOOT], env=environment, stdin=subprocess.PIPE, stdout=console, stderr=console
            )
        self.network.plug_in(self.number, self._first_process())
        self.process.stdin.write(b"\n")
        self.process.stdin.close()
        self._wait_for_sshd()

    def cut_power(self) -> None:
        """End everything on it at once."""
        if self.process is not None:
            with suppress(psutil.NoSuchProcess):
                psutil.Process(self._first_process()).kill()
            self.process.wait()
            self.process = None

    def ssh(self) -> list[str]:
        """The command that runs another on this host, as the user who deploys."""
        options = ["-i", str(self.key), "-o", f"UserKnownHostsFile={self.key.with_name('known_hosts')}"]
        return ["ssh", *options, "-o", "BatchMode=yes", "-o", "LogLevel=ERROR", f"{USER}@{self.address}"]

    def run(self, command: str, *, check: bool = True) -> str:
        """What a shell command prints, run as root."""
        done = subprocess.run(
            [*self.ssh(), f"sudo sh -c {shlex.quote(command)}"], capture_output=True, text=True, timeout=60, check=False
        )
        if check and done.returncode != 0:
            raise AssertionError(f"{self.name}: {command!r} exited with {done.returncode}: {done.stdout}{done.stderr}")
        return done.stdout

    def _make_like_below(self, folder: Path) -> None:
        """A folder of the disk, with the owner and mode that it has in the layers below."""
        (self.disk / folder).mkdir(exist_ok=True)
        below = next((layer / folder for layer in self.lower if (layer / folder).is_dir()), None)
        if below is not None:
            shutil.copystat(below, self.disk / folder)
            shutil.chown(self.disk / folder, below.stat().st_uid, below.stat().st_gid)

    def _first_process(self) -> int:
        """The first process of its namespaces, once there is one."""
        process = psutil.Process(self.process.pid)
        end = time.monotonic() + _BOOT_S
        while time.monotonic() < end:
            if children := process.children():
                return children[0].pid
            if self.process.poll() is not None:
                break
            time.sleep(0.01)
        raise AssertionError(f"{self.name} could not be started:\n{self.console.read_text()}")

    def _wait_for_sshd(self) -> None:
        end = time.monotonic() + _BOOT_S
        while time.monotonic() < end:
            with suppress(OSError), socket.create_connection((self.address, 22), timeout=1) as connection:
                connection.settimeout(1)
                if connection.recv(4) == b"SSH-":
                    return
            if self.process.poll() is not None:
                break
            time.sleep(0.1)
        raise AssertionError(f"{self.name} did not boot:\n{self.console.read_text()[-4000:]}")

    def _cgroups(self) -> list[Path]:
        """A control group of its own in every hierarchy that systemd manages: two systemds in one would fight."""
        made = []
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if controllers not in ("", "name=systemd"):
                continue
            mounts = {"": ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"], "name=systemd": ["/sys/fs/cgroup/systemd"]}
            top = next(Path(mount) for mount in mounts[controllers] if Path(mount, "cgroup.procs").exists())
            group = top / path.strip("/") / f"{self.network.bridge}-{self.name}"
            group.mkdir(exist_ok=True)
            made.append(group)
        return made
