"""The disk that every host begins with: a small Debian with systemd, sshd and Python, made once and kept.

Hosts write into overlays, so the image stays as it is. It is kept outside the checkout, since it takes minutes to make.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from tests.missing import missing

SUITE = "bookworm"
USER = "deploy"
# No pip, no venv and no compiler: what a bundle does not bring is not there.
_PACKAGES = "python3 openssh-server sudo iproute2 procps systemd systemd-sysv dbus libpam-systemd udev"
_FINISH = f"""
set -e
useradd --create-home --shell /bin/bash {USER}
echo '{USER} ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/{USER}
mkdir -m 700 /home/{USER}/.ssh
chown {USER}: /home/{USER}/.ssh
rm -f /etc/machine-id /var/lib/dbus/machine-id
rm -rf /var/cache/apt/archives/*.deb /var/lib/apt/lists/*
"""


def kept_folder() -> Path:
    """Where images lie, for all checkouts of this user."""
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "gradfilter-test-hosts"


def host_image() -> Path:
    """The image's root folder; made at first use, while others who want it wait."""
    recipe = hashlib.sha256(f"{SUITE} {_PACKAGES} {_FINISH}".encode()).hexdigest()[:12]
    root = kept_folder() / f"{SUITE}-{recipe}"
    kept_folder().mkdir(parents=True, exist_ok=True)
    with (kept_folder() / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not root.exists():
            _make(root)
    return root


def _make(root: Path) -> None:
    """Under another name until it is whole."""
    unfinished = root.with_suffix(".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    include = ",".join(_PACKAGES.split())
    _run("debootstrap", "--variant=minbase", f"--include={include}", SUITE, str(unfinished))
    _run("chroot", str(unfinished), "sh", "-c", _FINISH)
    unfinished.rename(root)


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        missing(f"no image for the tests' hosts: {command[0]} failed: {(done.stdout + done.stderr)[-500:]}")
