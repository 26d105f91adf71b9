"""Signs in one run that its energy is doubtful: meters that disagree, a meter passed over, few readings, other idling.

Only of a run whose energy is metered; why one is not stands with the number itself.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from controller.analysis.cross_check import LARGEST_DISAGREEMENT, disagreements
from controller.analysis.energy import distinct_readings
from controller.analysis.idle import idle_power
from controller.analysis.metering import Energy, measured_energy
from controller.analysis.readings import phase_windows
from gradfilter.bench.schema import RunRecord

# What a channel's energy can be stated from is less than what one would like.
FEW_DISTINCT_READINGS = 100
NOTABLE_IDLE_DRIFT = 0.05


@dataclass(frozen=True)
class EnergySign:
    """A sign looked for in every run whose energy is metered: seen says what was found, or '' for nothing."""

    code: str
    seen: Callable[[RunRecord, Energy], str]
    advice: str


def energy_signs(record: RunRecord) -> Iterator[tuple[EnergySign, str]]:
    """Every sign that the run shows, with what was seen."""
    energy = measured_energy(record)
    if energy.joules is not None:
        yield from ((sign, what) for sign in ENERGY_SIGNS if (what := sign.seen(record, energy)))


def _disagree(record: RunRecord, energy: Energy) -> str:
    return "; ".join(
        f"{one.other} says {one.other_joules:.4g} J where {one.meter} says {one.joules:.4g} J, {one.share:+.0%}"
        for one in disagreements(record, energy.meter)
    )


def _passed_over(_: RunRecord, energy: Energy) -> str:
    return f"{energy.source} was used, since {'; '.join(energy.passed_over)}" if energy.passed_over else ""


def _few_readings(record: RunRecord, energy: Energy) -> str:
    windows = phase_windows(record, "measured")
    fewest = min(distinct_readings(series, windows) for series in energy.meter)
    if fewest >= FEW_DISTINCT_READINGS:
        return ""
    return f"the energy comes from {fewest} distinct readings, under {FEW_DISTINCT_READINGS}"


def _idle_drift(record: RunRecord, energy: Energy) -> str:
    idle = idle_power(record, energy.meter)
    if idle.drift is None or abs(idle.drift) <= NOTABLE_IDLE_DRIFT:
        return ""
    return f"the idle power went from {idle.before:.3g} W before the run to {idle.after:.3g} W after it"


ENERGY_SIGNS = (
    EnergySign(
        "meters_disagree",
        _disagree,
        f"two meters of the same should agree within {LARGEST_DISAGREEMENT:.0%}: "
        "check what each covers, its wiring and its shunt",
    ),
    EnergySign(
        "meter_passed_over", _passed_over, "see what the wider meter lacks, or compare ratios on this board only"
    ),
    EnergySign("few_readings", _few_readings, "raise measured_steps or shorten sampling.period_s"),
    EnergySign("idle_drifted", _idle_drift, "stop what else runs on the board, and lengthen limits.settle_s"),
)
