"""What training adds to a board that only rests: energy without the idle power of before (and after) the run."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np

from controller.analysis.energy import GAP_PERIODS, LARGEST_GAP_SHARE, gaps_s, joules_between
from controller.analysis.metering import Energy
from controller.analysis.readings import Window, centred, inside, measured_span, pace_s, phase_windows
from controller.analysis.uncertainty import Uncertainty, energy_uncertainty
from gradfilter.bench.schema import RunRecord, Series

SHORTEST_REST_S = 3.0
_FEWEST_PERIODS = 5.0
_NO_REST_AFTER = "a change of the idle power (metered before the run only)"
# Whatever a rest's edges and gain are wrong by: its edges touch no load, and gain is taken of the difference.
_OF_REST = ("sampling", "resolution", "gaps")


@dataclass(frozen=True)
class Idle:
    """Mean power (W) of a board at rest: before the run, and after it where it rested again.

    watts: the mean of the two. uncertainty: of that mean, in W. reason: why it is not known.
    """

    watts: float | None
    uncertainty: float = 0.0
    before: float | None = None
    after: float | None = None
    reason: str = ""

    @property
    def drift(self) -> float | None:
        """By which share it changed over the run; None where the board rested only once."""
        return self.after / self.before - 1 if self.before and self.after is not None else None


def idle_power(record: RunRecord, meter: Sequence[Series]) -> Idle:
    """The idle power by the same channels that metered the run."""
    span = measured_span(record)
    rests = phase_windows(record, "settle")
    before = [window for window in rests if span is not None and window[1] <= span[0]]
    after = [window for window in rests if span is not None and window[0] >= span[1]]
    first, last = _rest(record, meter, before[-1:]), _rest(record, meter, after[:1])
    if first is None:
        return Idle(
            None,
            reason=f"the board's rest before the run was too short or not metered; limits.settle_s of at least "
            f"{SHORTEST_REST_S:g} s and {_FEWEST_PERIODS:g} readings are needed",
        )
    if last is None:
        return Idle(first[0], first[1], before=first[0])
    # Between the two the idle power is somewhere; half their difference is the limit.
    apart = abs(last[0] - first[0]) / 2 / sqrt(3)
    uncertainty = sqrt((first[1] ** 2 + last[1] ** 2) / 4 + apart**2)
    return Idle((first[0] + last[0]) / 2, uncertainty, before=first[0], after=last[0])


def net_energy(energy: Energy, idle: Idle) -> tuple[float, Uncertainty] | None:
    """The metered energy less idle power over the same time, and its uncertainty; None where either is not known.

    An offset of the meter is in both and drops out; the gain is wrong of the difference only.
    """
    if energy.joules is None or energy.uncertainty is None or idle.watts is None:
        return None
    net = energy.joules - idle.watts * energy.seconds
    gain = energy.uncertainty.components.get("gain", 0.0) * abs(net / energy.joules) if energy.joules else 0.0
    kept = {"gain": gain} if "gain" in energy.uncertainty.components else {}
    silent = () if idle.after is not None else (_NO_REST_AFTER,)
    uncertainty = energy.uncertainty.replaced(silent, **kept, idle=idle.uncertainty * energy.seconds)
    components = {cause: value for cause, value in uncertainty.components.items() if cause != "offset"}
    return net, Uncertainty(components, tuple(cause for cause in uncertainty.undeclared if cause != "offset"))


def _rest(record: RunRecord, meter: Sequence[Series], windows: Sequence[Window]) -> tuple[float, float] | None:
    """Mean power and its standard uncertainty within the metered part of a rest; None where that is too little."""
    found = [_mean_power(record, series, window) for window in windows for series in meter]
    known = [one for one in found if one is not None]
    if not known or len(known) < len(found):
        return None
    return sum(watts for watts, _ in known), sum(uncertainty for _, uncertainty in known)


def _mean_power(record: RunRecord, series: Series, window: Window) -> tuple[float, float] | None:
    times, period_s = centred(series)[0], pace_s(record, series)
    within = times[inside(times, [window])]
    if within.size < _FEWEST_PERIODS:
        return None
    start_s, end_s = float(within[0]), float(within[-1])
    seconds = end_s - start_s
    if seconds < max(SHORTEST_REST_S, _FEWEST_PERIODS * period_s):
        return None
    if gaps_s(within, [(start_s, end_s)], GAP_PERIODS * period_s) > LARGEST_GAP_SHARE * seconds:
        return None
    joules = joules_between(series, start_s, end_s)
    parts = energy_uncertainty(series, [(start_s, end_s)], period_s, joules).components
    return joules / seconds, float(np.sqrt(sum(parts.get(cause, 0.0) ** 2 for cause in _OF_REST))) / seconds
