"""The command `gradfilter`: submit jobs, watch them, read their reports.

Standard output carries what was asked for, standard error everything else, so that a report can be piped. Exit
status: 0 done; 1 the job failed or the controller cannot be reached; 2 what was typed is at fault; 130 interrupted.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from controller import listing
from controller.check_commands import reproduce, verify
from controller.client import DEFAULT_URL, Client, ControllerError
from controller.control_job import control_job
from controller.deploy_command import deploy
from controller.device_commands import devices
from controller.job_file import METHOD_FORM, InputError, job_from_file, job_from_flags
from controller.report_commands import report, results
from controller.storage_commands import add_storage_commands
from controller.suite_commands import suite
from controller.terminal import (
    AT_FAULT,
    FAILED,
    ControllerUrl,
    JobId,
    command,
    connect,
    fail,
    given,
    show_table,
)
from controller.token_commands import tokens
from controller.watching import watch_to_the_end
from gradfilter.bench.schema import Window

app = typer.Typer(
    help="Measure what efficient CNN training methods cost on edge boards.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.add_typer(devices, name="devices")
app.add_typer(suite, name="suite")
app.command()(verify)
app.command()(reproduce)
app.command()(report)
app.command()(results)
app.add_typer(tokens, name="tokens")
add_storage_commands(app)
app.command("deploy", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(deploy)


def main() -> None:
    """Run the command line; every error is one sentence on standard error."""
    try:
        app()
    except InputError as error:
        fail(str(error), AT_FAULT)
    except ControllerError as error:
        fail(error.message, AT_FAULT if error.refused else FAILED, error.fields)


@app.callback()
def everywhere(
    context: typer.Context,
    controller: Annotated[
        str, typer.Option(envvar="GRADFILTER_CONTROLLER", metavar="URL", help="Where the controller listens.")
    ] = DEFAULT_URL,
) -> None:
    """Measure what efficient CNN training methods cost on edge boards."""
    context.obj = controller


# ------------------------------------------------------------------ jobs


@app.command()
def submit(
    context: typer.Context,
    file: Annotated[Path | None, typer.Argument(help="A job in JSON; - reads standard input.")] = None,
    *,
    model: Annotated[str | None, typer.Option(help="The model to train, for example resnet18.")] = None,
    dataset: Annotated[str | None, typer.Option(help="The data to train on.")] = None,
    batch_size: Annotated[int | None, typer.Option()] = None,
    image_size: Annotated[int | None, typer.Option(help="Side of the square images, in pixels.")] = None,
    weights: Annotated[
        str | None, typer.Option(help="random, pretrained, or file:NAME in the board's weights folder.")
    ] = None,
    trainable: Annotated[str | None, typer.Option(help="all, last:K, head or bias.")] = None,
    warm_up_steps: Annotated[int | None, typer.Option()] = None,
    measured_steps: Annotated[int | None, typer.Option()] = None,
    epochs: Annotated[int | None, typer.Option(help="Whole passes over the data, instead of measured steps.")] = None,
    threads: Annotated[int | None, typer.Option(help="Threads of the worker; torch's own choice without.")] = None,
    compute: Annotated[Literal["cpu", "cuda"] | None, typer.Option()] = None,
    dtype: Annotated[
        Literal["float32", "bfloat16"] | None, typer.Option(help="What networks compute in; bfloat16 by autocast.")
    ] = None,
    pretraining: Annotated[bool, typer.Option(help="Start from a checkpoint trained on part of the data.")] = False,
    method: Annotated[list[str] | None, typer.Option(help=f"A variant besides the baseline: {METHOD_FORM}.")] = None,
    device: Annotated[str | None, typer.Option(help="The board by name.")] = None,
    tag: Annotated[
        list[str] | None, typer.Option(help="Any board with all these tags; !TAG means without, A|B either.")
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="All boards with these tags, each with a job of its own.")
    ] = False,
    priority: Annotated[int | None, typer.Option(help="Jobs of a higher one go first; 0 without.")] = None,
    repetitions: Annotated[int | None, typer.Option(help="Runs of each variant.")] = None,
    until: Annotated[
        float | None,
        typer.Option(help="Add blocks, up to 24, until the first primary metric is known to ± this share, like 0.02."),
    ] = None,
    primary: Annotated[
        list[str] | None, typer.Option(help="A metric that gets a verdict, for example step_time; all others none.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Orders the runs of each block.")] = None,
    note: Annotated[str | None, typer.Option(help="Kept with the job.")] = None,
    steady: Annotated[
        bool, typer.Option("--steady", help="Before each run, steps that leave no trace until they take the same time.")
    ] = False,
    window_s: Annotated[
        float | None, typer.Option(help="Measure each run for at least so many seconds, whatever its steps take.")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="A first look: intervals, but no test.")] = False,
    profile: Annotated[
        bool, typer.Option("--profile", help="Each variant runs once more under torch.profiler, unmeasured.")
    ] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Show the progress, then the comparison.")] = False,
    controller: ControllerUrl = None,
) -> None:
    """Submit a job: a file, or a training job from flags."""
    changes = given(
        repetitions=repetitions,
        until=until,
        steady={} if steady else None,
        window=None if window_s is None else {"seconds": window_s, "most_s": max(window_s, Window.most_s)},
        primary=primary or None,
        seed=seed,
        note=note,
        quick=quick or None,
        profile=profile or None,
        priority=priority,
    )
    if device is not None or tag:
        changes["device"] = given(name=device, tags=tag or None, scope="all" if every else None)
    workload = given(
        model=model,
        dataset=dataset,
        batch_size=batch_size,
        image_size=image_size,
        weights=weights,
        trainable=trainable,
        warm_up_steps=warm_up_steps,
        measured_steps=measured_steps,
        epochs=epochs,
        threads=threads,
        compute=compute,
        dtype=dtype,
        pretraining={} if pretraining else None,
    )
    job = _job(file, workload, method or [], changes)
    with connect(context, controller) as client:
        _submit(client, job, wait=wait)


@app.command()
def control(
    context: typer.Context,
    *,
    device: Annotated[str, typer.Option(help="The board by name.")],
    model: Annotated[str, typer.Option(help="The model to train.")] = "resnet18",
    measured_steps: Annotated[int | None, typer.Option()] = None,
    compute: Annotated[Literal["cpu", "cuda"] | None, typer.Option()] = None,
    repetitions: Annotated[int | None, typer.Option(help="Pairs of runs.")] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Show the progress, then what was found.")] = False,
    controller: ControllerUrl = None,
) -> None:
    """Submit a control job (A/A): plain training against itself, for the device's noise floor."""
    workload = {"model": model, **given(measured_steps=measured_steps, compute=compute)}
    job = control_job(workload, {"device": {"name": device}, **given(repetitions=repetitions)})
    with connect(context, controller) as client:
        _submit(client, job, wait=wait)


