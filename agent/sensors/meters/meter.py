"""External power meters on the network: smart plugs, and whatever answers with a number of watts.

Each that is described is a sensor of its own, so that one that is slow or gone delays no other. What speaks its
protocol is loaded only for a meter that there is: a sampler without one need not carry it.
"""

import sys
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

from agent.errors import SensorFailed
from agent.sensors.counters import EnergyCount
from agent.sensors.meters.answers import MeterError
from agent.sensors.meters.fields import Field, channel
from agent.sensors.sensor import Absent, Sensor
from agent.sensors.surroundings import MeterSettings, Surroundings


class Meter(Sensor):
    """A meter beside the board, as its owner describes it: a channel a field, named after the meter.

    It is asked twice as often as it has a new value, so that none is missed.
    """

    name = "meter"
    quantities = ("power", "energy")

    def __init__(self, name: str, settings: MeterSettings, fields: Sequence[Field]) -> None:
        super().__init__([channel(name, settings, field) for field in fields])
        self.name = name
        self.slowest_s = settings.update_s / 2
        self._latency_s = settings.latency_s or 0.0
        self._fields = list(fields)
        self._count = EnergyCount()
        self._noted: dict[str, str] = {}

    @classmethod
    def detect(cls, surroundings: Surroundings) -> Sensor | Absent:
        """The first meter described, present where it answers with every number that it should."""
        if not surroundings.meters:
            return Absent("none is described; a smart plug or another meter can be, in GRADFILTER_AGENT_METERS.")
        return open_meter(cls.name, surroundings.meters[0])

    def refuse_missing(self, answer: Any) -> None:
        """See that the answer has a value for every channel; at the beginning each of them must.

        Raises:
            MeterError: one has none.
        """
        for field in self._fields:
            field.of(answer)
        self.values(answer)

    def values(self, answer: Any) -> list[float | None]:
        """One value a channel. A field that has none leaves the others alone.

        Raises:
            MeterError: not one has a value.
            SensorFailed: the energy was all there was, and its count was reset.
        """
        values: list[float | None] = []
        errors: list[MeterError] = []
        for field in self._fields:
            try:
                value = field.of(answer)
            except MeterError as error:  # noqa: PERF203 - the others may have theirs
                values.append(None)
                errors.append(error)
            else:
                values.append(value if field.quantity == "power" else self._count.since_first(value))
        if len(errors) == len(values):
            raise errors[0]
        if self._count.lost:
            if len(self._fields) == 1:
                raise SensorFailed(self._count.lost)
            self.remark("reset", self._count.lost)
        return values

    def remark(self, about: str, sentence: str) -> None:
        """Put a remark into the record, in the place of the last one about the same."""
        self._noted[about] = sentence
        self.remarks = list(self._noted.values())


class FurtherMeter:
    """The second meter, or a later one: to the search for sensors, a kind of its own."""

    quantities = Meter.quantities

    def __init__(self, number: int, settings: MeterSettings) -> None:
        self.name = f"{Meter.name}:{number}"
        self._settings = settings

    def detect(self, surroundings: Surroundings) -> Sensor | Absent:  # noqa: ARG002 - its settings came from there
        """As Meter's."""
        return open_meter(self.name, self._settings)


def further_meters(surroundings: Surroundings) -> list[FurtherMeter]:
    """All that are described after the first."""
    return [FurtherMeter(number, one) for number, one in enumerate(surroundings.meters[1:], start=2)]


def open_meter(name: str, settings: MeterSettings) -> Meter | Absent:
    """The meter that is described so, as a sensor of that name, or why it gives no readings."""
    if settings.kind == "mqtt" and find_spec("paho") is None:
        return Absent(f"paho-mqtt is not installed: {sys.executable} -m pip install paho-mqtt.")
    try:
        return _opened(name, settings)
    except MeterError as error:
        return Absent(str(error))


def _opened(name: str, settings: MeterSettings) -> Meter:
    match settings.kind:
        case "shelly":
            from agent.sensors.meters.shelly import open_shelly  # noqa: PLC0415 - as said above

            return open_shelly(name, settings)
        case "tasmota":
            from agent.sensors.meters.tasmota import open_tasmota  # noqa: PLC0415

            return open_tasmota(name, settings)
        case "http":
            from agent.sensors.meters.http_meter import open_http  # noqa: PLC0415

            return open_http(name, settings)
        case "mqtt":
            from agent.sensors.meters.mqtt import open_mqtt  # noqa: PLC0415

            return open_mqtt(name, settings)
