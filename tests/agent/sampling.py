"""`python -m agent.sampler` as the agent runs it, with what it has written so far."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from agent.samples import Samples, read_samples
from agent.sensors.surroundings import Surroundings


class Sampling:
    """Started on construction, and sampling then. start: what starts a process, as Popen does; options go there.

    module: the program, where it is another that is used alike.
    """

    def __init__(
        self,
        surroundings: Surroundings,
        out: Path,
        period_s: float,
        start=subprocess.Popen,
        module="agent.sampler",
        **options,
    ):
        self.out = out
        command = [sys.executable, "-m", module, "--period", str(period_s), "--out", str(out)]
        self.process = start(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0, **options)
        self.process.stdin.write(surroundings.to_json().encode() + b"\n")
        assert b"sampling\n" == self.process.stdout.readline()

    @property
    def now(self) -> Samples:
        return read_samples(self.out)

    def finish(self) -> Samples:
        """End it as the agent does, and read everything."""
        self.process.stdin.close()
        assert 0 == self.process.wait(30)
        self.process.stdout.close()
        return self.now

    def close(self) -> None:
        """End it where it has not ended."""
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()
