"""Every board busy: simulated agents do a job each, and nothing that they measured is lost or stored twice."""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from controller.jobs import FINAL_JOB_STATES
from tests.controller.samples import job_document
from tests.load.controllers import Controller, SimulatedBoards
from tests.load.table import Row, Section

_LOOK_EVERY_S = 2.0


@dataclass(frozen=True)
class Load:
    """So many boards, each with one job of so many runs; after patience_s what is there is counted."""

    agents: int
    runs: int
    run_s: float
    patience_s: float

    @classmethod
    def read(cls, options: Sequence[str]) -> Load:
        """What the command line says, a thousand boards without."""
        parser = argparse.ArgumentParser(description=__doc__)
        parser.add_argument("--agents", type=int, default=1000)
        parser.add_argument("--runs", type=int, default=20)
        parser.add_argument("--run-s", type=float, default=20.0)
        parser.add_argument("--patience-s", type=float, default=900.0)
        return cls(**vars(parser.parse_args(options)))

    def __str__(self) -> str:
        return f"{self.agents} boards, {self.runs} runs of {self.run_s:g} s each"

    def job(self, device: str) -> dict[str, Any]:
        """One board's job: two variants, half as many blocks as runs."""
        limits = {"run_s": max(1.0, 10 * self.run_s), "settle_s": 0}
        return job_document(device={"name": device}, repetitions=self.runs // 2, limits=limits)


@dataclass(frozen=True)
class Outcome:
    """What a load left behind. was_half_way: whether half of all runs were stored before the patience was over.

    idle_s: how long each board stood idle before each of its runs.
    """

    finished: int
    distinct: int
    lost: int
    made_in_vain: int
    jobs: dict[str, int]
    idle_s: list[float]
    peak_rss_bytes: int
    controllers_cpu_s: float
    boards_cpu_s: float
    wall_s: float
    was_half_way: bool

    def rows(self, load: Load) -> list[Row]:
        """Lines of the table."""
        wanted = load.agents * load.runs
        per_run = 1000 / max(1, self.finished)
        return [
            Row("runs stored", f"{self.finished}", f"{wanted}"),
            Row("runs stored twice", f"{self.finished - self.distinct}", "0"),
            Row("runs that boards made and nobody stored", f"{self.made_in_vain}", "0"),
            Row("attempts that their board never heard of", f"{self.lost}"),
            Row("idle board to next run, median", _percentile(self.idle_s, 50), "< 2 s"),
            Row("idle board to next run, 95 % within", _percentile(self.idle_s, 95)),
            Row("a controller's peak RSS", f"{self.peak_rss_bytes / 1e6:.0f} MB", "< 1000 MB"),
            Row("controllers, CPU per run", f"{per_run * self.controllers_cpu_s:.1f} ms"),
            Row("simulated boards, CPU per run", f"{per_run * self.boards_cpu_s:.1f} ms"),
            Row("from first submission to last record", f"{self.wall_s:.0f} s"),
        ]


def _percentile(seconds: Sequence[float], share: int) -> str:
    """Of a load that was cut short there may be too few."""
    return f"{statistics.quantiles(seconds, n=100)[share - 1]:.2f} s" if len(seconds) > 1 else f"{len(seconds)} seen"


def section(options: Sequence[str]) -> Section:
    """One controller on SQLite."""
    load = Load.read(options)
    with tempfile.TemporaryDirectory() as folder:
        controller = Controller(Path(folder), lease_s=60, device_poll_s=60)
        outcome = keep_busy(load, [controller])
    return Section(f"{load}, one controller on SQLite", outcome.rows(load))


def keep_busy(load: Load, controllers: Sequence[Controller], half_way: Callable[[], None] = lambda: None) -> Outcome:
    """One job a board, handed to the controllers in turn; half_way is called once half of all runs are stored.

    What is asked in the end is asked of the last controller.
    """
    last = controllers[-1]
    with ExitStack() as programs:
        boards = programs.enter_context(SimulatedBoards(load.run_s))
        for controller in controllers:
            programs.enter_context(controller)
        for number in range(load.agents):
            last.post("/v1/devices", {"name": f"board-{number}", "url": boards.url(number)})
        start, spent_s = time.monotonic(), sum(controller.usage().cpu_s for controller in controllers)
        for number in range(load.agents):
            controllers[number % len(controllers)].post("/v1/jobs", load.job(f"board-{number}"))
        jobs, was_half_way = _wait_for_all(last, load, half_way)
        wall_s, boards_cpu_s = time.monotonic() - start, boards.usage().cpu_s
        taken = [controller.usage() for controller in controllers]
        stored = _attempts(last, load.agents)
        seen = json.loads(boards.seen())
    finished = [run for run in stored if run["state"] == "finished"]
    measured = [run for run in finished if run["purpose"] == "measure"]
    return Outcome(
        finished=len(measured),
        distinct=len({(run["job_id"], run["variant"], run["block"]) for run in measured}),
        lost=sum(run["state"] == "lost" for run in stored),
        made_in_vain=len(set(seen["started"]) - {run["id"] for run in finished}),
        jobs=jobs,
        was_half_way=was_half_way,
        idle_s=seen["idle_s"],
        peak_rss_bytes=max(one.peak_rss_bytes for one in taken),
        controllers_cpu_s=sum(one.cpu_s for one in taken) - spent_s,
        boards_cpu_s=boards_cpu_s,
        wall_s=wall_s,
    )


def _wait_for_all(controller: Controller, load: Load, half_way: Callable[[], None]) -> tuple[dict[str, int], bool]:
    """How many jobs ended how, and whether half of all runs were stored; what there is when the patience is over."""
    until, is_half_way = time.monotonic() + load.patience_s, False
    while True:
        jobs, runs = _counts(controller.http.get("/metrics").text)
        if not is_half_way and 2 * runs["finished"] >= load.agents * load.runs:
            is_half_way = True
            half_way()
        if sum(jobs[state] for state in FINAL_JOB_STATES) >= load.agents or time.monotonic() > until:
            return dict(jobs), is_half_way
        time.sleep(_LOOK_EVERY_S)


def _counts(metrics: str) -> tuple[Counter[str], Counter[str]]:
    """Jobs and measured runs by state, as Prometheus reads them."""
    found: dict[str, Counter[str]] = {"gradfilter_jobs": Counter(), "gradfilter_runs": Counter()}
    for line in metrics.splitlines():
        name, _, rest = line.partition("{")
        if name in found:
            found[name][rest.split('"')[1]] = int(float(rest.split()[-1]))
    return found["gradfilter_jobs"], found["gradfilter_runs"]


def _attempts(controller: Controller, jobs: int) -> list[dict[str, Any]]:
    """Every attempt of every job."""
    return [run for job in range(1, jobs + 1) for run in controller.get(f"/v1/jobs/{job}/runs", limit=200)["items"]]
