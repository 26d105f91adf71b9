"""Submissions at a steady rate, whatever the controller makes of them: a job is due every few milliseconds.

The jobs wait for a board that is away, so that the queue grows by each of them. How long one took is counted from the
instant at which it was due.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from tests.controller.samples import job_document
from tests.load.controllers import Controller, SimulatedBoards
from tests.load.table import Row, Section
from tests.system.lab import wait_for

DEVICE = "board-0"
CONNECTIONS = 16
QUERIES = 100


@dataclass(frozen=True)
class Taken:
    """What came of submissions: how many answers had each status, 0 where there was none, and how long each took.

    cpu_s: what asking took this program.
    """

    answers: Counter[int]
    took_s: list[float]
    wall_s: float
    cpu_s: float


def section(options: Sequence[str]) -> Section:
    """Submit, then list what waits."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--per-s", type=int, default=200)
    parser.add_argument("--seconds", type=int, default=30)
    given = parser.parse_args(options)
    with tempfile.TemporaryDirectory() as folder, Controller(Path(folder)) as controller:
        _meet_a_board(controller)
        before_s = controller.usage().cpu_s
        taken = asyncio.run(submit(controller.url, given.per_s, given.seconds))
        cpu_s = controller.usage().cpu_s - before_s
        lists = [_timed(controller, "/v1/jobs?limit=50") for _ in range(QUERIES)]
        queued = controller.get("/v1/jobs", state="queued", limit=1)["items"]
    assert queued, "no job waits"
    return Section(f"{given.per_s} submissions a second for {given.seconds} s", _rows(taken, cpu_s, lists, given.per_s))


def _meet_a_board(controller: Controller) -> None:
    """Have the controller know a board, which then goes away."""
    with SimulatedBoards(run_s=1.0) as boards:
        controller.post("/v1/devices", {"name": DEVICE, "url": boards.url(0)})
        wait_for("the board's description", lambda: controller.get(f"/v1/devices/{DEVICE}")["description"])


async def submit(url: str, per_s: int, seconds: int) -> Taken:
    """Submit at a steady rate from a few connections."""
    document = job_document(device={"name": DEVICE})
    limits = httpx2.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS)
    answers: Counter[int] = Counter()
    took_s: list[float] = []
    async with httpx2.AsyncClient(base_url=url, timeout=60, limits=limits, trust_env=False) as client:

        async def one(due_s: float) -> None:
            await asyncio.sleep(due_s - time.monotonic())
            answers[await _submitted(client, document)] += 1
            took_s.append(time.monotonic() - due_s)

        start_s, spent_s = time.monotonic(), time.process_time()
        await asyncio.gather(*(one(start_s + number / per_s) for number in range(per_s * seconds)))
    return Taken(answers, took_s, time.monotonic() - start_s, time.process_time() - spent_s)


async def _submitted(client: httpx2.AsyncClient, document: dict[str, Any]) -> int:
    try:
        return (await client.post("/v1/jobs", json=document)).status_code
    except httpx2.HTTPError:
        return 0


def _timed(controller: Controller, path: str) -> float:
    start = time.monotonic()
    controller.get(path)
    return time.monotonic() - start


def _rows(taken: Taken, cpu_s: float, lists: list[float], per_s: int) -> list[Row]:
    asked = len(taken.took_s)
    accepted = taken.answers.pop(httpx2.codes.CREATED, 0)
    return [
        Row("accepted", f"{accepted}", f"{asked}"),
        Row("errors", f"{sum(taken.answers.values())}", "0"),
        Row("accepted a second", f"{accepted / taken.wall_s:.0f}", f"{per_s}"),
        Row("answered, 95 % within", _p95(taken.took_s)),
        Row("controller, CPU per submission", f"{1000 * cpu_s / asked:.1f} ms"),
        Row("this program, CPU per submission", f"{1000 * taken.cpu_s / asked:.1f} ms"),
        Row("a list of 50 afterwards, 95 % within", _p95(lists)),
    ]


def _p95(seconds: list[float]) -> str:
    return f"{1000 * statistics.quantiles(seconds, n=20)[-1]:.1f} ms"
