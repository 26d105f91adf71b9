"""Quality against cost over many jobs: what a step costs to the right, what training reached upwards."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from controller.analysis import wording
from controller.analysis.across_jobs import VariantValue, common_covers, variant_values
from controller.analysis.estimate import Estimate
from controller.analysis.looks import confidence_of
from controller.analysis.metrics import METRICS, Metric
from controller.analysis.pareto import QUALITIES, ParetoPoint, with_front
from controller.dashboard.plots import LEFT, RIGHT, TALL, WIDTH, Axes, Axis, value_axis, value_ticks
from controller.dashboard.results import unit_name
from controller.report.units import Unit, choose_unit
from controller.store import JobValues, StoredJob

_FEWEST_POINTS = 2
_Kind = tuple[str, str, str]  # data set, quality, what a meter covers


@dataclass(frozen=True)
class Dot:
    """A variant of a job: where it and its intervals are drawn. number: of an efficient one in the list, else 0."""

    job: StoredJob
    variant: str
    cost: str
    quality: str
    x: tuple[float, float, float]
    y: tuple[float, float, float]
    number: int


@dataclass(frozen=True)
class ParetoPlot(Axes):
    """The dots of a plot; left_out: how many variants cannot stand beside these."""

    dots: list[Dot]
    left_out: int

    @property
    def efficient(self) -> list[Dot]:
        """Those that no other beats in both, from the cheapest on."""
        return sorted((dot for dot in self.dots if dot.number), key=lambda dot: dot.number)


def pareto_plot(
    cost: Metric, costs: Sequence[JobValues], qualities: Mapping[str, Sequence[JobValues]]
) -> ParetoPlot | None:
    """The variants of jobs on one data set, that of the newest job; None where fewer than two have both numbers.

    qualities: by metric, of the same jobs. Scores on other data say nothing here, nor do joules of other meters.
    """
    found = list(_points(cost, costs, qualities))
    shown = [(job, point) for kind, job, point in found if kind == found[0][0]]
    if len(shown) < _FEWEST_POINTS:
        return None
    data, quality, _ = found[0][0]
    marked = with_front([point for _, point in shown])
    units = choose_unit(cost.unit, [point.cost.value for point in marked]), choose_unit("ratio", [])
    dots, (x, y) = _dots([job for job, _ in shown], marked, units)
    title = f"{unit_name(METRICS[quality], units[1])} against {unit_name(cost, units[0])}, on {data}"
    best = ", ".join(f"{dot.variant} of job {dot.job.id}" for dot in dots if dot.number)
    words = f"{title}: {len(dots)} variants; none beats in both: {best}."
    return ParetoPlot(title, words, value_ticks(x), value_ticks(y), dots, left_out=len(found) - len(shown))


def _points(
    cost: Metric, costs: Sequence[JobValues], qualities: Mapping[str, Sequence[JobValues]]
) -> Iterator[tuple[_Kind, StoredJob, ParetoPoint]]:
    for one in costs:
        quality, reached = _scores(one.job, qualities)
        kind = (str(getattr(one.job.spec.workload, "dataset", "")), quality, common_covers(one.values))
        for spent in _whole(cost, one):
            score = reached.get(spent.variant)
            if score is not None:
                yield kind, one.job, ParetoPoint(one.job.id, spent.variant, spent.estimate, score, cost.unit)


def _scores(job: StoredJob, qualities: Mapping[str, Sequence[JobValues]]) -> tuple[str, dict[str, Estimate]]:
    """The first quality that the job has, by variant."""
    for name in QUALITIES:
        own = [values for values in qualities.get(name, ()) if values.job.id == job.id]
        found = {value.variant: value.estimate for values in own for value in _whole(METRICS[name], values)}
        if found:
            return name, found
    return "", {}


def _whole(metric: Metric, values: JobValues) -> list[VariantValue]:
    """Of whole steps, since a single layer has no score; without a baseline, since ratios are not drawn."""
    confidence = confidence_of(values.job.spec)
    return [value for value in variant_values(metric, "", values.values, confidence) if not value.part]


def _dots(
    jobs: Sequence[StoredJob], points: Sequence[ParetoPoint], units: tuple[Unit, Unit]
) -> tuple[list[Dot], tuple[Axis, Axis]]:
    costs = [_ends(point.cost, units[0]) for point in points]
    scores = [_ends(point.quality, units[1]) for point in points]
    x = replace(value_axis([end for ends in costs for end in ends]), start=LEFT, end=WIDTH - RIGHT)
    y = value_axis([end for ends in scores for end in ends], TALL)
    order = sorted((p for p in points if p.efficient), key=lambda point: point.cost.value)
    dots = [
        Dot(
            job=job,
            variant=point.variant,
            cost=f"{wording.with_interval(point.cost, units[0].scale)} {units[0].symbol}",
            quality=f"{wording.with_interval(point.quality, units[1].scale)} {units[1].symbol}",
            x=_places(x, spent),
            y=_places(y, reached),
            number=order.index(point) + 1 if point.efficient else 0,
        )
        for job, point, spent, reached in zip(jobs, points, costs, scores, strict=True)
    ]
    return dots, (x, y)


def _ends(estimate: Estimate, unit: Unit) -> tuple[float, float, float]:
    """Value, low and high; the value three times where there is no interval."""
    low, high = estimate.bounds
    return estimate.value / unit.scale, low / unit.scale, high / unit.scale


def _places(axis: Axis, ends: tuple[float, float, float]) -> tuple[float, float, float]:
    value, low, high = (axis.place(end) for end in ends)
    return value, low, high
