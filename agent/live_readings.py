"""A board's sensors as they read now, each at its own pace."""

import time
from collections import Counter
from collections.abc import Sequence

from agent.beats import Beats
from agent.sensor_thread import SensorThread
from agent.sensors.sensor import Sensor

_POLL_S = 0.05
_A_DIFFERENCE = 2


class LiveReadings:
    """The latest reading of every sensor, from when it is made to close()."""

    def __init__(self, sensors: Sequence[Sensor], period_s: float) -> None:
        start_s = time.monotonic()
        self._threads = [SensorThread(sensor, Beats(start_s, period_s, seed=0)) for sensor in sensors]
        self._latest: dict[str, list[float | None]] = {}
        self._dropped: dict[str, str] = {}
        self._asked: Counter[str] = Counter()
        for thread in self._threads:
            thread.start()

    def settle(self, seconds: float) -> None:
        """Wait at most so long until every sensor was read twice, since a share or a count needs that."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not all(self._is_settled(thread) for thread in self._threads):
            time.sleep(_POLL_S)
            self._collect()

    def latest(self) -> dict[str, dict[str, float | None]]:
        """Sensor → channel → value; a sensor that has not answered yet has None everywhere."""
        self._collect()
        return {thread.sensor.name: self._values(thread.sensor) for thread in self._threads}

    def trouble(self) -> dict[str, str]:
        """Sensor → why it is not read any more, or does not answer, or what else happened to it last."""
        self._collect()
        remarks = {t.sensor.name: t.sensor.remarks[-1] for t in self._threads if t.sensor.remarks}
        hanging = {t.sensor.name: f"no answer for {t.hung_s:.1f} s." for t in self._threads if t.hung_s}
        return {**remarks, **hanging, **self._dropped}

    def close(self) -> None:
        """Stop to read; a sensor that hangs is left behind."""
        for thread in self._threads:
            thread.stop()
        for thread in self._threads:
            thread.join(0.0 if thread.hung_s else 1.0)

    def _is_settled(self, thread: SensorThread) -> bool:
        name = thread.sensor.name
        return name in self._dropped or (name in self._latest and self._asked[name] >= _A_DIFFERENCE)

    def _values(self, sensor: Sensor) -> dict[str, float | None]:
        values = self._latest.get(sensor.name, [None] * len(sensor.channels))
        return dict(zip((channel.name for channel in sensor.channels), values, strict=True))

    def _collect(self) -> None:
        for thread in self._threads:
            while thread.asked:
                asked = thread.asked.popleft()
                self._asked[thread.sensor.name] += 1
                if asked.readings:
                    self._latest[thread.sensor.name] = asked.readings[-1].values
                if asked.dropped:
                    self._dropped[thread.sensor.name] = asked.dropped
