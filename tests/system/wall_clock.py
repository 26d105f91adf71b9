"""The wall clock of a service and of all that it starts, to be set anew at any moment; no other clock of theirs."""

from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path

from tests.missing import missing

_SOURCE = Path(__file__).with_name("stepped_clock.c")


class WallClock:
    """A clock that is right until it is set. environment: what a process needs to go by it."""

    def __init__(self, folder: Path) -> None:
        if shutil.which("gcc") is None:
            missing("no gcc to compile a wall clock that can be set. Install one (apt-get install gcc libc6-dev).")
        folder.mkdir()
        library, self._step = folder / "stepped_clock.so", folder / "step"
        subprocess.run(["gcc", "-Wall", "-Werror", "-O2", "-shared", "-fPIC", "-o", library, _SOURCE], check=True)
        self.environment = {"LD_PRELOAD": str(library), "STEPPED_CLOCK": str(self._step)}
        self.set(0)

    def set(self, step_s: int) -> None:
        """Have it show so many seconds more than the true time, or less."""
        with self._step.open("r+b" if self._step.exists() else "wb") as file:
            file.write(struct.pack("q", step_s))
