"""The controller under load: its process, what it takes of the machine, and its address."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import httpx2
import psutil

from tests.system.lab import BIN, Service, free_port


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

    def start(self) -> None:
        self.service.start()
        assert self.service.process is not None
        self._process = psutil.Process(self.service.process.pid)

    def get(self, path: str, **query: Any) -> Any:
        answer = self.http.get(path, params=query)
        assert answer.is_success, answer.text
        return answer.json()

    def post(self, path: str, document: dict[str, Any]) -> Any:
        answer = self.http.post(path, json=document)
        assert answer.is_success, answer.text
        return answer.json()

    def peak_rss_bytes(self) -> int:
        """The largest resident size so far, as the kernel keeps it."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) * 1024

    def cpu_s(self) -> float:
        times = self._process.cpu_times()
        return float(times.user + times.system)

    def kill(self) -> None:
        self.service.end(signal.SIGKILL)

    def stop(self) -> None:
        self.http.close()
        self.service.end(signal.SIGTERM)


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

    def url(self, number: int) -> str:
        return f"http://127.0.0.1:{self._port}/{number}"

    def seen(self) -> str:
        """What the boards saw, as JSON."""
        said, _ = self._process.communicate("")
        return said

    def stop(self) -> None:
        self._process.kill()
        self._process.communicate()
