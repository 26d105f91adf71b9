"""Showing a watched job: a live bar on a terminal, one plain line per change elsewhere."""

from collections.abc import Iterable
from itertools import chain

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

from controller.jobs import JobProgress, JobView, RunningNow

_MINUTE_S = 60
_HOUR_S = 3600


def show_progress(views: Iterable[JobView], console: Console) -> JobView:
    """Show every view as it comes and return the last one.

    Raises:
        ValueError: there was no view at all.
    """
    stream = iter(views)
    first = next(stream, None)
    if first is None:
        raise ValueError("there is no progress to show: the job sent no view.")
    views = chain([first], stream)
    return _show_bar(first, views, console) if console.is_terminal else _show_lines(first, views, console)


def _show_bar(last: JobView, views: Iterable[JobView], console: Console) -> JobView:
    columns = (SpinnerColumn(), TextColumn("runs"), BarColumn(bar_width=20), MofNCompleteColumn())
    with Progress(*columns, TextColumn("{task.description}"), console=console, transient=True) as bar:
        task = bar.add_task("", total=None)
        for view in views:
            last = view
            progress = view.progress
            text = escape(describe(view))
            bar.update(task, completed=progress.runs_done, total=progress.runs_total or None, description=text)
    return last


def _show_lines(last: JobView, views: Iterable[JobView], console: Console) -> JobView:
    """A line for each state, each wait and each phase of a run; steps, seconds and the pauses between runs get none."""
    shown = set()
    for view in views:
        last = view
        key = _line_key(view)
        if key is not None and key not in shown:
            shown.add(key)
            count = f"run {_current_run(view.progress)} of {view.progress.runs_total}"
            console.print(f"job {view.id} · {count} · {describe(view)}", markup=False, highlight=False, soft_wrap=True)
    return last


def _line_key(view: JobView) -> tuple[str, ...] | None:
    """What makes a line a new one; None for a pause. A run may come back to a phase, once for each of its parts."""
    progress = view.progress
    if progress.running is not None:
        return (progress.running.run_id, progress.running.phase or progress.running.state, progress.waiting_for)
    if view.state == "running" and not progress.waiting_for:
        return None
    return (view.state, progress.waiting_for, str(progress.runs_done))


def describe(view: JobView) -> str:
    """Where the job is, in one line: 'filter_p4 · block 2 · measured · step 12 of 30 · about 1:20 left'."""
    progress = view.progress
    parts = _describe_run(progress.running) if progress.running is not None else [_without_a_run(view)]
    if progress.waiting_for:
        parts.append(f"waiting for {progress.waiting_for}")
    if view.state == "running" and progress.seconds_left is not None:
        parts.append(f"about {clock(progress.seconds_left)} left")
    return " · ".join(part for part in parts if part)


def _without_a_run(view: JobView) -> str:
    if view.state == "running":
        started = "between two runs" if view.progress.runs_done else "starting"
        return "" if view.progress.waiting_for else started
    return f"{view.state}: {view.reason}" if view.reason else view.state


def _describe_run(now: RunningNow) -> list[str]:
    what = ["preparation"] if now.purpose == "prepare" else [now.variant, f"block {now.block}"]
    step = f"step {now.done} of {now.total}" if now.total else ""
    return [*what, (now.phase or now.state).replace("_", "-"), step]


def clock(seconds: float) -> str:
    """A duration as people read it: '0:07', '1:20', '2:03:00'."""
    whole = max(0, round(seconds))
    hours, rest = divmod(whole, _HOUR_S)
    minutes, left = divmod(rest, _MINUTE_S)
    return f"{hours}:{minutes:02}:{left:02}" if hours else f"{minutes}:{left:02}"


def _current_run(progress: JobProgress) -> int:
    """The number of the run at work, counted from 1; the last one when all are done."""
    working = 1 if progress.running is not None and progress.running.purpose == "measure" else 0
    return min(progress.runs_done + working, progress.runs_total)
