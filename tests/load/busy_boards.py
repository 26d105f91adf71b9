"""Every board busy: simulated agents do a job each, and nothing that they measured is lost or stored twice.

python -m tests.load.busy_boards --agents 1000 --run-s 20 --runs 20
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.controller.samples import job_document
from tests.load.controllers import Controller, SimulatedBoards
from tests.load.table import Row, print_table


@dataclass(frozen=True)
class Outcome:
    """What a load left behind. idle_s: how long each board stood idle before each of its runs."""

    stored: int
    distinct: int
    made_in_vain: int
    jobs: dict[str, int]
    idle_s: list[float]
    peak_rss_bytes: int
    cpu_s: float
    wall_s: float

    def rows(self) -> list[Row]:
        """Lines of the table."""
        return [
            Row("runs stored", f"{self.stored}"),
            Row("runs stored twice", f"{self.stored - self.distinct}"),
            Row("runs that boards made and nobody stored", f"{self.made_in_vain}"),
            Row("idle board to next run, median", f"{statistics.median(self.idle_s):.2f} s"),
            Row("idle board to next run, 95 % within", f"{statistics.quantiles(self.idle_s, n=20)[-1]:.2f} s"),
            Row("controller, peak RSS", f"{self.peak_rss_bytes / 1e6:.0f} MB"),
            Row("controller, CPU per run", f"{1000 * self.cpu_s / max(1, self.stored):.1f} ms"),
            Row("from first submission to last record", f"{self.wall_s:.0f} s"),
        ]


def keep_busy(folder: Path, *, agents: int, runs: int, run_s: float, patience_s: float) -> Outcome:
    """One job a board, of so many runs; waits until all have ended, for so long at most."""
    boards, controller = SimulatedBoards(run_s), Controller(folder, lease_s=60, device_poll_s=60)
    controller.start()
    try:
        for number in range(agents):
            controller.post("/v1/devices", {"name": f"board-{number}", "url": boards.url(number)})
        start, spent_s = time.monotonic(), controller.cpu_s()
        for number in range(agents):
            controller.post("/v1/jobs", _job(f"board-{number}", runs, run_s))
        jobs = wait_for_all(controller, agents, patience_s)
        wall_s, peak, cpu_s = time.monotonic() - start, controller.peak_rss_bytes(), controller.cpu_s() - spent_s
        stored = stored_runs(controller, agents)
        seen = json.loads(boards.seen())
    finally:
        controller.stop()
        boards.stop()
    measured = [run["id"] for run in stored if run["purpose"] == "measure"]
    slots = {(run["job_id"], run["variant"], run["block"]) for run in stored if run["purpose"] == "measure"}
    in_vain = set(seen["started"]) - {run["id"] for run in stored if run["state"] == "finished"}
    return Outcome(len(measured), len(slots), len(in_vain), jobs, seen["idle_s"], peak, cpu_s, wall_s)


def _job(device: str, runs: int, run_s: float) -> dict[str, Any]:
    limits = {"run_s": max(1.0, 10 * run_s), "settle_s": 0}
    return job_document(device={"name": device}, repetitions=runs // 2, limits=limits)


def wait_for_all(controller: Controller, agents: int, patience_s: float) -> dict[str, int]:
    """How many jobs ended how; gives up after patience_s and then counts what there is."""
    until = time.monotonic() + patience_s
    while True:
        counted = Counter({line.split('"')[1]: int(float(line.split()[-1])) for line in _job_counts(controller)})
        if sum(counted[state] for state in ("finished", "failed", "cancelled")) >= agents or time.monotonic() > until:
            return dict(counted)
        time.sleep(0.5)


def _job_counts(controller: Controller) -> list[str]:
    text = controller.http.get("/metrics").text
    return [line for line in text.splitlines() if line.startswith("gradfilter_jobs{")]


def stored_runs(controller: Controller, agents: int) -> list[dict[str, Any]]:
    """Every attempt of every job."""
    return [run for job in range(1, agents + 1) for run in controller.get(f"/v1/jobs/{job}/runs", limit=200)["items"]]


def main() -> None:
    """Load one controller and print what it held."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--agents", type=int, default=50)
    parser.add_argument("--runs", type=int, default=4)
    parser.add_argument("--run-s", type=float, default=2.0)
    parser.add_argument("--patience-s", type=float, default=460.0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        outcome = keep_busy(
            Path(folder), agents=given.agents, runs=given.runs, run_s=given.run_s, patience_s=given.patience_s
        )
    print_table(f"{given.agents} boards, {given.runs} runs of {given.run_s:g} s each, SQLite", outcome.rows())
    print(outcome.jobs)


if __name__ == "__main__":
    main()
