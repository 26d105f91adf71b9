"""The dashboard's pages as functions of the API's views: text in, HTML out, no database and no HTTP."""

from collections.abc import Sequence
from datetime import datetime, timezone
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from controller.client.progress import clock, describe
from controller.dashboard import plots
from controller.dashboard.job_form import JobForm
from controller.dashboard.plots import Plot, time_plot
from controller.jobs import FINAL_JOB_STATES, DeviceView, JobView, RunSummary
from gradfilter.bench.schema import Trace

FOLDER = Path(__file__).parent
STATIC = FOLDER / "static"

REPORT_FORMATS = ("html", "md", "txt", "csv", "json")


def overview_page(devices: Sequence[DeviceView], waiting: Sequence[JobView], recent: Sequence[JobView]) -> str:
    """The boards and what they do now, the jobs that are queued or running, and the last ones that ended."""
    running = {job.id: job for job in waiting}
    return _render("overview.html", devices=devices, waiting=waiting, recent=recent, running=running)


def job_page(job: JobView, runs: Sequence[RunSummary], trace: Trace) -> str:
    """One job: its progress, what its board shows now, its runs and its report."""
    final = job.state in FINAL_JOB_STATES
    return _render("job.html", job=job, runs=runs, final=final, formats=REPORT_FORMATS, plots=_trace_plots(trace))


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


def new_job_page(form: JobForm, others: Sequence[str]) -> str:
    """The form that submits a job; others: boards that it could be for instead."""
    return _render("new_job.html", form=form, others=others)


def missing_page(sentence: str) -> str:
    """What is shown where there is nothing."""
    return _render("missing.html", sentence=sentence)


def login_page(then: str, sentence: str = "") -> str:
    """Where a token is asked for. then: the page to go to afterwards; sentence: why the last one was refused."""
    return _render("login.html", then=then, sentence=sentence)


def _render(template: str, **values: object) -> str:
    return _templates().get_template(template).render(**values)


@cache
def _templates() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(sizes=plots)
    environment.filters.update(describe=describe, clock=clock, instant=instant, workload=workload)
    return environment


def instant(text: str) -> str:
    """An ISO instant as people read it, in UTC: '2026-03-01 14:05 UTC'."""
    return datetime.fromisoformat(text).astimezone(timezone.utc).strftime("%Y-%m-%d %H:%M UTC")


def workload(job: JobView) -> str:
    """What a job measures, in one line: 'resnet18 on digits, baseline against filter_p2, filter_p4'."""
    plan = job.spec.workload
    if plan.kind == "training":
        what = f"{plan.model} on {plan.dataset}"
    else:
        what = f"{len(plan.shapes)} convolution{'s' if len(plan.shapes) > 1 else ''}"
    first, *others = [variant.name for variant in job.spec.variants]
    return f"{what}, {first}" + (f" against {', '.join(others)}" if others else "")
