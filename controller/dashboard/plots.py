"""Small line plots that the server draws into a page as SVG: numbers in, places in out; no script, no style of its own.

The report's charts are Altair's; these are for what changes every second and must cost a millisecond.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import floor, log10

WIDTH, HEIGHT = 600, 120
TALL = 240  # the height of a plot that stands alone
LEFT, RIGHT, TOP, BOTTOM = 52, 10, 8, 22
_TICKS = 4
_STEPS = (1, 2, 5, 10)
_LONGEST_PAUSE_S = 10.0  # beyond this a line is broken: nothing is known of the time between
_MINUTE_S, _HOUR_S = 60, 3600


@dataclass(frozen=True)
class Tick:
    """A mark on an axis: where, and what it says."""

    place: float
    text: str


@dataclass(frozen=True)
class Axes:
    """What the templates' macro of that name draws of any plot; words: what it shows, for who does not see it."""

    title: str
    words: str
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]


@dataclass(frozen=True)
class Plot(Axes):
    """A plot of lines. lines: points of polylines."""

    unit: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Axis:
    """From values to places."""

    low: float
    high: float
    start: float
    end: float

    def place(self, value: float) -> float:
        """Where a value lies."""
        share = (value - self.low) / (self.high - self.low) if self.high > self.low else 0.5
        return round(self.start + share * (self.end - self.start), 1)


def time_plot(title: str, unit: str, times_s: Sequence[float], values: Sequence[float | None]) -> Plot | None:
    """A quantity over the last minutes; None where there is no value at all. Its axis holds all values, not zero."""
    points = [(at, value) for at, value in zip(times_s, values, strict=True) if value is not None]
    if not points:
        return None
    found = [value for _, value in points]
    y = value_axis(found)
    x = Axis(points[0][0], points[-1][0], LEFT, WIDTH - RIGHT)
    lines = (" ".join(f"{x.place(at)},{y.place(value)}" for at, value in part) for part in _unbroken(points))
    latest, low, high = (plain(value) for value in (found[-1], min(found), max(found)))
    span = ago(points[-1][0] - points[0][0])
    words = f"{title}: now {latest} {unit}; between {low} and {high} {unit} in the last {span}."
    return Plot(title, words, tuple(_ages(x)), value_ticks(y), unit, tuple(lines))


def value_axis(values: Sequence[float], height: int = HEIGHT) -> Axis:
    """An axis that holds these values with a little room, from the foot of the plot to its top."""
    low, high = min(values), max(values)
    room = 0.06 * (high - low) or 0.05 * abs(high) or 1.0
    return Axis(low - room, high + room, height - BOTTOM, TOP)


def value_ticks(axis: Axis) -> tuple[Tick, ...]:
    """Round values within an axis, about four."""
    step = _round_step((axis.high - axis.low) / _TICKS)
    first = floor(axis.low / step) + 1
    decimals = max(0, -floor(log10(step)))
    values = [number * step for number in range(first, first + 3 * _TICKS) if number * step < axis.high]
    return tuple(Tick(axis.place(value), f"{value:.{decimals}f}") for value in values)


def plain(value: float) -> str:
    """A number with three significant digits, without an exponent."""
    decimals = max(0, 2 - floor(log10(abs(value)))) if value else 0
    return f"{value:.{decimals}f}"


def ago(seconds: float) -> str:
    """A span of time in words: '40 s', '12 min', '1.5 h'."""
    if seconds < 2 * _MINUTE_S:
        return f"{seconds:.0f} s"
    return f"{seconds / _MINUTE_S:.0f} min" if seconds < 2 * _HOUR_S else f"{seconds / _HOUR_S:.1f} h"


def _unbroken(points: Sequence[tuple[float, float]]) -> Iterator[list[tuple[float, float]]]:
    part = [points[0]]
    for before, point in pairwise(points):
        if point[0] - before[0] > _LONGEST_PAUSE_S:
            yield part
            part = []
        part.append(point)
    yield part


def _ages(axis: Axis) -> Iterator[Tick]:
    """How long ago, at both ends and in the middle."""
    for share in (0.0, 0.5, 1.0):
        at = axis.low + share * (axis.high - axis.low)
        yield Tick(axis.place(at), "now" if share == 1.0 else f"{ago(axis.high - at)} ago")


def _round_step(least: float) -> float:
    """The next of 1, 2, 5, 10, … that is not less."""
    power = 10.0 ** floor(log10(least))
    return next(step * power for step in _STEPS if step * power >= least * 0.999)
