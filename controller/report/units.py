"""Units for people: one scale for all values of a metric, so that they can be compared by eye."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Unit:
    """A unit as a table's heading names it, and what one of it is in the metric's own unit."""

    symbol: str
    scale: float


# Bytes are counted in thousands (MB is 1 000 000 B), as joules and seconds are. Largest first.
_SCALES: dict[str, tuple[Unit, ...]] = {
    "s": (Unit("s", 1.0), Unit("ms", 1e-3), Unit("µs", 1e-6)),
    "B": (Unit("GB", 1e9), Unit("MB", 1e6), Unit("kB", 1e3), Unit("B", 1.0)),
    "J": (Unit("J", 1.0), Unit("mJ", 1e-3)),
    "W": (Unit("W", 1.0), Unit("mW", 1e-3)),
    "ratio": (Unit("%", 0.01),),
    "1": (Unit("", 1.0),),
}
# A unit is taken once the largest value reaches so many of it: 1240 MB and 850 ms read better than 1.2 GB and 0.9 s.
_FROM = {"s": 10.0, "GB": 10.0}
_USUAL = {"s": 1e-3, "B": 1e6}


def choose_unit(unit: str, values: Iterable[float]) -> Unit:
    """The largest unit of which the largest value has enough; the usual one where there are no values."""
    scales = _SCALES.get(unit, (Unit(unit, 1.0),))
    largest = max((abs(value) for value in values), default=_USUAL.get(unit, 1.0))
    return next((u for u in scales if largest >= u.scale * _FROM.get(u.symbol, 1.0)), scales[-1])


def difference_unit(unit: Unit) -> str:
    """What a difference is counted in: between two percentages it is points."""
    return "points" if unit.symbol == "%" else unit.symbol
