"""The controller as a process of its own."""

import json
import os
import signal
import socket
import subprocess
import sys

import httpx2
import pytest

from controller.jobs import NewDevice
from controller.store import Store
from tests.controller.samples import DEVICE, job_document
from tests.controller.serving import wait_for


@pytest.fixture
def service(tmp_path):
    """The service with a board that is away, its address and its log."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    store = Store(f"sqlite:///{tmp_path / 'controller.sqlite3'}")
    store.database.migrate()
    store.devices.add(NewDevice(DEVICE, "http://127.0.0.1:9"))
    store.close()
    settings = {"GRADFILTER_CONTROLLER_PORT": str(port), "GRADFILTER_CONTROLLER_DATA_DIR": str(tmp_path)}
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "controller"],
            env={**os.environ, **settings, "GRADFILTER_CONTROLLER_LOG_FORMAT": "json"},
            stderr=log,
        )
    try:
        yield process, f"http://127.0.0.1:{port}", tmp_path / "log"
    finally:
        process.kill()
        process.wait()


def is_healthy(url):
    try:
        return httpx2.get(f"{url}/health", trust_env=False).is_success or None
    except httpx2.TransportError:
        return None


def test_a_signal_ends_the_service_and_its_streams(service):
    """Told to stop, the service ends the streams of its followers, closes and logs no failure."""
    process, url, log = service
    wait_for("the service", lambda: is_healthy(url))
    job = httpx2.post(f"{url}/v1/jobs", json=job_document(), trust_env=False).json()["id"]
    with httpx2.stream("GET", f"{url}/v1/jobs/{job}/events", trust_env=False) as response:
        lines = response.iter_lines()
        assert "event: job" == next(lines)
        process.send_signal(signal.SIGTERM)
        assert not [line for line in lines if line.startswith("event") and "finished" in line]
    process.wait(timeout=20)
    assert "Traceback" not in log.read_text()
    assert "controller_starts" in {json.loads(line)["event"] for line in log.read_text().splitlines()}
