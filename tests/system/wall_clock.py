"""The wall clock of a service and of all that it starts, to be set anew at any moment; no other clock of theirs."""

from __future__ import annotations

import struct
from pathlib import Path

from tests.compiled import shared_library

_SOURCE = Path(__file__).with_name("stepped_clock.c")


class WallClock:
    """A clock that is right until it is set. environment: what a process needs to go by it."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        library, self._step = shared_library(_SOURCE, folder / "stepped_clock.so"), folder / "step"
        self.environment = {"LD_PRELOAD": str(library), "STEPPED_CLOCK": str(self._step)}
        self.set(0)

    def set(self, step_s: int) -> None:
        """Have it show so many seconds more than the true time, or less."""
        with self._step.open("r+b" if self._step.exists() else "wb") as file:
            file.write(struct.pack("q", step_s))
