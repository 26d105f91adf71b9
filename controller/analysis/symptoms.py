"""Signs in one run's raw record that its numbers may be disturbed: drift, a falling clock, swapping, other load."""

from collections.abc import Sequence
from statistics import median

import numpy as np

from controller.analysis.energy import readings
from controller.analysis.measurements import measured_steps, step_time_s
from gradfilter.bench.schema import RunRecord, Series

FEWEST_STEPS_FOR_A_TREND = 12
FEWEST_READINGS_FOR_A_TREND = 6
# Rank correlation of step time with time from which a change counts as a trend.
FAINTEST_TREND = 0.5
NOTABLE_DRIFT = 0.05
NOTABLE_CLOCK_DROP = 0.05
NOTABLE_SWAP_BYTES = 1 << 20
# What other programs may use of the processor while the board rests before a run.
NOTABLE_FOREIGN_LOAD = 0.10


def measured_seconds(record: RunRecord) -> float:
    """Length of the measured phase; 0 if it was not completed."""
    return sum(phase.end_s - phase.start_s for phase in record.phases if phase.name == "measured")


def step_drift(record: RunRecord) -> float:
    """Change of the median step time from a run's first third to its last, relative; 0 without a trend.

    A trend needs enough steps and a rank correlation with time of at least one half, so that a slow
    step at either end is none. Of several parts, the largest change is given.
    """
    parts = dict.fromkeys(step.part for step in record.steps)
    return max((_trend([step_time_s(s) for s in measured_steps(record, part)]) for part in parts), key=abs, default=0.0)


def _trend(values: Sequence[float]) -> float:
    third = len(values) // 3
    if len(values) < FEWEST_STEPS_FOR_A_TREND or min(values) == max(values):
        return 0.0
    ranks = np.argsort(np.argsort(values, kind="stable"), kind="stable")
    if abs(np.corrcoef(ranks, np.arange(len(values)))[0, 1]) < FAINTEST_TREND:
        return 0.0
    return median(values[-third:]) / median(values[:third]) - 1


def clock_drop(record: RunRecord) -> tuple[float, str]:
    """How far the fastest clock fell from the first to the last third of the measured phase, and its channel.

    The fastest, because a core that rests between steps lowers its clock without being throttled.
    """
    clocks = [s for s in record.series if s.channel.quantity == "frequency"]
    inside = [(_inside(series, record, "measured"), series.channel.name) for series in clocks]
    enough = [(values, name) for values, name in inside if len(values) >= FEWEST_READINGS_FOR_A_TREND]
    if not enough:
        return 0.0, ""
    values, name = max(enough, key=lambda found: sum(found[0]) / len(found[0]))
    third = len(values) // 3
    first, last = sum(values[:third]), sum(values[-third:])
    return (1 - last / first if first > 0 else 0.0), name


def hottest(record: RunRecord) -> float | None:
    """The highest temperature read during the measured phase (°C); None without a thermometer."""
    zones = [s for s in record.series if s.channel.quantity == "temperature"]
    return max((value for series in zones for value in _inside(series, record, "measured")), default=None)


def swap_growth(record: RunRecord) -> float:
    """Bytes by which used swap grew during the run; 0 without a swap channel."""
    swaps = [s for s in record.series if s.channel.quantity == "memory" and "swap" in s.channel.name.lower()]
    used = [readings(series)[1] for series in swaps if "free" not in series.channel.name.lower()]
    return max((float(values.max() - values[0]) for values in used if values.size), default=0.0)


def foreign_load(record: RunRecord) -> float | None:
    """Mean processor load (0 to 1) while the board rested before the run; None if it was not read."""
    loads = [s for s in record.series if s.channel.quantity == "load" and s.channel.unit == "ratio"]
    means = [sum(v) / len(v) for series in loads if (v := _inside(series, record, "settle"))]
    return max(means, default=None)


def _inside(series: Series, record: RunRecord, phase: str) -> list[float]:
    """The readings within the phases of that name; a layer job has one for every shape."""
    times, values = readings(series)
    inside = np.zeros(times.shape, dtype=bool)
    for found in record.phases:
        if found.name == phase:
            inside |= (times >= found.start_s) & (times <= found.end_s)
    return [float(value) for value in values[inside]]
