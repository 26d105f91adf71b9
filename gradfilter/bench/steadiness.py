"""When steps have come to take the same time: the medians of the last three stretches of a second or more agree."""

import time
from statistics import median
from typing import Any, Callable, Dict, List, Optional, Sequence

from gradfilter.bench.schema import Steady

_STRETCHES = 3
_STRETCH_S = 1.0


def step_until_steady(
    step: Callable[[], float], wanted: Steady, clock: Callable[[], float] = time.monotonic
) -> Dict[str, Any]:
    """Take steps, each of which says how long it took (s), until they are steady or a limit is reached.

    Before the least of steps and of seconds are done neither ends it. Returns what a record says of it: steps, seconds,
    steady, and the medians (s) of the last stretches.
    """
    times: List[float] = []
    began = clock()
    medians: Optional[List[float]] = None
    while True:
        times.append(step())
        seconds = clock() - began
        if len(times) >= wanted.least_steps and seconds >= wanted.least_s:
            medians = stretch_medians(times)
            steady = medians is not None and max(medians) <= min(medians) * (1 + wanted.within)
            if steady or len(times) >= wanted.most_steps or seconds >= wanted.most_s:
                return {"steps": len(times), "seconds": seconds, "steady": steady, "medians_s": medians or []}


def stretch_medians(times: Sequence[float]) -> Optional[List[float]]:
    """The median step (s) of each of the last three stretches, oldest first; None while there are not so many."""
    medians: List[float] = []
    end = start = len(times)
    lasting = 0.0
    while start > 0 and len(medians) < _STRETCHES:
        start -= 1
        lasting += times[start]
        if lasting >= _STRETCH_S:
            medians.insert(0, median(times[start:end]))
            end, lasting = start, 0.0
    return medians if len(medians) == _STRETCHES else None
