"""A run's energy: from the widest meter whose readings can carry it, with its uncertainty, or why there is none."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from controller.analysis.aliasing import unevenness
from controller.analysis.coverage import describe_source
from controller.analysis.energy import EnergyRefusedError, check_readings, joules_between
from controller.analysis.readings import Window, pace_s, phase_windows, readings
from controller.analysis.uncertainty import Uncertainty, added, energy_uncertainty
from gradfilter.bench.schema import RunRecord, Series, energy_channels, is_meter


@dataclass(frozen=True)
class Energy:
    """Energy of a run's measured phases together: joules over so many seconds, or None and the reason.

    source: what is covered, by which channels. meter: their series. passed_over: a sentence for each wider meter whose
    readings could not carry it.
    """

    joules: float | None
    source: str = ""
    reason: str = ""
    seconds: float = 0.0
    uncertainty: Uncertainty | None = None
    meter: tuple[Series, ...] = ()
    passed_over: tuple[str, ...] = ()


def measured_energy(record: RunRecord) -> Energy:
    """Energy of all measured phases together, or why there is none.

    What lies between two of them (data made ready, an evaluation) is left out. A meter whose readings cannot carry
    it gives way to the next; if none can, the reason is that of the first.
    """
    windows = phase_windows(record, "measured")
    if not windows:
        return Energy(None, reason="the measured phase was not completed, so no sensor reading belongs to it")
    refused: list[Energy] = []
    for meter in meters(record):
        energy = _energy(record, meter, windows)
        if energy.joules is not None:
            return replace(energy, passed_over=tuple(one.reason for one in refused))
        refused.append(energy)
    return refused[0] if refused else Energy(None, reason=_why_no_sensor(record))


def meters(record: RunRecord) -> Iterator[list[Series]]:
    """Series whose sum is the run's energy, by the rule of the schema: the best first; none where nothing was read."""
    left = [series for series in record.series if readings(series)[0].size]
    while chosen := energy_channels([series.channel for series in left], record.spec.workload.compute):
        yield [series for channel in chosen for series in left if series.channel is channel]
        left = [series for series in left if not any(series.channel is channel for channel in chosen)]


def channel_energy(record: RunRecord, series: Series, windows: Sequence[Window]) -> tuple[float, Uncertainty]:
    """Joules of one channel over windows, with their uncertainty.

    Raises:
        EnergyRefusedError: its readings cannot carry them; the message names the channel.
    """
    period_s = pace_s(record, series)
    try:
        check_readings(series, windows, period_s)
        joules = sum(joules_between(series, start_s, end_s) for start_s, end_s in windows)
    except EnergyRefusedError as refusal:
        raise EnergyRefusedError(f"sensor {series.channel.sensor}, {series.channel.name}: {refusal}") from None
    uncertainty = energy_uncertainty(series, windows, period_s, joules)
    uneven = unevenness(record, series, windows)
    return joules, uncertainty if uneven is None else uncertainty.replaced(steps=uneven)


def _energy(record: RunRecord, meter: Sequence[Series], windows: Sequence[Window]) -> Energy:
    source = describe_source([series.channel for series in meter])
    try:
        parts = [channel_energy(record, series, windows) for series in meter]
    except EnergyRefusedError as refusal:
        return Energy(None, source, str(refusal), meter=tuple(meter))
    return Energy(
        sum(joules for joules, _ in parts),
        source,
        seconds=sum(end_s - start_s for start_s, end_s in windows),
        uncertainty=added([uncertainty for _, uncertainty in parts]),
        meter=tuple(meter),
    )


def _why_no_sensor(record: RunRecord) -> str:
    """What each sensor that could have metered says of itself."""
    absent = [s for s in record.sensors if not s.present and s.reason]
    able = [s for s in absent if not s.quantities or {"power", "energy"} & set(s.quantities)]
    reasons = [f"{s.name}: {s.reason.rstrip('.')}" for s in able]
    if any(is_meter(series.channel) for series in record.series):
        reasons.insert(0, "what is metered is not the energy of a training step (single rails, or no reading at all)")
    return "no power sensor" + (": " + "; ".join(reasons) if reasons else " on this board")
