"""How long the server takes for a page of the dashboard, over 10,000 jobs and 100 devices.

The store is filled directly, as a lab would have filled it in years; the pages are asked for over HTTP on loopback.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import httpx2
from sqlalchemy import insert

from controller.app import create_app
from controller.documents import DEVICE_DESCRIPTION
from controller.instants import as_text
from controller.store import Store
from controller.tables import Device, Job, MeasurementRow, Run, RunMethod
from tests.controller.lab import quick_settings
from tests.controller.samples import description, job_document
from tests.controller.serving import Server
from tests.load.table import Row, Section

JOBS = 10_000
DEVICES = 100
WAITING = 200
MODELS = 1_300  # as many as timm lists
REQUESTS = 15
SETTLE_S = 8.0
METRICS = ("step_time", "backward", "forward", "peak_rss_bytes", "test_accuracy")
BEGAN = datetime(2026, 1, 1, tzinfo=timezone.utc)
PAGES = (
    "/",
    f"/jobs/{JOBS // 2}",
    "/jobs/new",
    "/results",
    "/results?metric=backward&method=gradient_filter&device=board-7",
    f"/compare?pick={JOBS // 2}:baseline&pick={JOBS // 2}:filtered",
    "/history?device=board-7&model=resnet18&variant=filtered",
)


def fill(store: Store, jobs: int, devices: int) -> None:
    """A lab's past: most jobs have ended with two blocks of two variants; the last two hundred wait."""
    board = description()
    assert board.worker is not None
    worker = replace(board.worker, models=[f"model_{i}" for i in range(MODELS - 2)] + ["resnet18", "tiny_cnn"])
    known = DEVICE_DESCRIPTION.dump_python(replace(board, worker=worker), mode="json")
    runs = [run for job in range(1, jobs - WAITING + 1) for run in _runs(job, f"board-{job % devices}")]
    rows: dict[Any, list[dict[str, Any]]] = {
        Device: [_device(number, known) for number in range(devices)],
        Job: [_job(number, number > jobs - WAITING, f"board-{number % devices}") for number in range(1, jobs + 1)],
        Run: runs,
        RunMethod: [{"run_id": r["id"], "method": "gradient_filter"} for r in runs if r["variant"] == "filtered"],
        MeasurementRow: [_measurement(run, metric) for run in runs for metric in METRICS],
    }
    with store.database.writing() as session:
        for table, values in rows.items():
            session.execute(insert(table), values)


def _device(number: int, known: dict[str, Any]) -> dict[str, Any]:
    """A board at whose address nobody listens."""
    reason = "its agent has not been asked yet"
    seen = {"registered_at": as_text(BEGAN), "last_seen_at": as_text(BEGAN), "description": known}
    state = {"tags": ["desk"], "maintenance": False, "answers": False, "reason": reason}
    return {"name": f"board-{number}", "url": "http://127.0.0.1:9", **state, **seen}


def _job(number: int, waits: bool, device: str) -> dict[str, Any]:
    workload = {"kind": "training", "model": "resnet18", "measured_steps": 2}
    at = as_text(BEGAN + timedelta(minutes=number))
    return {
        "spec": job_document(workload=workload, repetitions=2, device={"tags": ["desk"]}),
        "model": "resnet18",
        "state": "queued" if waits else "finished",
        "device": None if waits else device,
        "created_at": at,
        "started_at": None,
        "finished_at": None if waits else at,
        "reason": "",
        "series": number,
    }


def _runs(job: int, device: str) -> list[dict[str, Any]]:
    at = as_text(BEGAN + timedelta(minutes=job))
    times = {"started_at": at, "finished_at": at, "failure": "", "on_agent": False}
    slot = {"purpose": "measure", "position": 0, "attempt": 1, "seed": 0, "state": "finished"}
    return [
        {"id": f"{job}-{block}-{variant}", "job_id": job, "device": device, "variant": variant, "block": block}
        | slot
        | times
        for block in (1, 2)
        for variant in ("baseline", "filtered")
    ]


def _measurement(run: dict[str, Any], metric: str) -> dict[str, Any]:
    value = (0.5 if run["variant"] == "filtered" else 1.0) * (1 + 0.01 * run["block"])
    told = {"unit": "s", "kind": "measured", "reason": "", "source": "", "standard_uncertainty": None}
    return {"run_id": run["id"], "metric": metric, "part": "", "value": value, **told}


def section(options: Sequence[str]) -> Section:
    """Fill, then ask for every page."""
    argparse.ArgumentParser(description=__doc__).parse_args(options)
    with tempfile.TemporaryDirectory() as folder:
        settings = quick_settings(Path(folder), tick_s=3600.0, device_poll_s=3600.0)
        store = Store(settings.database)
        store.database.migrate()
        fill(store, JOBS, DEVICES)
        store.close()
        with Server(lambda: create_app(settings)) as server, httpx2.Client(base_url=server.url, timeout=60) as client:
            time.sleep(SETTLE_S)  # in which every board is found to be away
            rows = [Row(path, *_times(client, path)) for path in PAGES]
    return Section(f"{JOBS} jobs and {DEVICES} devices; a page in the median, and the worst of {REQUESTS}", rows)


def _times(client: httpx2.Client, path: str) -> tuple[str, str]:
    """Median and worst of some requests, the first one left out, since it compiles the template."""
    seconds = []
    for _ in range(REQUESTS + 1):
        start = time.monotonic()
        response = client.get(path)
        seconds.append(time.monotonic() - start)
        assert response.is_success or path.startswith("/compare"), (path, response.text[:500])
    milliseconds = [1000 * second for second in seconds[1:]]
    return f"{statistics.median(milliseconds):.1f} ms", f"{max(milliseconds):.1f} ms"
