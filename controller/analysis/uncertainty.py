"""How wrong a metered energy may be: the standard uncertainty of each cause, kept apart, in joules.

What is known as a limit (an edge, a gap, what a datasheet declares) is a rectangular distribution: the limit divided
by √3. Causes are taken as independent and their squares add; the number after ± is twice the root (k = 2, about
95 %). Gain and offset are the same in every run on one board, so they do not shrink over runs, and the gain cancels
in a ratio: that is why an interval of a ratio is that of the runs alone.
What a sensor does not declare is named and left out; it is never taken as zero without a word.
Source: JCGM 100:2008 (GUM), 4.3.7 for limits, 5.1.2 for the sum, 6.2 for k.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np

from controller.analysis.energy import GAP_PERIODS, gaps_s
from controller.analysis.readings import Array, Window, centred, inside
from gradfilter.bench.schema import Series

COVERAGE_FACTOR = 2.0
_RECTANGULAR = sqrt(3)
_STEP = sqrt(12)
_SCALES = (1, 2, 4)
_FEWEST_BATCHES = 8
_SECOND_DIFFERENCE = 6.0  # the variance of a - 2b + c over that of one of the three


@dataclass(frozen=True)
class Uncertainty:
    """Standard uncertainties by cause, in the unit of the value they belong to.

    edges: where a window begins and ends between two readings. sampling: what the load did between readings. gaps:
    what it did while there was none for long. steps: readings that fell on the parts of steps unevenly. averaging: how
    far a reading lags. resolution: the reading's step. gain, offset: as declared. idle: the idle power that was taken
    off. undeclared: causes that the sensor is silent on.
    """

    components: Mapping[str, float]
    undeclared: tuple[str, ...] = ()

    @property
    def standard(self) -> float:
        """All causes together."""
        return sqrt(sum(value**2 for value in self.components.values()))

    @property
    def expanded(self) -> float:
        """What stands after ±: twice the standard uncertainty."""
        return COVERAGE_FACTOR * self.standard

    def scaled(self, factor: float) -> "Uncertainty":
        """That of a value times so much."""
        return Uncertainty({cause: value * factor for cause, value in self.components.items()}, self.undeclared)

    def replaced(self, undeclared: Sequence[str] = (), **components: float) -> "Uncertainty":
        """With other values for some causes, and silent on more."""
        silent = tuple(dict.fromkeys([*self.undeclared, *undeclared]))
        return Uncertainty({**self.components, **components}, silent)


def added(parts: Sequence[Uncertainty]) -> Uncertainty:
    """Of a sum in which every part is wrong alike: channels of one sensor, runs with one meter."""
    causes = dict.fromkeys(cause for part in parts for cause in part.components)
    undeclared = tuple(dict.fromkeys(cause for part in parts for cause in part.undeclared))
    return Uncertainty({c: sum(part.components.get(c, 0.0) for part in parts) for c in causes}, undeclared)


def energy_uncertainty(series: Series, windows: Sequence[Window], period_s: float, joules: float) -> Uncertainty:
    """Of a channel's energy over the windows together; the readings reach over all of them.

    period_s: the channel's own pace.
    """
    channel = series.channel
    known = _of_counter(series, windows) if channel.kind == "counter" else _of_gauge(series, windows, period_s)
    if channel.gain_tolerance is not None:
        known["gain"] = channel.gain_tolerance * abs(joules) / _RECTANGULAR
    if channel.offset_tolerance is not None and channel.kind == "gauge":  # a counter's is in both its readings
        known["offset"] = channel.offset_tolerance * _seconds(windows) / _RECTANGULAR
    declared = {"gain": channel.gain_tolerance, "offset": channel.offset_tolerance}
    if channel.kind == "gauge":
        declared["averaging"] = channel.averaging_s
    return Uncertainty(known, tuple(cause for cause, value in declared.items() if value is None))


def _of_gauge(series: Series, windows: Sequence[Window], period_s: float) -> dict[str, float]:
    times, watts = centred(series)
    kept = inside(times, windows)
    within = watts[kept]
    edges, averaging = _gauge_edges(series, times, watts, windows)
    missing_s = gaps_s(times[kept], windows, GAP_PERIODS * period_s)
    spread = float(np.ptp(within)) if within.size else 0.0
    return {
        "edges": edges / _RECTANGULAR,
        "averaging": averaging / _RECTANGULAR,
        "gaps": missing_s * spread / 2 / _RECTANGULAR,
        "sampling": _seconds(windows) * mean_uncertainty(within),
        "resolution": _seconds(windows) * _mean_rounding(within, series.channel.resolution),
    }


def _gauge_edges(series: Series, times: Array, watts: Array, windows: Sequence[Window]) -> tuple[float, float]:
    """Limits of what edges and averaging may be wrong by, over all edges: the load changes alike at all of them."""
    update_s, averaging_s = series.channel.update_s or 0.0, series.channel.averaging_s or 0.0
    edges = averaging = 0.0
    for edge_s in (edge_s for window in windows for edge_s in window):
        after = min(max(int(np.searchsorted(times, edge_s)), 1), times.size - 1)
        span_s = float(times[after] - times[after - 1])
        reach_s = max(span_s, update_s, averaging_s)
        near = (times >= edge_s - reach_s) & (times <= edge_s + reach_s)
        near[after - 1 : after + 1] = True
        rise = float(np.ptp(watts[near]))
        # A power that jumps between two readings is off by half the jump at most; one that is read more often
        # than the sensor takes it is late besides.
        edges += rise * (span_s / 2 + max(update_s - span_s, 0.0))
        averaging += rise * averaging_s / 2
    return edges, averaging


def _of_counter(series: Series, windows: Sequence[Window]) -> dict[str, float]:
    """A counter misses nothing; it is uncertain only where windows begin and end."""
    times, joules = centred(series)
    watts = np.diff(joules) / np.diff(times)
    update_s = series.channel.update_s or 0.0
    edges = 0.0
    for edge_s in (edge_s for window in windows for edge_s in window):
        after = min(max(int(np.searchsorted(times, edge_s)), 1), times.size - 1)
        near = watts[max(after - 2, 0) : after + 1]
        # Interpolated over a jump of the power, a counter is off by a quarter of the jump at most.
        edges += float(np.ptp(near)) * float(times[after] - times[after - 1]) / 4
        edges += float(near.max()) * update_s
    step = _step_of(joules, series.channel.resolution)
    return {"edges": edges / _RECTANGULAR, "resolution": step / _STEP * sqrt(2 * len(windows))}


def mean_uncertainty(values: Array) -> float:
    """Standard uncertainty of the mean of readings in order of time as a mean of the whole signal.

    How far a reading lies from the line between its neighbours is what the signal did between readings; the same
    of the means of 2 and 4 readings shows waves that the sampling makes of a regular load. The largest counts.
    A straight line has none. Too few readings for that: their own spread. Steps as regular as the sampling make waves
    longer than that; aliasing.py looks for those.
    """
    if values.size < _FEWEST_BATCHES:
        return float(np.ptp(values)) if values.size else 0.0
    found = []
    for scale in _SCALES:
        count = values.size // scale
        if count >= _FEWEST_BATCHES:
            means = values[: count * scale].reshape(count, scale).mean(axis=1)
            residual = means[:-2] - 2 * means[1:-1] + means[2:]
            found.append(sqrt(float(np.mean(residual**2)) / _SECOND_DIFFERENCE / count))
    return max(found)


def _mean_rounding(values: Array, resolution: float | None) -> float:
    """Of a mean of rounded readings: a value that changes rounds anew each time, one that stays never does."""
    changes = 1 + int(np.count_nonzero(np.diff(values)))
    return _step_of(values, resolution) / _STEP / sqrt(changes)


def _step_of(values: Array, resolution: float | None) -> float:
    """The declared step; else the smallest change that was read, since no change is smaller than a step."""
    if resolution is not None:
        return resolution
    changes = np.abs(np.diff(values))
    return float(changes[changes > 0].min()) if np.any(changes > 0) else 0.0


def _seconds(windows: Sequence[Window]) -> float:
    return sum(end_s - start_s for start_s, end_s in windows)
