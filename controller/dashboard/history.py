"""A measured quantity over time: one device, one model, one variant, a point a job."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone

from controller.analysis import wording
from controller.analysis.across_jobs import variant_values
from controller.analysis.estimate import Estimate
from controller.analysis.looks import confidence_of
from controller.analysis.metrics import Metric
from controller.dashboard.plots import LEFT, RIGHT, TALL, WIDTH, Axes, Axis, Tick, value_axis, value_ticks
from controller.dashboard.results import unit_name
from controller.report.units import choose_unit
from controller.store import JobValues, StoredJob

_MOST_DATES = 4
_DAYS_S = 2 * 86400  # below this the time of day tells points apart


@dataclass(frozen=True)
class HistoryPoint:
    """One job: where its mean and its interval are drawn, and what they are."""

    job: StoredJob
    mean: str
    runs: int
    x: float
    y: float
    low: float
    high: float


@dataclass(frozen=True)
class History(Axes):
    """The points of a plot, oldest first."""

    points: list[HistoryPoint]


def history(metric: Metric, variant: str, jobs: Sequence[JobValues]) -> History | None:
    """The means of a variant over the jobs that ended, each with its interval; None where there is none."""
    found = means(metric, variant, jobs)
    if not found:
        return None
    unit = choose_unit(metric.unit, [estimate.value for _, estimate in found])
    y = value_axis([bound / unit.scale for _, estimate in found for bound in estimate.bounds], TALL)
    instants = [_instant(job) for job, _ in found]
    x = Axis(instants[0], instants[-1], LEFT + 10, WIDTH - RIGHT - 10)
    points = [_point(job, estimate, unit.scale, x, y) for job, estimate in found]
    words = f"{unit_name(metric, unit)} of {variant} in {len(points)} jobs, from {points[0].mean} to {points[-1].mean}."
    return History(unit_name(metric, unit), words, tuple(_dates(x)), value_ticks(y), points)


def means(metric: Metric, variant: str, jobs: Sequence[JobValues]) -> list[tuple[StoredJob, Estimate]]:
    """What each job found of a variant, in the order in which the jobs ended."""
    return [
        (one.job, value.estimate)
        for one in sorted(jobs, key=lambda one: _instant(one.job))
        for value in variant_values(metric, one.job.spec.variants[0].name, one.values, confidence_of(one.job.spec))
        if value.variant == variant and not value.part
    ]


def _point(job: StoredJob, estimate: Estimate, scale: float, x: Axis, y: Axis) -> HistoryPoint:
    low, high = (y.place(bound / scale) for bound in estimate.bounds)
    mean = wording.with_interval(estimate, scale)
    return HistoryPoint(job, mean, estimate.n, x.place(_instant(job)), y.place(estimate.value / scale), low, high)


def _instant(job: StoredJob) -> float:
    return datetime.fromisoformat(job.finished_at or job.created_at).timestamp()


def _dates(x: Axis) -> list[Tick]:
    """The first and the last day, and some between them, each once."""
    if x.high <= x.low:
        return [Tick(x.place(x.low), _date(x.low))]
    at = [x.low + i / (_MOST_DATES - 1) * (x.high - x.low) for i in range(_MOST_DATES)]
    written = "%H:%M" if x.high - x.low < _DAYS_S else "%Y-%m-%d"
    first: dict[str, float] = {}
    for instant in at:
        first.setdefault(_date(instant, written), instant)
    return [Tick(x.place(instant), text) for text, instant in first.items()]


def _date(instant: float, written: str = "%Y-%m-%d") -> str:
    return datetime.fromtimestamp(instant, timezone.utc).strftime(written)
