"""Energy of a stretch of time from a board's readings, or the reason why it must not be stated.

A gauge in watts is integrated by trapezoids, a counter in joules is subtracted; both are interpolated
linearly at the edges. A number is refused, never guessed, when its readings cannot carry it; the
limits below hold for every sensor.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gradfilter.bench.schema import RunRecord, Series, energy_channels, is_meter

# A sensor that updates more slowly than it is read shows the same value again; only changes carry information.
FEWEST_DISTINCT_READINGS = 30
GAP_PERIODS = 3.0
FROZEN_S = 2.0
LARGEST_GAP_SHARE = 0.05
# At each edge of a window the power is interpolated towards what lies outside: on average that loses a sixth of a
# period of the rise in power, at both edges of five periods about 7 % of the rise.
FEWEST_PERIODS_PER_WINDOW = 5.0

Readings = tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]
Window = tuple[float, float]


class EnergyRefusedError(ValueError):
    """The readings cannot carry an energy; the message says why."""


@dataclass(frozen=True)
class Energy:
    """Energy of a run's measured phase: joules, or None and the reason. source names channels and what they cover."""

    joules: float | None
    source: str = ""
    reason: str = ""


def readings(series: Series) -> Readings:
    """Instants (s) and values of all real readings in order of time; None and non-finite ones are no readings."""
    pairs = sorted((t, v) for t, v in zip(series.times_s, series.values, strict=True) if v is not None)
    table = np.array(pairs, dtype=np.float64).reshape(-1, 2)
    table = table[np.isfinite(table).all(axis=1)]
    return table[:, 0], table[:, 1]


def joules_between(series: Series, start_s: float, end_s: float) -> float:
    """Energy of a power gauge (W) or an energy counter (J) between two instants, in joules.

    Raises:
        EnergyRefusedError: the readings do not reach from start to end.
    """
    times, values = readings(series)
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

    Windows of fewer than five periods on average, too few distinct readings in them, too much of their time in
    gaps (no reading for more than three periods) or frozen (the same value for more than two seconds, or three
    periods if that is longer), negative power, a counter that ran backwards.

    Raises:
        EnergyRefusedError: with the first of these reasons.
    """
    total_s = sum(end_s - start_s for start_s, end_s in windows)
    if total_s / len(windows) < FEWEST_PERIODS_PER_WINDOW * period_s:
        raise EnergyRefusedError(
            f"the {len(windows)} windows last {total_s / len(windows):.3g} s on average, at least "
            f"{FEWEST_PERIODS_PER_WINDOW:g} periods of {period_s:.3g} s are needed; sample more often"
        )
    times, values = _inside(series, windows)
    changes = times[1:][np.diff(values) != 0]
    distinct = changes.size + min(times.size, 1)
    if distinct < FEWEST_DISTINCT_READINGS:
        raise EnergyRefusedError(
            f"{distinct} distinct readings in the window of {total_s:.3g} s, at least "
            f"{FEWEST_DISTINCT_READINGS} are needed; measure more steps or sample more often"
        )
    _check_share("without a reading", times, windows, GAP_PERIODS * period_s)
    _check_share("with a frozen reading", changes, windows, max(FROZEN_S, GAP_PERIODS * period_s))
    if series.channel.kind == "counter" and np.any(np.diff(values) < 0):
        raise EnergyRefusedError("the counter ran backwards")
    if series.channel.kind == "gauge" and np.any(values < 0):
        raise EnergyRefusedError("the power reading is negative")


def _inside(series: Series, windows: Sequence[Window]) -> Readings:
    """The readings within any of the windows."""
    times, values = readings(series)
    inside = np.zeros(times.shape, dtype=bool)
    for start_s, end_s in windows:
        inside |= (times >= start_s) & (times <= end_s)
    return times[inside], values[inside]


def _check_share(what: str, times: npt.NDArray[np.float64], windows: Sequence[Window], longest_s: float) -> None:
    """Refuse if stretches without one of these instants, each within its window, take too much of the windows."""
    missing_s = 0.0
    for start_s, end_s in windows:
        inner = times[(times >= start_s) & (times <= end_s)]
        stretches = np.diff(np.concatenate(([start_s], inner, [end_s])))
        missing_s += float(stretches[stretches > longest_s].sum())
    share = missing_s / sum(end_s - start_s for start_s, end_s in windows)
    if share > LARGEST_GAP_SHARE:
        raise EnergyRefusedError(f"{share:.0%} of the window {what}, at most {LARGEST_GAP_SHARE:.0%} is allowed")


def choose_channels(record: RunRecord) -> list[Series]:
    """The series whose sum is the run's energy, by the rule of the schema; none where nothing usable was read."""
    read = [series for series in record.series if readings(series)[0].size]
    chosen = energy_channels([series.channel for series in read], record.spec.workload.compute)
    return [series for channel in chosen for series in read if series.channel is channel]


def measured_energy(record: RunRecord) -> Energy:
    """Energy of all measured phases together from the best channel, or why there is none.

    What lies between two of them (data made ready, an evaluation) is left out.
    """
    phases = [phase for phase in record.phases if phase.name == "measured"]
    windows = [(phase.start_s, phase.end_s) for phase in phases if phase.end_s > phase.start_s]
    if not windows:
        return Energy(None, reason="the measured phase was not completed, so no sensor reading belongs to it")
    channels = choose_channels(record)
    if not channels:
        return Energy(None, reason=_why_no_sensor(record))
    source = _describe(channels)
    period_s = record.sampler.period_s if record.sampler else record.spec.sampling.period_s
    try:
        return Energy(sum(_checked_joules(series, windows, period_s) for series in channels), source)
    except EnergyRefusedError as refusal:
        return Energy(None, source, str(refusal))


def _checked_joules(series: Series, windows: Sequence[Window], period_s: float) -> float:
    try:
        check_readings(series, windows, period_s)
        return sum(joules_between(series, start_s, end_s) for start_s, end_s in windows)
    except EnergyRefusedError as refusal:
        raise EnergyRefusedError(f"sensor {series.channel.sensor}, {series.channel.name}: {refusal}") from None


def _describe(channels: Sequence[Series]) -> str:
    names = " + ".join(series.channel.name for series in channels)
    return f"{channels[0].channel.covers} ({channels[0].channel.sensor}: {names})"


def _why_no_sensor(record: RunRecord) -> str:
    """What each sensor that could have metered says of itself."""
    absent = [s for s in record.sensors if not s.present and s.reason]
    meters = [s for s in absent if not s.quantities or {"power", "energy"} & set(s.quantities)]
    reasons = [f"{s.name}: {s.reason.rstrip('.')}" for s in meters]
    if any(is_meter(series.channel) for series in record.series):
        reasons.insert(0, "what is metered is not the energy of a training step (single rails, or no reading at all)")
    return "no power sensor" + (": " + "; ".join(reasons) if reasons else " on this board")
