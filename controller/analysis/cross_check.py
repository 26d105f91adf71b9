"""Two meters of the same thing: their energies over the same windows must agree."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from controller.analysis.coverage import describe_source
from controller.analysis.energy import EnergyRefusedError
from controller.analysis.metering import channel_energy
from controller.analysis.readings import Window, phase_windows
from gradfilter.bench.schema import RunRecord, Series, cross_checks, is_meter

LARGEST_DISAGREEMENT = 0.03


@dataclass(frozen=True)
class Disagreement:
    """What two meters say of the same energy (J), each named with what it covers."""

    meter: str
    joules: float
    other: str
    other_joules: float

    @property
    def share(self) -> float:
        """The second's difference from the first, relative to it."""
        return self.other_joules / self.joules - 1


def disagreements(record: RunRecord, meter: Sequence[Series]) -> list[Disagreement]:
    """The meters that differ by more than 3 %: of what the run's meter covers, and of single rails by name.

    A meter whose readings cannot carry an energy is no witness.
    """
    windows = phase_windows(record, "measured")
    pairs = [*_of_the_meter(record, meter), *_of_rails(record)]
    found = [_compared(record, one, other, windows) for one, other in pairs] if windows else []
    return [one for one in found if one is not None and abs(one.share) > LARGEST_DISAGREEMENT]


def _of_the_meter(record: RunRecord, meter: Sequence[Series]) -> Iterator[tuple[Sequence[Series], Sequence[Series]]]:
    """The run's meter beside each other sensor's of the same coverage; processor packages are summed by sensor."""
    checks = cross_checks([series.channel for series in record.series], [series.channel for series in meter])
    others = [series for channel in checks for series in record.series if series.channel is channel]
    if meter and meter[0].channel.covers == "package":
        kinds = dict.fromkeys((series.channel.sensor, series.channel.kind) for series in others)
        for kind in kinds:
            yield meter, [s for s in others if (s.channel.sensor, s.channel.kind) == kind]
        return
    yield from ((meter, [series]) for series in others)


def _of_rails(record: RunRecord) -> Iterator[tuple[Sequence[Series], Sequence[Series]]]:
    """Rails of the same name by two sensors."""
    rails = [s for s in record.series if is_meter(s.channel) and s.channel.role == "rail"]
    for number, one in enumerate(rails):
        for other in rails[number + 1 :]:
            if one.channel.name == other.channel.name and one.channel.sensor != other.channel.sensor:
                yield [one], [other]


def _compared(
    record: RunRecord, meter: Sequence[Series], other: Sequence[Series], windows: Sequence[Window]
) -> Disagreement | None:
    try:
        joules, others = (sum(channel_energy(record, s, windows)[0] for s in part) for part in (meter, other))
    except EnergyRefusedError:
        return None
    names = [describe_source([series.channel for series in part]) for part in (meter, other)]
    return Disagreement(names[0], joules, names[1], others) if joules > 0 else None
