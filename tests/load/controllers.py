"""The programs of a load, as processes: a controller with what it takes of the machine, and the simulated boards."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import psutil
from typing_extensions import Self

from tests.system.lab import BIN, Service, free_port


@dataclass(frozen=True)
class Usage:
    """What a process took: processor time, and its largest resident size, as the kernel keeps it."""

    cpu_s: float = 0.0
    peak_rss_bytes: int = 0

    @classmethod
    def of(cls, pid: int) -> Usage:
        times = psutil.Process(pid).cpu_times()
        status = Path(f"/proc/{pid}/status").read_text()
        peak_kib = next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]
        return cls(float(times.user + times.system), int(peak_kib) * 1024)


class Controller:
    """`gradfilter controller` in a folder of its own, or on a database that it shares."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        environment = {f"GRADFILTER_CONTROLLER_{name.upper()}": str(value) for name, value in settings.items()}
        environment |= {"GRADFILTER_CONTROLLER_PORT": str(port), "GRADFILTER_CONTROLLER_DATA_DIR": str(folder)}
        self.service = Service(
            [str(BIN / "gradfilter"), "controller"], environment, folder / "controller.log", f"{self.url}/health"
        )
        self.http = httpx2.Client(base_url=self.url, timeout=120, trust_env=False)
        self._until_its_end = Usage()

    def __enter__(self) -> Self:
        with ExitStack() as at_failure:
            at_failure.push(self)
            self.service.start()
            at_failure.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._end(signal.SIGTERM)
        self.http.close()

    def get(self, path: str, **query: Any) -> Any:
        answer = self.http.get(path, params=query)
        assert answer.is_success, answer.text
        return answer.json()

    def post(self, path: str, document: dict[str, Any]) -> Any:
        answer = self.http.post(path, json=document)
        assert answer.is_success, answer.text
        return answer.json()

    def usage(self) -> Usage:
        """What it has taken so far, or took until its end."""
        process = self.service.process
        if process is None:
            return self._until_its_end
        said = self.service.log.read_text()[-4000:]
        assert process.poll() is None, f"a controller ended with {process.returncode}:\n{said}"
        return Usage.of(process.pid)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def _end(self, sign: signal.Signals) -> None:
        process = self.service.process
        if process is not None and process.poll() is None:  # of one that crashed the kernel keeps nothing
            self._until_its_end = Usage.of(process.pid)
        self.service.end(sign)


class SimulatedBoards:
    """tests.load.agents as a process; seen() ends it."""

    def __init__(self, run_s: float) -> None:
        command = [str(BIN / "python"), "-m", "tests.load.agents", "--run-s", str(run_s)]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
            env=os.environ,
        )
        assert self._process.stdout is not None
        self._port = int(self._process.stdout.readline())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._process.kill()
        self._process.communicate()

    def url(self, number: int) -> str:
        return f"http://127.0.0.1:{self._port}/{number}"

    def usage(self) -> Usage:
        return Usage.of(self._process.pid)

    def seen(self) -> str:
        """What the boards saw, as JSON."""
        said, _ = self._process.communicate("")
        return said
