"""Clocks that are set anew while a job runs, under real processes: an hour that never was ends and prolongs nothing."""

import signal
import time
from pathlib import Path

import pytest

from tests.debian import program
from tests.missing import missing
from tests.system.quick_lab import LEASE_S, quick_job
from tests.system.test_crashes import assert_every_run_was_kept

pytestmark = pytest.mark.system


@pytest.fixture
def lab(quick_lab):
    """A lab that notices soon, not started yet."""
    return quick_lab


class WallClock:
    """The wall's clock of a process, and no other clock of it, to be set anew at any moment through libfaketime."""

    def __init__(self, file: Path) -> None:
        program("faketime", "faketime")
        found = sorted(Path("/usr/lib").glob("**/faketime/libfaketimeMT.so.1"))
        if not found:
            missing("there is no libfaketimeMT.so.1. Install it (apt-get install faketime).")
        self._file = file
        self.environment = {
            "LD_PRELOAD": str(found[0]),
            "FAKETIME_TIMESTAMP_FILE": str(file),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",
        }
        self.set("+0")

    def set(self, step: str) -> None:
        """Have it show that much more or less than the true time."""
        self._file.write_text(step)


@pytest.mark.parametrize("step", ["+1h", pytest.param("-1h", marks=pytest.mark.long)])
def test_a_controllers_clock_that_is_set_anew(lab, step):
    """Every run is kept, also by a controller that is killed and started after it."""
    clock = WallClock(lab.folder / "clock")
    lab.controller.environment |= clock.environment
    lab.start()
    job = lab.submit(quick_job())
    lab.wait_until_running(job, block=1)
    clock.set(step)
    time.sleep(LEASE_S)
    lab.controller.end(signal.SIGKILL)
    lab.controller.start()
    assert_every_run_was_kept(lab, job, 2)
