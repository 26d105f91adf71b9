"""The commands that show what was measured: `gradfilter report` and `gradfilter results`."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from controller import listing
from controller.client import PictureFormat, ReportFormat
from controller.job_file import InputError
from controller.terminal import ControllerUrl, JobId, connect, deliver, deliver_files, given, show_table


def report(
    context: typer.Context,
    job: JobId,
    *,
    report_format: Annotated[
        Literal[ReportFormat, PictureFormat], typer.Option("--format", help="svg and png write a folder of charts.")
    ] = "txt",
    across: Annotated[bool, typer.Option("--across", help="With the same job on the other boards of --all.")] = False,
    output: Annotated[Path | None, typer.Option(help="Write it here instead of printing it.")] = None,
    controller: ControllerUrl = None,
) -> None:
    """Print the comparison of a job, or write it to a file; its charts into a folder, charts-of-job-JOB without any."""
    with connect(context, controller) as client:
        match report_format:
            case "svg" | "png":
                charts = client.charts(job, report_format, across=across)
                deliver_files(charts, output or Path(f"charts-of-job-{job}"), f"nothing of job {job} can be drawn yet.")
            case _:
                deliver(client.report(job, report_format, across=across), output)


def results(
    context: typer.Context,
    *,
    model: Annotated[str | None, typer.Option()] = None,
    method: Annotated[str | None, typer.Option()] = None,
    device: Annotated[str | None, typer.Option()] = None,
    metric: Annotated[str | None, typer.Option(help="For example step_time or test_accuracy.")] = None,
    variant: Annotated[str | None, typer.Option()] = None,
    job: Annotated[str | None, typer.Option(help="Only this job's runs.")] = None,
    since: Annotated[str | None, typer.Option(help="A date or an instant, for example 2026-03-01.")] = None,
    table_format: Annotated[Literal["table", "csv", "json"], typer.Option("--format")] = "table",
    output: Annotated[Path | None, typer.Option(help="Write it here instead of printing it.")] = None,
    controller: ControllerUrl = None,
) -> None:
    """Look up measured values across all jobs."""
    filters = given(model=model, method=method, device=device, metric=metric, variant=variant, job=job, since=since)
    if table_format == "table" and output is not None:
        raise InputError("--output needs --format csv or json.")
    with connect(context, controller) as client:
        if table_format != "table":
            deliver(client.results_table(table_format, **filters), output)
            return
        rows = client.result_rows(**filters)
        show_table(listing.result_table, rows, "no result matches; `gradfilter jobs` lists what was measured.")
