"""The templates, and the words that all of them use."""

from datetime import datetime, timezone
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from controller.client.progress import clock, describe
from controller.dashboard import plots
from controller.jobs import JobView

FOLDER = Path(__file__).parent


def render(template: str, **values: object) -> str:
    """A page from its template; whatever people or boards wrote is escaped."""
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
    elif plan.kind == "systolic":
        what = f"{plan.model}, simulated"
    else:
        what = f"{len(plan.shapes)} convolution{'s' if len(plan.shapes) > 1 else ''}"
    first, *others = [variant.name for variant in job.spec.variants]
    return f"{what}, {first}" + (f" against {', '.join(others)}" if others else "")
