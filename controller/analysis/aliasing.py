"""Steps as regular as the sampling: readings that fall on some parts of a step more often than those parts last.

With steps of 100 ms and a reading every 100 ms, all readings may hit the backward pass for seconds on end; the
sampling's jitter only shifts them by and by. The readings among themselves do not show it: they look smooth.
But the steps' instants are known, and so is how often each part was hit and how long it really lasted.
"""

from collections.abc import Sequence

import numpy as np

from controller.analysis.readings import Window
from controller.analysis.shares import intervals_by_part, shares_by_part, stretches_read
from gradfilter.bench.schema import RunRecord, Series


def unevenness(record: RunRecord, series: Series, windows: Sequence[Window]) -> float | None:
    """What a gauge's energy over the measured windows may be wrong by for that, in joules; None of a counter.

    The power of each part is the mean of the readings on it, weighted by their share of it; of a part on which none
    fell it is taken for the reading furthest from the mean.
    """
    intervals = intervals_by_part(record)
    if series.channel.kind == "counter" or not any(intervals.values()):
        return None
    starts, ends, watts = stretches_read(record, [series])
    kept = np.zeros(starts.shape, dtype=bool)
    for start_s, end_s in windows:
        kept |= (starts >= start_s) & (ends <= end_s)
    if not np.any(kept):
        return None
    watts, shares = watts[kept], shares_by_part(record, starts[kept], ends[kept])
    edges = np.array(windows)
    lasted = ((edges[:, 1] - edges[:, 0])[:, None] * shares_by_part(record, edges[:, 0], edges[:, 1])).sum(axis=0)
    seconds = float((edges[:, 1] - edges[:, 0]).sum())
    worth = shares.sum(axis=0)
    furthest = watts[np.argmax(np.abs(watts - watts.mean()))]
    power = np.where(worth >= 1, shares.T @ watts / np.maximum(worth, 1), furthest)
    return float(abs((worth / watts.size - lasted / seconds) @ power) * seconds)
