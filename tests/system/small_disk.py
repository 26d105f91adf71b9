"""A service whose folder lies on a small disk of its own: a tmpfs in a mount namespace that ends with the process."""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.missing import missing

_MOUNT = 'mkdir -p "$1" && mount -t tmpfs -o size="$0" none "$1" && shift && exec "$@"'


class SmallDisk:
    """Starts a service, as subprocess.Popen does, with a folder on a disk of so many bytes."""

    def __init__(self, folder: Path, size: int) -> None:
        if os.geteuid() != 0:
            missing("only root may mount a small disk for the tests of full disks. Run them as root.")
        self._folder = folder
        self._size = size
        self._process: subprocess.Popen[bytes] | None = None

    def __call__(self, command: list[str], **options: Any) -> subprocess.Popen[bytes]:
        """The process of the service itself: each of these programs becomes the next."""
        wrapped = ["unshare", "--mount", "--propagation", "private", "sh", "-c", _MOUNT, str(self._size)]
        self._process = subprocess.Popen([*wrapped, str(self._folder), *command], **options)
        return self._process

    def fill(self) -> None:
        """Leave no byte."""
        with suppress(OSError), self._filler.open("ab", buffering=0) as file:
            while True:
                file.write(bytes(4096))

    def free(self) -> None:
        """Leave as much as before."""
        self._filler.unlink()

    @property
    def _filler(self) -> Path:
        """A file on the disk, as the process sees it."""
        assert self._process is not None
        return Path(f"/proc/{self._process.pid}/root{self._folder}/filler")
