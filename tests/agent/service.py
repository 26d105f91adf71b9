"""The agent as a real process on loopback, and what tests say to it."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import psutil

AGENT = Path(sys.executable).with_name("gradfilter-agent")
FAKE_WORKER = Path(__file__).with_name("fake_worker.py")
LEASE = {"X-Lease-Token": "7"}
DEADLINE_S = 30.0  # bounds every wait; nothing asserts how long something took


def run_spec(run_id: str = "run-1", model: str = "trains", **changes: Any) -> dict[str, Any]:
    """A RunSpec for the fake worker; model names the script."""
    spec: dict[str, Any] = {
        "run_id": run_id,
        "job_id": "job-1",
        "workload": {"kind": "training", "model": model, "measured_steps": 4},
        "variants": [{"name": "baseline", "methods": []}],
        "limits": {"run_s": 60, "settle_s": 0},
        "sampling": {"period_s": 0.05},
    }
    return spec | changes


def write_worker_python(folder: Path) -> Path:
    """A program that is to the agent what the worker's Python is."""
    path = folder / "worker-python"
    path.write_text(f'#!/bin/sh\nexec {sys.executable} -S {FAKE_WORKER} "$@"\n')
    path.chmod(0o755)
    return path


def wait_until(what: str, holds: Callable[[], Any], within_s: float = DEADLINE_S) -> Any:
    """Ask until the answer is true, or fail saying what did not happen."""
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        if answer := holds():
            return answer
        time.sleep(0.05)
    raise AssertionError(f"{what} did not happen within {within_s:g} s")


def await_gone(processes: list[psutil.Process]) -> None:
    """Wait until none of the processes runs any more."""
    wait_until("the children's end", lambda: not any(map(_is_alive, processes)))


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


class AgentService:
    """`gradfilter-agent` as its unit starts it, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "agent.log"
        self.data_dir = folder / "data"
        self.process: subprocess.Popen[bytes] | None = None
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.http = httpx2.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=DEADLINE_S, trust_env=False)

    def start(self) -> None:
        command = [str(AGENT), "--port", str(self.port), "--data-dir", str(self.data_dir)]
        command += ["--worker-python", str(write_worker_python(self.folder))]
        environment = {**os.environ, "GRADFILTER_AGENT_STOP_GRACE_S": "0.5"}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        wait_until("the agent's first answer", self._answers)

    def end(self, number: signal.Signals) -> int:
        """Send a signal and wait for the end; the exit status."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(DEADLINE_S)

    def put(self, spec: dict[str, Any]) -> None:
        answer = self.http.put(f"/v1/runs/{spec['run_id']}", json=spec, headers=LEASE)
        assert answer.status_code == 200, answer.text

    def status(self, run_id: str) -> dict[str, Any]:
        return self.http.get(f"/v1/runs/{run_id}").json()

    def await_phase(self, run_id: str, phase: str) -> None:
        wait_until(f"phase {phase} of {run_id}", lambda: self.status(run_id)["phase"] == phase)

    def await_end(self, run_id: str) -> dict[str, Any]:
        """The record of a run, once it has ended."""
        return wait_until(f"the end of {run_id}", lambda: self.status(run_id)["record"])

    def children(self) -> list[psutil.Process]:
        """Worker and sampler of the active run."""
        assert self.process is not None
        agent = psutil.Process(self.process.pid)
        wait_until("worker and sampler", lambda: len(agent.children()) == 2)
        return agent.children()

    def close(self) -> None:
        self.http.close()
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log.read_text()
        try:
            return self.http.get("/health").status_code == 200
        except httpx2.TransportError:
            return False
