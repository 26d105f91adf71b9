"""The dashboard's pages as functions of the API's views: text in, HTML out, no database and no HTTP."""

from collections.abc import Mapping, Sequence
from typing import Any

from controller.dashboard.job_form import JobForm
from controller.dashboard.plots import Plot, time_plot
from controller.dashboard.rendering import FOLDER, render
from controller.jobs import FINAL_JOB_STATES, ArtefactView, DeviceView, JobView, RunSummary
from controller.report import CHARTS, FORMATS
from gradfilter.bench.schema import Trace

STATIC = FOLDER / "static"


def overview_page(devices: Sequence[DeviceView], waiting: Sequence[JobView], recent: Sequence[JobView]) -> str:
    """The boards and what they do now, the jobs that are queued or running, and the last ones that ended."""
    running = {job.id: job for job in waiting}
    return render("overview.html", devices=devices, waiting=waiting, recent=recent, running=running)


def job_page(
    job: JobView, runs: Sequence[RunSummary], trace: Trace, artefacts: Sequence[ArtefactView] = (), boards: int = 1
) -> str:
    """One job: its progress, what its board shows now, its runs, its report and what its runs left for people.

    boards: how many the same job was submitted for.
    """
    return render(
        "job.html",
        job=job,
        runs=runs,
        final=job.state in FINAL_JOB_STATES,
        formats=FORMATS,
        charts=CHARTS,
        plots=_trace_plots(trace),
        artefacts=artefacts,
        boards=boards,
    )


def new_job_page(form: JobForm, others: Sequence[str]) -> str:
    """The form that submits a job; others: boards that it could be for instead."""
    return render("new_job.html", form=form, others=others)


def missing_page(sentence: str, title: str = "Not found") -> str:
    """What is shown where there is nothing."""
    return render("missing.html", sentence=sentence, title=title)


def api_page(api: Mapping[str, Any]) -> str:
    """The REST interface, from its OpenAPI document."""
    return render("api.html", api=api)


def login_page(then: str, sentence: str = "") -> str:
    """Where a token is asked for. then: the page to go to afterwards; sentence: why the last one was refused."""
    return render("login.html", then=then, sentence=sentence)


def _trace_plots(trace: Trace) -> list[Plot]:
    """Power, temperature and step time, each where the board shows it."""
    milliseconds = [None if seconds is None else 1000 * seconds for seconds in trace.step_s]
    shown = (
        ("power", "W", trace.power_w),
        ("hottest zone", "°C", trace.temperature_c),
        ("step time", "ms", milliseconds),
    )
    drawn = (time_plot(title, unit, trace.times_s, values) for title, unit, values in shown)
    return [plot for plot in drawn if plot is not None]
