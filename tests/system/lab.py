"""A lab on loopback for the system tests: the real controller and one real agent, as ordinary processes."""

from __future__ import annotations

import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx2

from controller.jobs import FINAL_JOB_STATES
from tests.certificates import Certificates

BIN = Path(sys.executable).parent
T = TypeVar("T")

DEVICE = "bench-1"
DEADLINE_S = 120.0  # bounds every wait; nothing asserts how long something took


def free_port() -> int:
    """A port that was free a moment ago, so that a service can be restarted on the same address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(what: str, probe: Callable[[], T | None], deadline_s: float = DEADLINE_S) -> T:
    """Ask until the probe gives something, or fail saying what did not happen."""
    end = time.monotonic() + deadline_s
    while time.monotonic() < end:
        if (found := probe()) is not None:
            return found
        time.sleep(0.1)
    raise AssertionError(f"{what} did not happen within {deadline_s:g} s")


@dataclass
class Service:
    """One process of the lab, started the way its systemd unit starts it; starter is Popen, or has its interface."""

    command: list[str]
    environment: dict[str, str]
    log: Path
    health: str
    process: subprocess.Popen[bytes] | None = None
    starter: Callable[..., subprocess.Popen[bytes]] = subprocess.Popen
    trust: ssl.SSLContext | bool = True

    @property
    def url(self) -> str:
        """Where it listens."""
        return self.health.removesuffix("/health")

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = self.starter(
                self.command, env={**os.environ, **self.environment}, stdout=log, stderr=log, start_new_session=True
            )
        wait_for(f"{self.command[0]} answering {self.health}", self._is_healthy)

    def _is_healthy(self) -> bool | None:
        if self.process is not None and self.process.poll() is not None:
            raise AssertionError(f"service ended with {self.process.returncode}:\n{self.log.read_text()[-4000:]}")
        try:
            return (
                True if httpx2.get(self.health, timeout=2, verify=self.trust).status_code == httpx2.codes.OK else None
            )
        except httpx2.TransportError:
            return None

    def end(self, sign: signal.Signals) -> None:
        """Send the service itself (not its children) a signal and wait for its end."""
        if self.process is not None:
            self.process.send_signal(sign)
            self.process.wait(timeout=30)
            self.process = None


class RestCalls:
    """The few calls that the tests make to a controller at controller_url, which wants the token, if there is one."""

    controller_url: str
    token: str
    trust: ssl.SSLContext | bool = True

    def request(self, method: str, path: str, **options: Any) -> httpx2.Response:
        headers = {"authorization": f"Bearer {self.token}"} if self.token else {}
        url = self.controller_url + path
        return httpx2.request(method, url, timeout=30, headers=headers, verify=self.trust, **options)

    def get(self, path: str) -> Any:
        response = self.request("GET", path)
        assert response.is_success, response.text
        return response.json()

    def submit(self, spec: dict[str, Any]) -> str:
        response = self.request("POST", "/v1/jobs", json=spec)
        assert response.status_code == httpx2.codes.CREATED, response.text
        return str(response.json()["id"])

    def runs(self, job: str) -> list[dict[str, Any]]:
        """The job's measured attempts in the order they were started."""
        runs = self.get(f"/v1/jobs/{job}/runs?limit=100")["items"]
        return [run for run in runs if run["purpose"] == "measure"]

    def wait_until_final(self, job: str, patience_s: float = 240) -> dict[str, Any]:
        def final() -> dict[str, Any] | None:
            view = self.get(f"/v1/jobs/{job}")
            return view if view["state"] in FINAL_JOB_STATES else None

        return wait_for(f"the end of job {job}", final, patience_s)

    def wait_until_running(self, job: str, block: int) -> dict[str, Any]:
        """The run in progress, once a worker of the given block is at work."""

        def running() -> dict[str, Any] | None:
            run = self.get(f"/v1/jobs/{job}")["progress"]["running"]
            return run if run and run["block"] >= block and run["state"] == "running" else None

        return wait_for(f"a run in block {block} of job {job}", running)


