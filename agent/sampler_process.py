"""The sampler beside a run: started before it, told the worker's process id, ended after it."""

import os
import select
import signal
import subprocess
import sys
from contextlib import suppress
from typing import IO, cast

from agent.run_folder import RunFolder
from agent.sensors.surroundings import Surroundings

_READY_S = 20.0
_FINISH_S = 5.0


class SamplerProcess:
    """Started on construction, with its first reading taken; `error` says why it gave out, if it did.

    A run whose sampler fails goes on: its times are as good as ever, and its record says what is missing.
    """

    def __init__(self, folder: RunFolder, surroundings: Surroundings, period_s: float) -> None:
        self.error = ""
        command = [sys.executable, "-m", "agent.sampler", "--period", str(period_s)]
        with folder.sampler_log.open("wb") as log:
            self._process = subprocess.Popen(
                [*command, "--out", str(folder.samples)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                bufsize=0,
                start_new_session=True,
            )
        self._stdin = cast("IO[bytes]", self._process.stdin)
        self._stdout = cast("IO[bytes]", self._process.stdout)
        self._log = folder.sampler_log
        self._tell(surroundings.to_json())
        self._await_first_reading()

    def follow(self, pid: int) -> None:
        """Tell the sensors which process is the worker."""
        self._tell(str(pid))

    def finish(self) -> None:
        """Have it write its report and end; kill it if it does not."""
        self._stdin.close()
        self._stdout.close()
        try:
            code = self._process.wait(_FINISH_S)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            with suppress(subprocess.TimeoutExpired):  # what waits for a device inside the kernel cannot be killed
                self._process.wait(_FINISH_S)
            self.error = self.error or f"the sampler hung, probably in a sensor, and was killed after {_FINISH_S:g} s."
            return
        if code != 0:
            last = self._log.read_text(errors="replace").strip().rpartition("\n")[2]
            self.error = f"the sampler exited with code {code}: {last or 'it said nothing'}"

    def _tell(self, line: str) -> None:
        with suppress(OSError):  # it has died; finish() says so
            self._stdin.write(line.encode() + b"\n")

    def _await_first_reading(self) -> None:
        ready, _, _ = select.select([self._stdout], [], [], _READY_S)
        if not ready:
            self.error = f"the sampler had no reading after {_READY_S:g} s."
