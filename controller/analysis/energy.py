"""Energy of stretches of time from one channel's readings, refused where they cannot carry it.

A gauge in watts is integrated by trapezoids, a counter in joules is subtracted; both are interpolated linearly at the
edges. The limits below hold for every sensor, over all windows together: each of them may be short.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from controller.analysis.readings import Array, Window, centred, inside, readings
from gradfilter.bench.schema import Series

# A sensor that updates more slowly than it is read shows the same value again; only changes carry information.
FEWEST_DISTINCT_READINGS = 30
GAP_PERIODS = 3.0
FROZEN_S = 2.0
LARGEST_GAP_SHARE = 0.05
# At each edge of a window the power is interpolated towards what lies outside: on average that loses a sixth of a
# period of the rise in power. One window of five periods is so blurred over a fifteenth of its time.
_BLURRED_PER_GAP_PERIODS = 1 / 3
LARGEST_BLURRED_SHARE = 1 / 15


class EnergyRefusedError(ValueError):
    """The readings cannot carry an energy; the message says why."""


def joules_between(series: Series, start_s: float, end_s: float) -> float:
    """Energy of a power gauge (W) or an energy counter (J) between two instants, in joules.

    Raises:
        EnergyRefusedError: the readings do not reach from start to end.
    """
    times, values = centred(series)
    if times.size == 0 or times[0] > start_s or times[-1] < end_s:
        raise EnergyRefusedError(
            f"the readings do not reach from start to end of the window of {end_s - start_s:.3g} s"
        )
    if series.channel.kind == "counter":
        at_start, at_end = np.interp([start_s, end_s], times, values)
        return float(at_end - at_start)
    inner = (times > start_s) & (times < end_s)
    instants = np.concatenate(([start_s], times[inner], [end_s]))
    power = np.interp(instants, times, values)
    return float(np.sum(np.diff(instants) * (power[1:] + power[:-1]) / 2))


def check_readings(series: Series, windows: Sequence[Window], period_s: float) -> None:
    """Refuse readings that cannot carry the energy of all windows, each from start to end (s), together.

    period_s: the channel's own pace. Too much time near edges, too few distinct readings in the windows, too much
    of their time in gaps (no reading for more than three periods, or in a whole window) or frozen (the same value for
    more than two seconds, or three periods if that is longer), negative power, a counter that ran backwards.

    Raises:
        EnergyRefusedError: with the first of these reasons.
    """
    total_s = sum(end_s - start_s for start_s, end_s in windows)
    blurred = blurred_s(windows, period_s) / total_s
    if blurred > LARGEST_BLURRED_SHARE:
        raise EnergyRefusedError(
            f"the {len(windows)} windows last {total_s / len(windows):.3g} s on average, too short for a sensor with a "
            f"value every {period_s:.3g} s: what lies outside blurs {blurred:.1%} of their time, at most "
            f"{LARGEST_BLURRED_SHARE:.1%} is allowed; sample more often, measure more steps, or lower batch_size so "
            "that more of them are decoded at once"
        )
    times, values = readings(series)
    kept = inside(times, windows)
    times, values = times[kept], values[kept]
    distinct = distinct_readings(series, windows)
    if distinct < FEWEST_DISTINCT_READINGS:
        raise EnergyRefusedError(
            f"{distinct} distinct readings in the window of {total_s:.3g} s, at least "
            f"{FEWEST_DISTINCT_READINGS} are needed; measure more steps or sample more often"
        )
    _check_share("without a reading", gaps_s(times, windows, GAP_PERIODS * period_s), total_s)
    changes = times[1:][np.diff(values) != 0]
    frozen_s = sum(_longer(changes, window, max(FROZEN_S, GAP_PERIODS * period_s)) for window in windows)
    _check_share("with a frozen reading", frozen_s, total_s)
    if series.channel.kind == "counter" and np.any(np.diff(values) < 0):
        raise EnergyRefusedError("the counter ran backwards")
    if series.channel.kind == "gauge" and np.any(values < 0):
        raise EnergyRefusedError("the power reading is negative")


def distinct_readings(series: Series, windows: Sequence[Window]) -> int:
    """How many of the readings within the windows differ from the one before."""
    times, values = readings(series)
    values = values[inside(times, windows)]
    return int(np.count_nonzero(np.diff(values))) + min(values.size, 1)


def gaps_s(times: Array, windows: Sequence[Window], longest_s: float) -> float:
    """How much of the windows, in seconds, is further from any reading than that, or in a window without any."""
    missing_s = 0.0
    for start_s, end_s in windows:
        empty = not np.any((times >= start_s) & (times <= end_s))
        missing_s += end_s - start_s if empty else _longer(times, (start_s, end_s), longest_s)
    return missing_s


def blurred_s(windows: Sequence[Window], period_s: float) -> float:
    """How much time, in seconds, the interpolation at the edges mixes up with what lies outside the windows.

    Between two windows that is no more than what lies between them, however slow the sensor.
    """
    ordered = sorted(windows)
    most_s = _BLURRED_PER_GAP_PERIODS * period_s
    between = (after[0] - before[1] for before, after in pairwise(ordered))
    return most_s + sum(min(most_s, gap_s) for gap_s in between)


def _longer(times: Array, window: Window, longest_s: float) -> float:
    """The sum of the stretches without one of these instants that are longer than longest_s, within the window."""
    start_s, end_s = window
    inner = times[(times >= start_s) & (times <= end_s)]
    stretches = np.diff(np.concatenate(([start_s], inner, [end_s])))
    return float(stretches[stretches > longest_s].sum())


def _check_share(what: str, missing_s: float, total_s: float) -> None:
    share = missing_s / total_s
    if share > LARGEST_GAP_SHARE:
        raise EnergyRefusedError(f"{share:.0%} of the window {what}, at most {LARGEST_GAP_SHARE:.0%} is allowed")
