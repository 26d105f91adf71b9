"""Everything that a report says of one run's energy: gross, above idle, mean power, and by part of a step."""

from dataclasses import dataclass

from controller.analysis.idle import idle_power, net_energy
from controller.analysis.metering import Energy, measured_energy
from controller.analysis.phase_energy import PartEnergies, part_energies
from controller.analysis.uncertainty import Uncertainty
from gradfilter.bench.schema import RunRecord

NO_STEP = "no measured step was recorded"


@dataclass(frozen=True)
class EnergyValue:
    """One metric's value in its unit, or the reason why there is none. method: how a modelled one was made."""

    value: float | None
    reason: str = ""
    source: str = ""
    uncertainty: Uncertainty | None = None
    method: str = ""


def energy_values(record: RunRecord, steps: int) -> dict[str, EnergyValue]:
    """Metric → value, for a run of so many measured steps."""
    energy = measured_energy(record)
    found = {
        "energy_per_step": _per(energy, energy.joules, energy.uncertainty, steps, NO_STEP),
        "mean_power": _per(energy, energy.joules, energy.uncertainty, energy.seconds, NO_STEP),
        "net_energy_per_step": _net(record, energy, steps),
    }
    parts = part_energies(record, energy.meter, steps) if energy.joules is not None else None
    return found | {
        f"{part}_energy": _part(energy, parts, part) for part in ("forward", "backward", "optimizer", "data")
    }


def _per(
    energy: Energy, joules: float | None, uncertainty: Uncertainty | None, number: float, otherwise: str
) -> EnergyValue:
    if joules is None or number <= 0:
        return EnergyValue(None, energy.reason or otherwise, energy.source)
    scaled = uncertainty.scaled(1 / number) if uncertainty is not None else None
    return EnergyValue(joules / number, source=energy.source, uncertainty=scaled)


def _net(record: RunRecord, energy: Energy, steps: int) -> EnergyValue:
    idle = idle_power(record, energy.meter)
    net = net_energy(energy, idle)
    if net is None:
        return EnergyValue(None, energy.reason or idle.reason, energy.source)
    return _per(energy, *net, steps, NO_STEP)


def _part(energy: Energy, parts: PartEnergies | None, part: str) -> EnergyValue:
    if parts is None:
        return EnergyValue(None, energy.reason, energy.source)
    found = parts.parts[part]
    if found.joules is None or parts.condition is None:
        return EnergyValue(None, found.reason, energy.source)
    method = f"least squares over {parts.readings} readings a run, condition number {parts.condition:.3g}"
    return EnergyValue(found.joules, source=energy.source, method=method)
