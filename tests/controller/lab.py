"""A controller served for real beside a fake agent, and the calls that the tests make."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx2
from fastapi.testclient import TestClient
from typing_extensions import Self

from controller.app import create_app
from controller.jobs import FINAL_JOB_STATES
from controller.settings import Settings
from tests.controller.fake_agent import FakeAgent
from tests.controller.samples import DEVICE, job_document
from tests.controller.serving import Server, wait_for

HERE = "http://127.0.0.1"


def quick_settings(folder: Path, **changes: Any) -> Settings:
    """Settings under which nothing waits for long."""
    quick = {"tick_s": 0.05, "poll_wait_s": 0.5, "poll_pause_s": 0.0, "retry_s": 0.02, "device_poll_s": 0.1}
    return Settings(**{"data_dir": folder, "lease_s": 2.0, "timeout_s": 2.0, **quick, **changes})


def local_client(settings: Settings, **options: Any) -> TestClient:
    """A controller, asked by a program on its own machine: it needs no token."""
    return TestClient(create_app(settings), base_url=HERE, client=("127.0.0.1", 1), **options)


class Lab:
    """One controller, to be stopped and started again, and the address of one agent."""

    def __init__(self, folder: Path, agent: FakeAgent, **settings: Any) -> None:
        self.settings = quick_settings(folder, **settings)
        self.agent = agent
        self.server = Server(lambda: create_app(self.settings))
        # Connections end with their request, since the server behind them is stopped and started.
        self._http = httpx2.Client(timeout=10, trust_env=False, limits=httpx2.Limits(max_keepalive_connections=0))

    def __enter__(self) -> Self:
        self.server.start()
        self.request("POST", "/v1/devices", json={"name": DEVICE, "url": self.agent.url, "tags": ["desk"]})
        return self

    def __exit__(self, *error: object) -> None:
        self.server.stop()
        self._http.close()

    def restart(self) -> None:
        self.server.stop()
        self.server.start()

    def request(self, method: str, path: str, **options: Any) -> httpx2.Response:
        return self._http.request(method, self.server.url + path, **options)

    def get(self, path: str) -> Any:
        response = self.request("GET", path)
        assert response.is_success, response.text
        return response.json()

    def submit(self, **changes: Any) -> str:
        response = self.request("POST", "/v1/jobs", json=job_document(**changes))
        assert response.status_code == httpx2.codes.CREATED, response.text
        return str(response.json()["id"])

    def runs(self, job: str, purpose: str = "measure") -> list[dict[str, Any]]:
        return [run for run in self.get(f"/v1/jobs/{job}/runs?limit=200")["items"] if run["purpose"] == purpose]

    def states(self, job: str) -> list[str]:
        """The states of the measured attempts in the order in which they were started."""
        return [run["state"] for run in self.runs(job)]

    def end_of(self, job: str) -> dict[str, Any]:
        """The job once it has ended and its board is free."""

        def ended() -> dict[str, Any] | None:
            view = self.get(f"/v1/jobs/{job}")
            is_free = self.get(f"/v1/devices/{DEVICE}")["job"] is None
            return view if view["state"] in FINAL_JOB_STATES and is_free else None

        return wait_for(f"the end of job {job}", ended)

    def wait_until_awaiting(self, job: str, words: str) -> None:
        """Wait until the job says that it waits for this."""

        def says() -> bool | None:
            return words in self.get(f"/v1/jobs/{job}")["progress"]["waiting_for"] or None

        wait_for(f"job {job} waiting for {words!r}", says)
