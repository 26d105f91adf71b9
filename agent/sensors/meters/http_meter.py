"""Meters that are asked by HTTP: one of which its owner says where the numbers stand, and what the others share."""

from collections.abc import Sequence

from agent.sensors.meters.answers import MeterError
from agent.sensors.meters.fields import Field, chosen_fields
from agent.sensors.meters.meter import Meter
from agent.sensors.meters.web import Web
from agent.sensors.sensor import Reading
from agent.sensors.surroundings import MeterSettings


class HttpMeter(Meter):
    """A GET a reading, whose instant is the middle of request and answer, less the latency its owner states."""

    def __init__(self, name: str, settings: MeterSettings, fields: Sequence[Field], web: Web, target: str) -> None:
        super().__init__(name, settings, fields)
        self._web, self._target = web, target
        self._failures = 0

    def check(self) -> None:
        """Ask once, for every number.

        Raises:
            MeterError: one of them is missing, or it does not answer.
        """
        answer = self._web.get(self._target)
        try:
            self.refuse_missing(answer.document)
        except MeterError as error:
            raise MeterError(f"{self._web.place}: {error}") from None

    def read(self) -> list[float | None]:
        """One value a channel."""
        return self.readings()[0].values

    def readings(self) -> list[Reading]:
        """One reading.

        Raises:
            MeterError: it gives none now.
            SensorFailed: and it never will again in this run.
        """
        try:
            answer = self._web.get(self._target)
            return [Reading(answer.at_s - self._latency_s, self.values(answer.document))]
        except MeterError as error:
            self._failures += 1
            self.remark("failures", f"readings that failed: {self._failures}, the last with: {error}")
            raise


def open_http(name: str, settings: MeterSettings) -> HttpMeter:
    """A meter that answers its url with JSON.

    Raises:
        MeterError: it does not, or there is no number where one should be.
    """
    web = Web(settings.url)
    meter = HttpMeter(name, settings, chosen_fields(settings), web, web.target)
    meter.check()
    return meter
