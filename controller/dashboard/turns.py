"""Turns in a history: where a quantity changed and stayed changed, and where a mark begins it anew.

Only jobs that did the same are set against each other: the same workload, and the same methods of the variant.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from controller.analysis.changes import Change, Point, changes
from controller.analysis.metrics import Metric, is_testable
from controller.analysis.noise_floor import FEWEST_PAIRS, DeviceNoise, workload_class
from controller.analysis.wording import TIMES, plain
from controller.dashboard.history import means
from controller.jobs import DeviceMark
from controller.store import JobValues, StoredJob


@dataclass(frozen=True)
class Turn:
    """An instant, and what happened then; job_id: the first job of which it is so, '' of a mark."""

    at: str
    job_id: str
    words: str


@dataclass(frozen=True)
class Turns:
    """All turns, oldest first, and why changes were not looked for, '' where they were."""

    found: list[Turn]
    caveat: str


def turns(
    metric: Metric,
    variant: str,
    jobs: Sequence[JobValues],
    noise: Mapping[str, DeviceNoise],
    marks: Sequence[DeviceMark],
) -> Turns:
    """The turns of a variant's means over the jobs; noise: the device's floors by class of workloads."""
    first = min((_ended(one.job) for one in jobs), default="")
    found = [_of_mark(mark) for mark in marks if mark.at > first]
    unknown = set()
    for (its_class, _), points in _comparable(metric, variant, jobs).items():
        floor = noise[its_class].of(metric.name)
        if floor.known:
            found += map(_of_change, changes(points, floor.log_ratio, [mark.at for mark in marks]))
        else:
            unknown.add(its_class)
    return Turns(sorted(found, key=lambda turn: turn.at), _caveat(metric, sorted(unknown)))


def _comparable(metric: Metric, variant: str, jobs: Sequence[JobValues]) -> dict[tuple[str, str], list[Point]]:
    """(class of workloads, what exactly was done) → the points of the jobs that did it, in the order of their ends.

    None of a metric that has no noise floor.
    """
    found: dict[tuple[str, str], list[Point]] = {}
    for job, estimate in means(metric, variant, jobs) if is_testable(metric) else []:
        if estimate.value > 0:
            done = repr((job.spec.workload, [one for one in job.spec.variants if one.name == variant]))
            points = found.setdefault((workload_class(job.spec.workload), done), [])
            points.append(Point(_ended(job), job.id, estimate.value))
    return found


def _ended(job: StoredJob) -> str:
    return job.finished_at or job.created_at


def _of_change(change: Change) -> Turn:
    return Turn(change.at, change.job_id, f"{plain(change.ratio, 2)}{TIMES} what it was before, in two jobs in a row.")


def _of_mark(mark: DeviceMark) -> Turn:
    return Turn(mark.at, "", f"Marked: {mark.what}. The history begins anew.")


def _caveat(metric: Metric, unknown: Sequence[str]) -> str:
    if not unknown:
        return ""
    return (
        f"Changes of {metric.title} in {' and '.join(unknown)} are not looked for: the noise floor of the device needs "
        f"{FEWEST_PAIRS} pairs from control jobs (gradfilter control)."
    )