@dataclass
class Lab(RestCalls):
    """The lab's two services; token is what it shows the controller."""

    folder: Path
    certificates: Certificates | None = None
    token: str = ""
    worker_python: str = sys.executable
    controller_url: str = field(init=False)
    agent_url: str = field(init=False)

    def __post_init__(self) -> None:
        self.agent_url = f"{self._scheme}://127.0.0.1:{free_port()}"
        self.controller = self.new_controller("controller")
        self.controller_url = self.controller.url
        self.agent = Service(
            [str(BIN / "gradfilter-agent")],
            {
                "GRADFILTER_AGENT_PORT": self.agent_url.rpartition(":")[2],
                "GRADFILTER_AGENT_DATA_DIR": str(self.folder / "agent"),
                "GRADFILTER_AGENT_WORKER_PYTHON": self.worker_python,
            },
            self.folder / "agent.log",
            f"{self.agent_url}/health",
        )
        if self.certificates is not None:
            self._use_tls(self.certificates)

    def _use_tls(self, files: Certificates) -> None:
        for service, prefix in ((self.controller, "GRADFILTER_CONTROLLER"), (self.agent, "GRADFILTER_AGENT")):
            service.environment[f"{prefix}_TLS_CERTIFICATE"] = str(files.certificate)
            service.environment[f"{prefix}_TLS_KEY"] = str(files.key)
            service.trust = ssl.create_default_context(cafile=files.authority)
        self.controller.environment["GRADFILTER_CONTROLLER_AGENT_CA"] = str(files.authority)

    def new_controller(self, name: str) -> Service:
        """A controller on this lab's database, not started yet."""
        port = free_port()
        environment = {
            "GRADFILTER_CONTROLLER_PORT": str(port),
            "GRADFILTER_CONTROLLER_DATA_DIR": str(self.folder / "controller"),
        }
        return Service(
            [str(BIN / "gradfilter"), "controller"],
            environment,
            self.folder / f"{name}.log",
            f"{self._scheme}://127.0.0.1:{port}/health",
        )

    @property
    def _scheme(self) -> str:
        return "http" if self.certificates is None else "https"

    def start(self, device_url: str = "") -> None:
        """Both services, and the board registered and described; device_url where it is not simply the agent's."""
        if self.agent.process is None:
            self.agent.start()
        self.controller.start()
        device = {"name": DEVICE, "url": device_url or self.agent_url, "tags": ["desk"]}
        assert self.request("POST", "/v1/devices", json=device).status_code == httpx2.codes.CREATED
        wait_for("a description of the worker", self._worker)

    def _worker(self) -> dict[str, Any] | None:
        description = self.get(f"/v1/devices/{DEVICE}")["description"]
        return description["worker"] if description else None

    def stop(self) -> None:
        for service in (self.controller, self.agent):
            if service.process is not None:
                service.end(signal.SIGTERM)

    @property
    def trust(self) -> ssl.SSLContext | bool:
        return self.controller.trust


def tiny_job(**changes: Any) -> dict[str, Any]:
    """A job of a few seconds: a small network on small digits, baseline against patch size 2."""
    spec: dict[str, Any] = {
        "workload": {
            "kind": "training",
            "model": "tiny_cnn",
            "dataset": "digits",
            "image_size": 16,
            "batch_size": 8,
            "trainable": "last:2",
            "warm_up_steps": 2,
            "measured_steps": 20,
            "threads": 1,
        },
        "variants": [
            {"name": "baseline", "methods": []},
            {"name": "filtered", "methods": [{"name": "gradient_filter", "options": {"patch_size": 2, "last": 2}}]},
        ],
        "repetitions": 2,
        "quick": True,
        "device": {"name": DEVICE},
        "limits": {"settle_s": 0, "run_s": 120},
    }
    workload = changes.pop("workload", {})
    return {**spec, **changes, "workload": {**spec["workload"], **workload}}
