"""How runs are made comparable: what is asked of a run before it counts. Nothing here depends on what it measures."""

from dataclasses import dataclass
from typing import Optional

from gradfilter.bench.schema.checks import REFUSE_UNKNOWN_KEYS, check_range


@dataclass
class VoidIf:
    """For what a run is void, kept but replaced: declared before it starts, and never its outcome. None: for nothing.

    throttled: the board held itself back in the measured phases. swapped_bytes: more than so much went to swap and
    back in them. clock_step_s: the wall clock was set, or stood still, by more than this during the run.
    foreign_load: other programs used more than this share of the processors in the measured phases.
    """

    __pydantic_config__ = REFUSE_UNKNOWN_KEYS

    throttled: bool = True
    swapped_bytes: Optional[int] = 1 << 20
    clock_step_s: Optional[float] = 1.0
    foreign_load: Optional[float] = None

    def __post_init__(self) -> None:
        for name, highest in (("swapped_bytes", 2**50), ("clock_step_s", 86400), ("foreign_load", 1)):
            if getattr(self, name) is not None:
                check_range("void_if." + name, getattr(self, name), 0, highest)


@dataclass
class Steady:
    """When a run is warm enough to be measured: after steps that leave no trace, once they take the same time.

    At least least_steps steps and least_s seconds; then until the medians of the last three stretches of a second or
    more differ by no more than the share within; at most most_steps steps or most_s seconds, but never fewer than the
    least of both. A workload's own warm_up_steps, which train, come after them.
    """

    __pydantic_config__ = REFUSE_UNKNOWN_KEYS

    least_steps: int = 10
    least_s: float = 5.0
    most_steps: int = 100000
    most_s: float = 60.0
    within: float = 0.02

    def __post_init__(self) -> None:
        check_range("steady.least_steps", self.least_steps, 1, 1000000)
        check_range("steady.least_s", self.least_s, 0, 3600)
        check_range("steady.most_steps", self.most_steps, self.least_steps, 1000000)
        check_range("steady.most_s", self.most_s, self.least_s, 3600)
        check_range("steady.within", self.within, 0, 1)


@dataclass
class Gate:
    """How warm the board must be when a run starts: in a band around what it was at the start of the job's first run.

    below_c, above_c: how far (°C) the hottest zone may lie below and above. most_s: for how long the board waits,
    resting where it is too hot and working where it is too cold; the run then starts all the same, and says so.
    around_c: the middle of the band; None: the first run's, which is let through. A board without a thermometer waits
    for nothing.
    """

    __pydantic_config__ = REFUSE_UNKNOWN_KEYS

    below_c: float = 2.0
    above_c: float = 2.0
    most_s: float = 300.0
    around_c: Optional[float] = None

    def __post_init__(self) -> None:
        check_range("gate.below_c", self.below_c, 0, 1000)
        check_range("gate.above_c", self.above_c, 0, 1000)
        check_range("gate.most_s", self.most_s, 0, 3600)
        if self.around_c is not None:
            check_range("gate.around_c", self.around_c, -55, 150)


@dataclass
class Window:
    """How long a run is measured at least, besides the workload's own number of steps; most_s bounds both.

    seconds: of measured phases together, of each shape of a layer job. readings: so many updates of the meter that a
    step's energy would come from; without a meter they ask for nothing. Further steps are taken by a copy that learns
    nothing, so that weights and scores are those of the workload's steps.
    """

    __pydantic_config__ = REFUSE_UNKNOWN_KEYS

    seconds: float = 0.0
    readings: int = 0
    most_s: float = 300.0

    def __post_init__(self) -> None:
        check_range("window.seconds", self.seconds, 0, 86400)
        check_range("window.readings", self.readings, 0, 1000000)
        check_range("window.most_s", self.most_s, self.seconds, 86400)
