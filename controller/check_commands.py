"""The commands that look at a job again: `gradfilter verify` and `gradfilter reproduce`."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from controller.job_file import InputError
from controller.jobs import FINAL_JOB_STATES
from controller.terminal import FAILED, ControllerUrl, JobId, command, connect, show_table
from controller.watching import watch_to_the_end
from gradfilter.bench.schema import DeviceSelector


def verify(context: typer.Context, job: JobId, controller: ControllerUrl = None) -> None:
    """Go through a job's checklist; the exit status is 1 where a point does not hold."""
    with connect(context, controller) as client:
        checks = client.checks(job)
    for check in checks:
        typer.echo(f"{'pass' if check['passed'] else 'FAIL'}  {check['name']}: {check['found']}")
    if not all(check["passed"] for check in checks):
        raise typer.Exit(FAILED)


def reproduce(
    context: typer.Context,
    job: JobId,
    *,
    wait: Annotated[bool, typer.Option(help="Wait for its end and compare the two.")] = True,
    controller: ControllerUrl = None,
) -> None:
    """Submit a job again, on the same board, and compare its ratios with those of the first."""
    with connect(context, controller) as client:
        first = client.job(job)
        if first.state not in FINAL_JOB_STATES or not first.device:
            raise InputError(f"job {job} is {first.state}; there is nothing to reproduce before it has run.")
        note = f"reproduction of job {job}. {first.spec.note}".strip()[:2000]
        again = client.submit(replace(first.spec, device=DeviceSelector(name=first.device), note=note))
        if not wait:
            typer.echo(f"job {again.id} repeats job {job}; watch it with {command(client, 'watch', again.id)}")
            return
        watch_to_the_end(client, again.id)
        show_table(agreement_table, client.agreement(job, again.id), "the two jobs have no ratio in common.")


def agreement_table(rows: Sequence[dict[str, Any]]) -> Table:
    """Each ratio to the baseline in both jobs."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("variant", "part", "metric", "first", "second", "change", ""):
        table.add_column(column, overflow="fold")
    words = {True: "agrees", False: "differs", None: "no interval"}
    for row in rows:
        ratios = [_ratio(row[name]) for name in ("first", "second", "change")]
        table.add_row(*map(Text, [row["variant"], row["part"], row["metric"], *ratios, words[row["agrees"]]]))
    return table


def _ratio(estimate: dict[str, Any]) -> str:
    if estimate["low"] is None:
        return f"{estimate['value']:.3f}"
    return f"{estimate['value']:.3f} ({estimate['low']:.3f} to {estimate['high']:.3f})"
