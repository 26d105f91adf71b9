"""The lab on one host: the controller and one agent on loopback.

    python -m deploy.local demo     measure the demo's jobs, print and keep the comparisons, stop
    python -m deploy.local up       keep the lab running until Ctrl-C

The demo is a deployment like any other: the commands of the systemd units, the REST calls of any user.
"""

import argparse
import io
import json
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from rich.console import Console
from rich.markup import escape

from controller.client import ControllerError
from controller.client.progress import clock, show_progress
from controller.jobs import FINAL_JOB_STATES, JobView
from deploy.lesson import lesson
from deploy.services import Lab, LabError, running_lab

JOBS = Path(__file__).parent / "demo"
USUAL_PORTS = (8100, 8101)
INTERRUPTED = 130
STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StoppedError(BaseException):
    """SIGINT, SIGTERM or SIGHUP: stop what was started and end."""


@dataclass
class Measured:
    """A job of the demo after its end."""

    view: JobView
    comparison: dict[str, Any]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    options = _parser().parse_args(arguments)
    # In a pipe, too, every line must come when it is written, in order with the errors.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)
    try:
        with _signals_raise():
            return int(options.command(options))
    except StoppedError:
        print("stopped.", file=sys.stderr)
        return INTERRUPTED
    except (LabError, ControllerError, OSError, ValueError) as error:
        print(f"deploy.local: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deploy.local", description="A lab on this host.")
    commands = parser.add_subparsers(required=True, metavar="demo|up")
    demo_parser = commands.add_parser("demo", help="measure the demo's jobs and stop")
    demo_parser.add_argument("--jobs", type=Path, default=JOBS, help="a folder of job files, measured in their order")
    demo_parser.add_argument("--data", type=Path, default=Path("var/demo"), help="database, checkpoints and logs")
    demo_parser.add_argument("--reports", type=Path, default=Path("reports"), help="where the HTML reports go")
    demo_parser.set_defaults(command=demo)
    up_parser = commands.add_parser("up", help="keep the lab running until Ctrl-C")
    up_parser.add_argument("--data", type=Path, default=Path("var/local"), help="database, checkpoints and logs")
    up_parser.set_defaults(command=up)
    return parser


def demo(options: argparse.Namespace) -> int:
    """Measure every job file, then say what the numbers teach; 1 if a job had no good end."""
    began = time.monotonic()
    console = Console()
    jobs = _read_jobs(options.jobs)
    console.print("starting a controller and an agent on this computer", highlight=False)
    with running_lab(options.data) as lab:
        _cancel_leftovers(lab)
        console.print(f"dashboard, while this runs: {lab.controller_url}", highlight=False)
        measured = [
            _measure(lab, console, spec, options.reports / f"{name}.html", f"job {number} of {len(jobs)}")
            for number, (name, spec) in enumerate(jobs.items(), start=1)
        ]
    console.print(lesson([job.comparison for job in measured]), highlight=False)
    print(f"all of it took {clock(time.monotonic() - began)} (minutes:seconds); what was started is stopped.")
    return 0 if all(job.view.state == "finished" for job in measured) else 1


def up(options: argparse.Namespace) -> int:
    """Keep the lab running; the usual ports where they are free."""
    with running_lab(options.data, USUAL_PORTS) as lab:
        print(f"dashboard: {lab.controller_url}    data: {options.data}    Ctrl-C stops it")
        print(f"GRADFILTER_CONTROLLER={lab.controller_url} gradfilter devices")
        while True:
            lab.pause(1)


def _read_jobs(folder: Path) -> dict[str, Any]:
    """The job files of a folder by name, in alphabetical order."""
    jobs = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))}
    if not jobs:
        raise ValueError(f"there is no job file (*.json) in {str(folder)!r}.")
    return jobs


def _cancel_leftovers(lab: Lab) -> None:
    """Jobs of a demo that was killed would run first and make this one wait."""
    for job in lab.client.jobs():
        if job.state not in FINAL_JOB_STATES:
            lab.client.cancel(job.id)


def _measure(lab: Lab, console: Console, spec: dict[str, Any], report: Path, which: str) -> Measured:
    """Submit a job, show it to its end, print its comparison and keep the HTML report."""
    job = lab.client.submit(spec)
    console.print(f"\n[bold]{which}[/bold]: {escape(spec.get('note', ''))}", highlight=False, soft_wrap=True)
    try:
        view = show_progress(_checked(lab, job.id), console)
    except StoppedError:
        lab.client.cancel(job.id)  # or the next start would take it up again
        raise
    print(lab.client.report(job.id))
    report.parent.mkdir(parents=True, exist_ok=True)
    report.write_text(lab.client.report(job.id, "html"), encoding="utf-8")
    print(f"the same with charts: {report}")
    if view.state != "finished":
        print(f"this job is {view.state}: {view.reason}", file=sys.stderr)
    return Measured(view, json.loads(lab.client.report(job.id, "json")))


def _checked(lab: Lab, job_id: str) -> Iterator[JobView]:
    """The job's views, as long as both services live."""
    for view in lab.client.watch(job_id):
        lab.check()
        yield view


@contextmanager
def _signals_raise() -> Iterator[None]:
    """Within, the first signal raises StoppedError; the stopping itself is not interrupted by more of them."""

    def stop(_number: int, _frame: FrameType | None) -> NoReturn:
        for number in STOPPING:
            signal.signal(number, signal.SIG_IGN)
        raise StoppedError

    before = {number: signal.signal(number, stop) for number in STOPPING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


if __name__ == "__main__":
    sys.exit(main())
