"""Which part of a step a sensor's reading is about: exact instants of the steps against what the reading averages."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from math import hypot

import numpy as np

from controller.analysis.readings import Array, Window, centred, phase_windows, readings
from gradfilter.bench.schema import RunRecord, Series, Step

PARTS = ("forward", "backward", "optimizer", "data", "other")
_SHORTEST_STRETCH_S = 1e-6  # an instant


def intervals_by_part(record: RunRecord) -> dict[str, list[Window]]:
    """When each part ran, in measured phases and in the phases of data before them; 'other' is all that is left."""
    steps = [step for step in record.steps if step.phase == "measured"]
    found: dict[str, list[Window]] = {part: [] for part in PARTS}
    for step in steps:
        for part, window in _of_step(step):
            found[part].append(window)
    found["data"] = sorted(found["data"] + _data_ahead(record))
    return found


def stretches(record: RunRecord) -> list[Window]:
    """The measured phases with the phases of data before them, those that touch joined."""
    joined: list[Window] = []
    for start_s, end_s in sorted([*phase_windows(record, "measured"), *_data_ahead(record)]):
        if joined and start_s <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end_s))
        else:
            joined.append((start_s, end_s))
    return joined


def shares_by_part(record: RunRecord, starts_s: Array, ends_s: Array) -> Array:
    """For each stretch of time the share of it that each part took: a row a stretch, a column a part of PARTS."""
    spans = ends_s - starts_s
    found = intervals_by_part(record)
    known = [_covered(found[part], starts_s, ends_s) / spans for part in PARTS[:-1]]
    shares = np.column_stack([*known, 1 - np.sum(known, axis=0)])
    return np.asarray(np.clip(shares, 0.0, 1.0), dtype=np.float64)


def stretches_read(record: RunRecord, meter: Sequence[Series]) -> tuple[Array, Array, Array]:
    """Start and end of what each reading is a mean over, and the mean in W.

    What blurs a gauge besides its averaging (how long it holds a value, how long a read takes) widens the stretch: it
    has the middle and the variance of all of them together.
    """
    times = readings(meter[0])[0]
    values = np.sum([readings(series)[1] for series in meter], axis=0)
    channel = meter[0].channel
    if channel.kind == "counter":
        return times[:-1], times[1:], np.diff(values) / np.diff(times)
    held_s, read_s = channel.update_s or 0.0, _read_s(record, channel.sensor)
    width_s = max(hypot(channel.averaging_s or 0.0, held_s, read_s), _SHORTEST_STRETCH_S)
    middles = centred(meter[0])[0] - held_s / 2
    return middles - width_s / 2, middles + width_s / 2, values


def _of_step(step: Step) -> Iterable[tuple[str, Window]]:
    marks = [step.start_s - step.data_s, step.start_s]
    for seconds in (step.forward_s, step.backward_s, step.optimizer_s):
        marks.append(marks[-1] + seconds)
    return zip(("data", "forward", "backward", "optimizer"), pairwise(marks), strict=True)


def _data_ahead(record: RunRecord) -> list[Window]:
    return [
        (phase.start_s, phase.end_s)
        for phase, following in pairwise(record.phases)
        if (phase.name, following.name) == ("data", "measured")
    ]


def _covered(windows: Sequence[Window], starts_s: Array, ends_s: Array) -> Array:
    """How much of each stretch lies in the windows, which do not overlap."""
    edges = np.array([edge for window in windows for edge in window])
    if not edges.size:
        return np.zeros_like(starts_s)
    lengths = np.diff(edges)
    lengths[1::2] = 0.0  # between two windows nothing is added
    so_far = np.concatenate(([0.0], np.cumsum(lengths)))
    return np.asarray(np.interp(ends_s, edges, so_far) - np.interp(starts_s, edges, so_far), dtype=np.float64)


def _read_s(record: RunRecord, sensor: str) -> float:
    """How long a read of the sensor took, mostly; 0 where the sampler did not say."""
    sensors = record.sampler.sensors if record.sampler else []
    return next((one.median_read_s or 0.0 for one in sensors if one.name == sensor), 0.0)
