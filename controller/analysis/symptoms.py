"""Signs in one run's raw record that its numbers may be disturbed: drift, a falling clock, swapping, other load."""

from collections.abc import Sequence
from statistics import median

import numpy as np

from controller.analysis.measurements import step_time_s, trained_steps
from controller.analysis.readings import Window, inside, measured_span, phase_windows, readings
from gradfilter.bench.schema import RunRecord, Series

FEWEST_STEPS_FOR_A_TREND = 12
FEWEST_READINGS_FOR_A_TREND = 6
# Rank correlation of step time with time from which a change counts as a trend.
FAINTEST_TREND = 0.5
NOTABLE_DRIFT = 0.05
NOTABLE_CLOCK_DROP = 0.05
NOTABLE_SWAP_BYTES = 1 << 20
# What other programs may use of the processor, while the board rests before a run and in its measured phases.
NOTABLE_FOREIGN_LOAD = 0.10
NOTABLE_SAMPLER_LOAD = 0.01
_SINCE_BOOT = " since boot"


def measured_seconds(record: RunRecord) -> float:
    """Length of the measured phase; 0 if it was not completed."""
    return sum(phase.end_s - phase.start_s for phase in record.phases if phase.name == "measured")


def step_drift(record: RunRecord) -> float:
    """Change of the median step time from a run's first third to its last, relative; 0 without a trend.

    A trend needs enough steps and a rank correlation with time of at least one half, so that a slow
    step at either end is none. Of several parts, the largest change is given.
    """
    parts = dict.fromkeys(step.part for step in record.steps)
    return max((_trend([step_time_s(s) for s in trained_steps(record, part)]) for part in parts), key=abs, default=0.0)


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


def measured_clock(record: RunRecord) -> tuple[float, str]:
    """The mean frequency (Hz) of the fastest clock in the measured phases, and its channel; 0 where none was read."""
    clocks = [
        (_inside(s, record, "measured"), s.channel.name) for s in record.series if s.channel.quantity == "frequency"
    ]
    return max(((sum(values) / len(values), name) for values, name in clocks if values), default=(0.0, ""))


def hottest(record: RunRecord) -> float | None:
    """The highest temperature read during the measured phase (°C); None without a thermometer."""
    zones = [s for s in record.series if s.channel.quantity == "temperature"]
    return max((value for series in zones for value in _inside(series, record, "measured")), default=None)


def temperature_at_start(record: RunRecord) -> float | None:
    """The highest temperature (°C) of the last readings before the measured phase; None without a thermometer."""
    span = measured_span(record)
    zones = [readings(s) for s in record.series if s.channel.quantity == "temperature"]
    if span is None:
        return None
    return max((float(v[t <= span[0]][-1]) for t, v in zones if np.any(t <= span[0])), default=None)


def swap_growth(record: RunRecord) -> float:
    """Bytes by which used swap grew during the run; 0 without a swap channel."""
    swaps = [s for s in record.series if s.channel.quantity == "memory" and s.channel.kind == "gauge"]
    used = [readings(s)[1] for s in swaps if "swap" in (name := s.channel.name.lower()) and "free" not in name]
    return max((float(values.max() - values[0]) for values in used if values.size), default=0.0)


def swap_traffic(record: RunRecord) -> float:
    """Bytes that went to swap and back from the first measured phase to the last; 0 without such counters."""
    return sum(_growth(record, s) for s in record.series if s.channel.name in ("swapped_in", "swapped_out"))


def held_back(record: RunRecord) -> list[str]:
    """Which states and event counters say that the board held itself back in the measured phases.

    A state that remembers since boot counts only where it changed during the run.
    """
    found = []
    for series in record.series:
        channel, values = series.channel, readings(series)[1]
        if channel.quantity == "event_count":
            if (events := _growth(record, series)) > 0:
                found.append(f"{channel.name}: {events:.0f} events")
        elif channel.quantity == "state" and values.size:
            remembers = channel.name.endswith(_SINCE_BOOT)
            changed = remembers and values[0] == 0 and values.max() > 0
            if changed or (not remembers and max(_over_span(series, record), default=0.0) > 0):
                found.append(channel.name)
    return found


def foreign_load(record: RunRecord) -> float | None:
    """Mean processor load (0 to 1) while the board rested before the run; None if it was not read."""
    return _mean_load(record, phase_windows(record, "settle"), "cpu")


def foreign_load_while_measured(record: RunRecord) -> float | None:
    """Mean processor load (0 to 1) of all but the worker in the measured phases; None if it was not read."""
    return _mean_load(record, phase_windows(record, "measured"), "foreign_cpu")


def sampler_load(record: RunRecord) -> float | None:
    """CPU time of the sampler over the time it read, as a share of one core; None if it did not say."""
    instants = [series.times_s for series in record.series if series.times_s]
    if record.sampler is None or not instants:
        return None
    seconds = max(times[-1] for times in instants) - min(times[0] for times in instants)
    return record.sampler.cpu_s / seconds if seconds > 0 else None


def _mean_load(record: RunRecord, windows: Sequence[Window], name: str) -> float | None:
    loads = [readings(s) for s in record.series if s.channel.quantity == "load" and s.channel.name == name]
    means = [float(values[kept].mean()) for times, values in loads if np.any(kept := inside(times, windows))]
    return max(means, default=None)


def _growth(record: RunRecord, series: Series) -> float:
    """By how much a counter grew from the last reading before the measured phases to the first after them."""
    span, (times, values) = measured_span(record), readings(series)
    if span is None or times.size == 0:
        return 0.0
    first = max(int(np.searchsorted(times, span[0], side="right")) - 1, 0)
    last = min(int(np.searchsorted(times, span[1])), times.size - 1)
    return float(values[last] - values[first])


def _over_span(series: Series, record: RunRecord) -> list[float]:
    """The readings from the first measured phase to the last: phases may be shorter than a slow sensor's pace."""
    span, (times, values) = measured_span(record), readings(series)
    return [float(value) for value in values[inside(times, [span])]] if span is not None else []


def _inside(series: Series, record: RunRecord, phase: str) -> list[float]:
    """The readings within the phases of that name; a layer job has one for every shape."""
    times, values = readings(series)
    return [float(value) for value in values[inside(times, phase_windows(record, phase))]]
