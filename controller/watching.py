"""Watching jobs to their end: the progress, then the comparison."""

from rich.console import Console

from controller.client import Client
from controller.client.progress import show_progress
from controller.jobs import JobView
from controller.terminal import FAILED, INTERRUPTED, command, deliver, fail


def watch_to_the_end(client: Client, job_id: str) -> None:
    """One job; without a good end the exit status is 1. Ctrl-C leaves it running."""
    try:
        view = follow(client, job_id)
    except KeyboardInterrupt:
        again, stop = command(client, "watch", job_id), command(client, "cancel", job_id)
        fail(f"job {job_id} keeps running; watch it again with {again}, stop it with {stop}.", INTERRUPTED)
    if view.state != "finished":
        fail(ending(view), FAILED)


def follow(client: Client, job_id: str) -> JobView:
    """Show the progress to the end, print the comparison where a run was made, and return the last view."""
    view = show_progress(client.watch(job_id), Console(stderr=True))
    if view.progress.runs_done:
        deliver(client.report(job_id), None)
    return view


def ending(view: JobView) -> str:
    """How a job ended, in a sentence."""
    return f"job {view.id} is {view.state}" + (f": {view.reason}" if view.reason else ".")
