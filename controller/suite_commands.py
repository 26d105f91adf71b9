"""The commands `gradfilter suite …`: named sets of jobs, listed, shown and run."""

import json
from typing import Annotated, Literal

import typer

from controller import listing
from controller.client import Client, ControllerError
from controller.job_file import InputError
from controller.jobs import JobView
from controller.selection import matching
from controller.suites import Changes, Suite, SuiteError, SuiteJob, job_for_board, load_suite, suite_names
from controller.terminal import (
    AT_FAULT,
    FAILED,
    INTERRUPTED,
    ControllerUrl,
    command,
    complain,
    connect,
    fail,
    given,
    show_table,
)
from controller.watching import ending, follow
from gradfilter.bench.schema import DeviceSelector, JobSpec

suite = typer.Typer(help="List named sets of jobs, show and run them.", no_args_is_help=True)

SuiteName = Annotated[str, typer.Argument(metavar="SUITE", help="The suite's name; `gradfilter suite list`.")]


@suite.command("list")
def list_suites() -> None:
    """List the suites, their jobs and what they need on the board."""
    show_table(listing.suite_table, [load_suite(name) for name in suite_names()], "there is no suite.")


@suite.command("show")
def show_suite(
    name: SuiteName,
    job: Annotated[str | None, typer.Option(help="Print this job as JSON, to change and submit it by itself.")] = None,
) -> None:
    """Show what a suite is for and its jobs."""
    found = _suite(name)
    if job is not None:
        typer.echo(json.dumps({**_chosen(found, [job])[0].job, "suite": name}, indent=2, ensure_ascii=False))
        return
    for paragraph in filter(None, (found.title, found.source, found.about)):
        typer.echo(f"{paragraph}\n")
    show_table(listing.suite_jobs_table, found.jobs, "")


@suite.command("run")
def run_suite(
    context: typer.Context,
    name: SuiteName,
    *,
    device: Annotated[str | None, typer.Option(help="The board by name.")] = None,
    tag: Annotated[list[str] | None, typer.Option(help="Any board that carries all these tags.")] = None,
    only: Annotated[list[str] | None, typer.Option(metavar="JOB", help="Only this job; may be repeated.")] = None,
    repetitions: Annotated[int | None, typer.Option(help="Runs of each variant, instead of the suite's.")] = None,
    dataset: Annotated[str | None, typer.Option(help="Train on these data instead of the suite's.")] = None,
    compute: Annotated[Literal["cpu", "cuda"] | None, typer.Option(help="Instead of the suite's.")] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Watch one job after another; print each comparison.")] = False,
    controller: ControllerUrl = None,
) -> None:
    """Submit the jobs of a suite. A job that is refused is named with the reason, and the others still go."""
    found = _suite(name)
    jobs = _chosen(found, only or [])
    board, changes = _board(device, tag), Changes(repetitions, dataset, compute)
    with connect(context, controller) as client:
        memory_bytes = _smallest_memory(client, board)
        specs = [(job.name, _spec(found, job, board, memory_bytes, changes)) for job in jobs]
        submitted = [view.id for job, spec in specs if (view := _submit(client, job, spec, quiet=wait)) is not None]
        if wait:
            _watch_all(client, name, submitted)
        elif submitted:
            typer.echo(f"watch one with {command(client, 'watch', submitted[0])}; {_listed(client, name)} lists them.")
    if not submitted:
        fail(f"every job of suite {name} that was asked for is refused.", AT_FAULT)
    if len(submitted) < len(jobs):
        fail(f"{len(jobs) - len(submitted)} of {len(jobs)} jobs were refused; the others go on.", AT_FAULT)


def _spec(found: Suite, job: SuiteJob, board: DeviceSelector, memory_bytes: int | None, changes: Changes) -> JobSpec:
    try:
        return job_for_board(found, job, board, memory_bytes, changes)
    except ValueError as error:
        raise InputError(str(error)) from error


def _submit(client: Client, name: str, spec: JobSpec, *, quiet: bool) -> JobView | None:
    """One job; None if it is refused, which is said. quiet: standard output is for the comparisons.

    Raises:
        ControllerError: no job can be submitted: there is no such board, or no controller.
    """
    try:
        view = client.submit(spec)
    except ControllerError as error:
        if not error.refused or any(field.partition(".")[0] == "device" for field, _ in error.fields):
            raise  # nothing to do with this job: the next would be told the same
        complain(f"{name} is refused: {error.message}", error.fields)
        return None
    typer.echo(f"job {view.id} is {name}, {view.state}. {spec.note}".rstrip(), err=quiet)
    return view


def _suite(name: str) -> Suite:
    try:
        return load_suite(name)
    except SuiteError as error:
        raise InputError(str(error)) from error


def _chosen(found: Suite, names: list[str]) -> list[SuiteJob]:
    try:
        return found.chosen(names)
    except SuiteError as error:
        raise InputError(str(error)) from error


def _board(device: str | None, tags: list[str] | None) -> DeviceSelector:
    try:
        return DeviceSelector(**given(name=device, tags=tags or None))
    except ValueError as error:
        raise InputError("a suite needs a board: give either --device NAME or --tag TAG.") from error


def _smallest_memory(client: Client, board: DeviceSelector) -> int | None:
    """Memory of the smallest board that may get the jobs; None where no such board has been described yet."""
    described = [device.description for device in matching(board, client.devices())]
    return min((one.memory_bytes for one in described if one is not None), default=None)


def _watch_all(client: Client, name: str, job_ids: list[str]) -> None:
    """One after another; a job without a good end is named, and the exit status is 1."""
    bad = False
    for number, job_id in enumerate(job_ids):
        try:
            view = follow(client, job_id)
        except KeyboardInterrupt:
            left = ", ".join(job_ids[number:])
            again = command(client, "watch", job_id)
            fail(f"jobs {left} go on; watch on with {again}; {_listed(client, name)} lists them.", INTERRUPTED)
        if view.state != "finished":
            complain(ending(view))
            bad = True
    if bad:
        raise SystemExit(FAILED)


def _listed(client: Client, name: str) -> str:
    return command(client, "jobs", "--suite", name)
