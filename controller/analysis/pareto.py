"""Quality against cost: which variants no other beats in both, within a job or over many."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from controller.analysis.estimate import Estimate
from controller.analysis.verdicts import Comparison

COSTS = ("step_time", "energy_per_step", "peak_rss_bytes", "saved_activation_bytes")
QUALITIES = ("test_miou", "test_accuracy")


@dataclass(frozen=True)
class ParetoPoint:
    """A variant of a job: what a step costs (less is better) and what training reached (more is better).

    efficient: none of the points it was set beside costs at most as much and reaches at least as much, with one of the
    two better. unit: the cost's.
    """

    job_id: str
    variant: str
    cost: Estimate
    quality: Estimate
    unit: str
    efficient: bool = False


def quality_of(comparison: Comparison) -> str | None:
    """The first of QUALITIES that the baseline has; None where it has none."""
    return next((name for name in QUALITIES if _value(comparison, 0, name) is not None), None)


def pareto_points(comparison: Comparison, cost: str) -> list[ParetoPoint]:
    """A job's variants by one cost (of COSTS) and its quality; those that lack either are left out."""
    quality = quality_of(comparison)
    if quality is None:
        return []
    points = []
    for place, variant in enumerate(comparison.variants):
        spent, reached = _value(comparison, place, cost), _value(comparison, place, quality)
        if spent is not None and reached is not None:
            points.append(ParetoPoint(comparison.job_id, variant.variant, spent[0], reached[0], spent[1]))
    return with_front(points)


def with_front(points: Sequence[ParetoPoint]) -> list[ParetoPoint]:
    """The same points, of one job or many, marked where they are efficient among them all. Costs have one unit."""
    return [replace(point, efficient=not any(_beats(other, point) for other in points)) for point in points]


def _beats(one: ParetoPoint, other: ParetoPoint) -> bool:
    ours, theirs = (one.cost.value, -one.quality.value), (other.cost.value, -other.quality.value)
    return all(a <= b for a, b in zip(ours, theirs, strict=True)) and ours != theirs


def _value(comparison: Comparison, place: int, metric: str) -> tuple[Estimate, str] | None:
    whole = next((part for part in comparison.variants[place].parts if not part.part), None)
    found = whole.metrics.get(metric) if whole is not None else None
    return (found.estimate, found.unit) if found is not None and found.estimate is not None else None
