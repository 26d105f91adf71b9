"""A made-up Jetson with the real jtop.service on it, and the real sampler reading it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import psutil

from agent.sensors.surroundings import Surroundings
from tests.agent.sampling import Sampling
from tests.agent.service import wait_until
from tests.boards.jetson import Jetson

PERIOD_S = 0.1


class Service:
    """jtop.service, started as its unit does."""

    def __init__(self, board: Jetson, python: Path) -> None:
        board.keep_from_writing(_settings_folder(python))
        log, command = board.root / "service.log", [python, "-m", "jtop", "--force"]
        with log.open("wb") as file:
            self._process = board.start(*command, env={"JTOP_SERVICE": "True"}, stdout=file, stderr=subprocess.STDOUT)
        wait_until("jtop.service's readiness", lambda: b"service ready" in log.read_bytes())

    @property
    def main(self) -> psutil.Process:
        return psutil.Process(self._process.pid).children()[0]

    def signal(self, number: int) -> None:
        """To all of its processes."""
        for process in (*self.main.children(recursive=True), self.main):
            process.send_signal(number)

    def end(self) -> None:
        """End it as systemd does, by SIGTERM to its main process where it has not ended by itself.

        Before a successor is started, that is: the last thing a service does is to remove the socket.
        """
        for main in psutil.Process(self._process.pid).children():
            main.terminate()
        self._process.wait(20)


def _settings_folder(python: Path) -> Path:
    """jtop keeps its settings below its Python's own prefix; the folder there that exists."""
    asked = [python, "-c", "import sys; print(sys.base_prefix)"]
    prefix = Path(subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip())
    return prefix / "local" if (prefix / "local").is_dir() else prefix


class JtopSampling(Sampling):
    """The sampler on a made-up Jetson, and what it reads of jtop."""

    def __init__(self, board: Jetson, python: Path, out: Path, *before: str) -> None:
        def start(command, **options):
            return board.start(*before, *command, **options)

        super().__init__(Surroundings(jtop_python=str(python)), out, PERIOD_S, start)

    @property
    def dropped(self) -> list[str]:
        """What has been written so far of sensors that were given up."""
        return [line for line in self.out.read_text().splitlines() if line.startswith("! ")]

    @property
    def report(self):
        """What became of the sensor jtop."""
        return next(one for one in self.now.sensors if one.name == "jtop")

    def series(self, channel: str, sensor: str = "jtop"):
        return next(one for one in self.now.series if (one.channel.sensor, one.channel.name) == (sensor, channel))

    def channels(self):
        """Channel name → channel."""
        return {channel.name: channel for channel in self.report.channels}

    def await_value(self, what: str, channel: str, holds, since: int = 0) -> int:
        """Wait for a reading of which something holds, after so many others; how many there are then."""
        wait_until(what, lambda: any(map(holds, self.series(channel).values[since:])))
        return len(self.series(channel).values)
