"""Programs of Debian that a test needs: found, or installed by apt where that is allowed, or a named skip."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from tests.missing import missing

# Where packages put programs that are on nobody's path.
_ELSEWHERE = ("/usr/lib/postgresql/*/bin", "/usr/sbin")


@cache
def program(name: str, *packages: str) -> Path:
    """Where a program lies; root has apt install its packages when it is not there."""
    found = _find(name)
    if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
        with _one_at_a_time():
            found = _find(name) or _installed(name, packages)
    if found is None:
        missing(f"there is no {name}. Install it (apt-get install {' '.join(packages)}).")
    return found


def _find(name: str) -> Path | None:
    folders = [str(path) for pattern in _ELSEWHERE for path in sorted(Path("/").glob(pattern[1:]))]
    found = shutil.which(name, path=os.pathsep.join([*folders, os.environ.get("PATH", "")]))
    return Path(found) if found else None


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Parts of the suite run beside one another, and apt refuses to."""
    with Path(tempfile.gettempdir(), "gradfilter-tests-apt.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _installed(name: str, packages: tuple[str, ...]) -> Path | None:
    """Whether it worked shows in the program being there."""
    command = ["apt-get", "-y", "-qq", "--no-install-recommends", "install", *packages]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    if subprocess.run(command, env=environment, capture_output=True, check=False).returncode != 0:
        subprocess.run(["apt-get", "-qq", "update"], capture_output=True, check=False)
        subprocess.run(command, env=environment, capture_output=True, check=False)
    return _find(name)
