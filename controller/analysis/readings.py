"""A channel's readings as arrays, the windows that they fall into, and how often they come."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from gradfilter.bench.schema import RunRecord, Series

Array = npt.NDArray[np.float64]
Readings = tuple[Array, Array]
Window = tuple[float, float]


def readings(series: Series) -> Readings:
    """Instants (s) and values of all real readings in order of time; None and non-finite ones are no readings."""
    pairs = sorted((t, v) for t, v in zip(series.times_s, series.values, strict=True) if v is not None)
    table = np.array(pairs, dtype=np.float64).reshape(-1, 2)
    table = table[np.isfinite(table).all(axis=1)]
    return table[:, 0], table[:, 1]


def centred(series: Series) -> Readings:
    """As readings, but a gauge that averages is given the middle of what it averages over as its instant."""
    times, values = readings(series)
    averaging_s = series.channel.averaging_s or 0.0
    return (times if series.channel.kind == "counter" else times - averaging_s / 2), values


def inside(times: Array, windows: Sequence[Window]) -> npt.NDArray[np.bool_]:
    """Which instants lie within any of the windows, edges included."""
    found = np.zeros(times.shape, dtype=bool)
    for start_s, end_s in windows:
        found |= (times >= start_s) & (times <= end_s)
    return found


def phase_windows(record: RunRecord, name: str) -> list[Window]:
    """From start to end of every phase of that name that took any time, in order."""
    return [(p.start_s, p.end_s) for p in record.phases if p.name == name and p.end_s > p.start_s]


def measured_span(record: RunRecord) -> Window | None:
    """From the start of the first measured phase to the end of the last; None if there is none."""
    windows = phase_windows(record, "measured")
    return (windows[0][0], windows[-1][1]) if windows else None


def pace_s(record: RunRecord, series: Series) -> float:
    """How often a new reading of this channel is to be expected, in seconds.

    The longest of: the run's sampling period, the sensor's own, the one at which the sensor takes new values, and
    the median of what came.
    """
    sampler = record.sampler
    own = [s.period_s for s in sampler.sensors if s.name == series.channel.sensor] if sampler else []
    steps = np.diff(readings(series)[0])
    came = [float(np.median(steps))] if steps.size else []
    asked = sampler.period_s if sampler else record.spec.sampling.period_s
    return max(asked, series.channel.update_s or 0.0, *own, *came)
