"""How evenly a sensor was read, and what that cost."""

from array import array
from statistics import median

from agent.sensor_thread import Asked
from gradfilter.bench.schema import Channel, SensorSampling


class Account:
    """Takes note of every asking of one sensor."""

    def __init__(self, name: str, channels: list[Channel], period_s: float) -> None:
        self.worst_gap_s = 0.0  # between two askings
        self.cpu_s = 0.0
        self.readings = 0
        self._name, self._period_s = name, period_s
        self._names = [channel.name for channel in channels]
        self._distinct = [0] * len(channels)
        self._values: list[float | None] = [None] * len(channels)
        self._asked_at_s: float | None = None
        self._read_at_s: float | None = None
        self._took_s = array("d")  # eight bytes a reading
        self._steps_s = array("d")

    def note(self, asked: Asked) -> None:
        """One more asking."""
        if self._asked_at_s is not None:
            self.worst_gap_s = max(self.worst_gap_s, asked.at_s - self._asked_at_s)
        self._asked_at_s = asked.at_s
        self._took_s.append(asked.took_s)
        self.cpu_s += asked.cpu_s
        for reading in asked.readings:
            self.readings += 1
            if self._read_at_s is not None:
                self._steps_s.append(reading.at_s - self._read_at_s)
            self._read_at_s = reading.at_s
            for number, value in enumerate(reading.values):
                if value is not None and value != self._values[number]:
                    self._distinct[number] += 1
                    self._values[number] = value

    def report(self) -> SensorSampling:
        """The account so far."""
        step_s = median(self._steps_s) if self._steps_s else None
        return SensorSampling(
            name=self._name,
            period_s=self._period_s,
            readings=self.readings,
            distinct_readings=dict(zip(self._names, self._distinct, strict=True)),
            median_period_s=step_s,
            jitter_s=None if step_s is None else median(abs(one - step_s) for one in self._steps_s),
            worst_gap_s=max(self._steps_s, default=None),
            median_read_s=median(self._took_s) if self._took_s else None,
            worst_read_s=max(self._took_s, default=None),
            cpu_s=self.cpu_s,
        )
