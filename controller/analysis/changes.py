"""A quantity of one device, workload and variant over time: where it changed, and stayed changed.

Points are compared with the median of the points before them. One that lies beyond the noise floor may be chance; a
change is reported where two in a row do, the same way. A mark (a new system, new cooling) begins the past anew.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log
from statistics import median

LOOK_BACK = 50


@dataclass(frozen=True)
class Point:
    """What one job found: an instant (UTC, ISO 8601), and a mean over runs, above 0."""

    at: str
    job_id: str
    value: float


@dataclass(frozen=True)
class Change:
    """From at on, the quantity is ratio times what it was: before is the median of the past, in the quantity's unit."""

    at: str
    job_id: str
    before: float
    ratio: float


def changes(points: Sequence[Point], floor: float, marks: Sequence[str] = ()) -> list[Change]:
    """Every change in points, oldest first. floor: the least log-ratio that counts; marks: instants that begin anew."""
    found: list[Change] = []
    past: list[Point] = []
    suspect: Point | None = None
    for previous, point in zip([None, *points], points, strict=False):
        if previous is not None and any(previous.at < mark <= point.at for mark in marks):
            past, suspect = [], None
        away = _away(past, point)
        if abs(away) <= floor:
            past = [*past, *([suspect] if suspect else []), point][-LOOK_BACK:]
            suspect = None
        elif suspect is None or (_away(past, suspect) > 0) != (away > 0):
            past = [*past, suspect][-LOOK_BACK:] if suspect else past
            suspect = point
        else:
            both = exp((_away(past, suspect) + away) / 2)
            found.append(Change(suspect.at, suspect.job_id, median(p.value for p in past), both))
            past, suspect = [suspect, point], None
    return found


def _away(past: Sequence[Point], point: Point) -> float:
    """The log-ratio of a point to the median of the past; 0 where there is none."""
    return log(point.value / median(p.value for p in past)) if past else 0.0