@app.command()
def watch(context: typer.Context, job: JobId, controller: ControllerUrl = None) -> None:
    """Show a job's progress, then its comparison. Ctrl-C leaves the job running."""
    with connect(context, controller) as client:
        watch_to_the_end(client, job)


@app.command()
def cancel(context: typer.Context, job: JobId, controller: ControllerUrl = None) -> None:
    """Stop a job; what it has measured stays."""
    with connect(context, controller) as client:
        view = client.cancel(job)
        typer.echo(f"job {view.id} is {view.state}.")


@app.command()
def jobs(
    context: typer.Context,
    *,
    state: Annotated[str | None, typer.Option(help="queued, running, finished, failed or cancelled.")] = None,
    device: Annotated[str | None, typer.Option()] = None,
    model: Annotated[str | None, typer.Option()] = None,
    suite: Annotated[str | None, typer.Option(help="Only jobs of this suite.")] = None,
    controller: ControllerUrl = None,
) -> None:
    """List the jobs, newest first."""
    with connect(context, controller) as client:
        found = client.jobs(state=state, device=device, model=model, suite=suite)
        show_table(listing.job_table, found, "there is no such job; submit one with `gradfilter submit`.")


@app.command()
def runs(context: typer.Context, job: JobId, controller: ControllerUrl = None) -> None:
    """List the runs of a job with their states and failures."""
    with connect(context, controller) as client:
        show_table(listing.run_table, client.runs(job), "this job has no runs yet.")


# ------------------------------------------------------------------ the service


@app.command("controller")
def serve() -> None:
    """Start the controller's service; its settings are GRADFILTER_CONTROLLER_HOST, _PORT, _DATA_DIR, _DATABASE_URL."""
    from controller.service import run  # noqa: PLC0415 - the service's libraries load only to serve

    run()


def _submit(client: Client, job: Mapping[str, Any], *, wait: bool) -> None:
    """Send a job, say what its tests can say, and follow it where that was asked for."""
    view = client.submit(job)
    if view.judgement is not None:
        typer.echo(view.judgement.sentence, err=True)
    if wait:
        watch_to_the_end(client, view.id)
    else:
        typer.echo(f"job {view.id} is {view.state}; watch it with {command(client, 'watch', view.id)}")


def _job(
    file: Path | None, workload: Mapping[str, Any], methods: list[str], changes: Mapping[str, Any]
) -> dict[str, Any]:
    if file is None and "model" not in workload:
        raise InputError("submit needs a job file, or --model with --device; see `gradfilter submit --help`.")
    if file is not None and (workload or methods):
        flags = ", ".join("--" + name.replace("_", "-") for name in [*workload, *(["method"] if methods else [])])
        raise InputError(f"the job file holds the workload and the variants, so leave out {flags}, or the file.")
    if file is not None:
        return job_from_file(file, changes)
    if "device" not in changes:
        raise InputError("a job needs a board: give --device NAME or --tag TAG; `gradfilter devices` lists them.")
    return job_from_flags(workload, methods, changes)


if __name__ == "__main__":
    main()
