"""Measuring for longer than a workload has steps: the rest of the window is filled by an understudy's steps.

Fast variants would otherwise train more steps than slow ones in the same time, and their accuracies would be those of
different trainings.
"""

import time
from math import ceil

from gradfilter.bench.events import EventWriter
from gradfilter.bench.schema import Window
from gradfilter.bench.understudy import Understudy

_SHORTEST_S = 1e-4  # dropped batches take next to no time


def lengthen(understudy: Understudy, index: int, measured_s: float, window: Window, events: EventWriter) -> None:
    """Measure further steps, counted from index, until the measured phases last as long as the window's seconds.

    measured_s: how long they have lasted. As in a workload's own phases, batches are decoded between stretches.
    """
    wanted = 1
    while measured_s < window.seconds:
        events.phase("data")
        stretch = understudy.decode_ahead(wanted)
        events.phase("measured")
        began = time.monotonic()
        understudy.run("measured", index, stretch, events.step)
        lasted = time.monotonic() - began
        measured_s, index = measured_s + lasted, index + stretch
        # At most twice as many: a first step that is dropped says nothing of how long the others take.
        wanted = min(2 * stretch, max(1, ceil((window.seconds - measured_s) * stretch / max(lasted, _SHORTEST_S))))
