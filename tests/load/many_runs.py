"""A lab's past of a million runs, and how long the questions take that people and programs ask of it.

The database is filled directly; sensor series are there for the newest thousand runs, as retention leaves them. The
questions are asked over HTTP on loopback, one after another.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from itertools import islice
from pathlib import Path
from typing import Any

import httpx2

from controller import series
from controller.documents import RUN_RECORD
from controller.instants import as_text
from controller.measuring import measured
from controller.store import Store
from gradfilter.bench.schema import MethodSpec, RunSpec, TrainingWorkload, Variant
from tests.controller.samples import job_document
from tests.load.controllers import Controller
from tests.load.recorded import record
from tests.load.table import Row, Section

BLOCKS, VARIANTS = 8, ("baseline", "filtered")
RUNS_A_JOB = BLOCKS * len(VARIANTS)
WITH_SERIES = 1000
DEVICES, MODELS = 200, 50
REQUESTS = 40
BEGAN = datetime(2024, 1, 1, tzinfo=timezone.utc)
_STEPS = 3
_ROWS_AT_ONCE = 20_000
_METHOD = MethodSpec("gradient_filter", {"patch_size": 4, "last": 4})
Rows = Iterator[tuple[Any, ...]]


def questions(runs: int) -> dict[str, str]:
    """What is asked, by what it is: lists without and with every filter, from their beginning and from their middle."""
    jobs = runs // RUNS_A_JOB
    recent = as_text(_instant(jobs - 60))
    return {
        "jobs, newest": "/v1/jobs?limit=50",
        "jobs of a device": "/v1/jobs?limit=50&device=board-7",
        "jobs of a model": "/v1/jobs?limit=50&model=model-7",
        "jobs that failed, of which there are none": "/v1/jobs?limit=50&state=failed",
        "jobs of a device and model": "/v1/jobs?limit=50&device=board-7&model=model-7",
        "one job": f"/v1/jobs/{jobs // 2}",
        "the runs of a job": f"/v1/jobs/{jobs // 2}/runs?limit=50",
        "results, oldest": "/v1/results?limit=50",
        "results of a metric": "/v1/results?limit=50&metric=backward",
        "results of a job": f"/v1/results?limit=50&job={jobs // 2}&metric=backward",
        "results of a device": "/v1/results?limit=50&device=board-7&metric=backward",
        "results of a model": "/v1/results?limit=50&model=model-7&metric=backward",
        "results of a method": "/v1/results?limit=50&method=gradient_filter&metric=backward",
        "results of a method that nobody used": "/v1/results?limit=50&method=comet",
        "results of a variant that nobody had": "/v1/results?limit=50&variant=other",
        "results of a metric that nobody measured": "/v1/results?limit=50&metric=other",
        "results since recently": f"/v1/results?limit=50&metric=backward&since={recent}",
        "results of a device since recently": f"/v1/results?limit=50&device=board-7&since={recent}",
        "counts for Prometheus": "/metrics",
    }


def fill(path: Path, runs: int) -> None:
    """Table by table; the schema is there already."""
    jobs = runs // RUNS_A_JOB
    with closing(sqlite3.connect(path)) as connection:
        for pragma in ("synchronous=OFF", "journal_mode=OFF", "cache_size=-400000"):
            connection.execute(f"PRAGMA {pragma}").close()
        _insert(connection, "devices", _devices())
        _insert(connection, "jobs", (_job(number) for number in range(1, jobs + 1)))
        _insert(connection, "runs", (run for number in range(1, jobs + 1) for run in _runs(number)))
        filtered = (run[1] for number in range(1, jobs + 1) for run in _runs(number) if run[5] == "filtered")
        _insert(connection, "run_methods", ((run, "gradient_filter") for run in filtered))
        for table in ("records", "measurements", "series"):
            _insert(connection, table, _OF_RUNS[table](jobs))
        connection.execute("PRAGMA journal_mode=WAL").close()
        connection.execute("PRAGMA optimize").close()


def _insert(connection: sqlite3.Connection, table: str, rows: Rows) -> None:
    while batch := list(islice(rows, _ROWS_AT_ONCE)):
        marks = ", ".join("?" * len(batch[0]))
        connection.executemany(f"INSERT INTO {table} ({_COLUMNS[table]}) VALUES ({marks})", batch)
    connection.commit()


_COLUMNS = {
    "devices": "name, url, tags, maintenance, answers, reason, registered_at, fault",
    "jobs": "id, spec, model, state, device, created_at, started_at, finished_at, reason, user, series",
    "runs": "number, id, job_id, device, purpose, variant, block, position, attempt, seed, state, started_at, "
    "finished_at, failure, on_agent",
    "run_methods": "run_id, method",
    "records": "run_id, document, measured_by, digest",
    "measurements": "run_id, metric, part, value, unit, kind, reason, source, standard_uncertainty",
    "series": "run_id, parquet",
}


def _instant(job: int) -> datetime:
    return BEGAN + timedelta(minutes=10 * job)


def _device_of(job: int) -> str:
    return f"board-{job % DEVICES}"


def _devices() -> Rows:
    away = "http://127.0.0.1:9"  # nobody listens there
    for number in range(DEVICES):
        yield f"board-{number}", away, "[]", False, False, "not asked yet", as_text(BEGAN), ""


def _job(number: int) -> tuple[Any, ...]:
    model, at = f"model-{number % MODELS}", as_text(_instant(number))
    workload = {"kind": "training", "model": model, "measured_steps": 30}
    spec = job_document(workload=workload, repetitions=BLOCKS, device={"name": _device_of(number)})
    return number, json.dumps(spec), model, "finished", _device_of(number), at, at, at, "", "", number


def _runs(job: int) -> Rows:
    at = as_text(_instant(job))
    for place in range(RUNS_A_JOB):
        block, variant = place // len(VARIANTS) + 1, VARIANTS[place % len(VARIANTS)]
        number = (job - 1) * RUNS_A_JOB + place + 1
        slot = ("measure", variant, block, place % len(VARIANTS), 1, block)
        yield number, f"{job}-{place}", job, _device_of(job), *slot, "finished", at, at, "", False


def _example(variant: str) -> Any:
    methods = [] if variant == "baseline" else [_METHOD]
    spec = RunSpec("RUN", "JOB", TrainingWorkload(kind="training", model="tiny_cnn"), [Variant(variant, methods)])
    return replace(record(spec), steps=record(spec).steps[:_STEPS])


_EXAMPLES = {variant: _example(variant) for variant in VARIANTS}
_MEASURED = {variant: measured(example) for variant, example in _EXAMPLES.items()}


def _records(jobs: int) -> Rows:
    texts = {
        variant: RUN_RECORD.dump_json(example, exclude={"series"}).decode() for variant, example in _EXAMPLES.items()
    }
    for job in range(1, jobs + 1):
        for run in _runs(job):
            text = texts[run[5]].replace('"RUN"', f'"{run[1]}"').replace('"JOB"', f'"{job}"')
            text = text.replace('"block":1', f'"block":{run[6]}', 1)
            found = _MEASURED[run[5]]
            assert found is not None
            yield run[1], text, found.version, ""


def _measurements(jobs: int) -> Rows:
    names = ("metric", "part", "value", "unit", "kind", "reason", "source", "standard_uncertainty")
    rows = {}
    for variant, found in _MEASURED.items():
        assert found is not None
        rows[variant] = [tuple(row[name] for name in names) for row in found.rows("")]
    for job in range(1, jobs + 1):
        for run in _runs(job):
            yield from ((run[1], *row) for row in rows[run[5]])


def _series(jobs: int) -> Rows:
    document = series.to_parquet(_EXAMPLES["baseline"].series)
    for job in range(max(1, jobs - WITH_SERIES // RUNS_A_JOB + 1), jobs + 1):
        yield from ((run[1], document) for run in _runs(job))


_OF_RUNS = {"records": _records, "measurements": _measurements, "series": _series}


def ask(client: httpx2.Client, path: str) -> list[float]:
    """Seconds of each request; the first, which fills caches, is left out."""
    seconds = []
    for _ in range(REQUESTS + 1):
        start = time.monotonic()
        answer = client.get(path)
        seconds.append(time.monotonic() - start)
        assert answer.is_success, (path, answer.text[:300])
    return seconds[1:]


def _row(name: str, seconds: list[float], wanted: str) -> Row:
    p95 = statistics.quantiles(seconds, n=20)[-1]
    return Row(name, f"{1000 * p95:.1f} ms", wanted)


def section(options: Sequence[str]) -> Section:
    """Fill, then ask."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1_000_000)
    runs = parser.parse_args(options).runs
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "controller.sqlite3"
        store = Store(f"sqlite:///{path}")
        store.database.migrate()
        store.close()
        start = time.monotonic()
        fill(path, runs)
        rows = [
            Row("filled in", f"{time.monotonic() - start:.0f} s"),
            Row("file", f"{path.stat().st_size / 1e9:.2f} GB"),
        ]
        with Controller(Path(folder), tick_s=3600, device_poll_s=3600) as controller:
            rows += [_row(name, ask(controller.http, path), "< 100 ms") for name, path in questions(runs).items()]
            report = f"/v1/jobs/{runs // RUNS_A_JOB}/report.json"
            rows.append(_row("a report of 16 runs with their series", ask(controller.http, report), "< 500 ms"))
    title = f"{runs} runs stored on SQLite, series of the newest {WITH_SERIES}; 95 % of {REQUESTS} answers within"
    return Section(title, rows)
