"""What an external meter's answer holds: its numbers and their channels."""

from dataclasses import dataclass
from typing import Any, Literal

from agent.sensors.meters.answers import number
from agent.sensors.surroundings import MeterSettings
from gradfilter.bench.schema import Channel

JOULES = {"J": 1.0, "Wh": 3600.0, "kWh": 3.6e6}


@dataclass(frozen=True)
class Field:
    """A number in a meter's answer: where it stands, how many W or J its 1 means, and one step of it in these."""

    quantity: Literal["power", "energy"]
    path: str
    one: float = 1.0
    resolution: float | None = None

    def of(self, answer: Any) -> float:
        """Its value in W or J.

        Raises:
            MeterError: there is none.
        """
        return number(answer, self.path) * self.one


def chosen_fields(settings: MeterSettings) -> list[Field]:
    """What the owner says of the answers of a meter that nobody knows."""
    one = JOULES[settings.energy_unit]
    energy = [Field("energy", settings.energy_path, one)] if settings.energy_path else []
    power = [] if energy and not settings.power_path else [Field("power", settings.power_path)]
    return power + energy


def channel(sensor: str, settings: MeterSettings, field: Field) -> Channel:
    """A field's channel, named after the meter."""
    power = field.quantity == "power"
    declared = settings.resolution_w if power else settings.resolution_j
    return Channel(
        settings.name if power else f"{settings.name}.energy",
        sensor,
        field.quantity,
        "W" if power else "J",
        kind="gauge" if power else "counter",
        covers=settings.covers,
        resolution=field.resolution if declared is None else declared,
        gain_tolerance=settings.gain_tolerance,
        offset_tolerance=settings.offset_tolerance_w if power else None,
        averaging_s=settings.averaging_s if power else 0.0,
        update_s=settings.update_s,
        role="total",
    )
