"""The instants at which a board's sensors are read: at a jittered period, and together where that can be."""

from random import Random

# Of the period. A load as regular as the sampling is met near the same point of its course by readings in a row: by
# about 3 / (2 π² JITTER²) of them, which is fifteen for the usual tenth and none for a half.
JITTER = 0.5
_LONGER_FOR_A_BEAT = 0.25  # of its period: so much later a sensor of its own pace may be read, to meet the others


class Beats:
    """Ever later instants from start_s on, period_s ± 50 % apart.

    All that are made with the same numbers are alike. So sensors that are read in threads of their own are read
    together, without knowing of one another: to wake up once and read five files disturbs the training less than to
    wake up five times.
    """

    def __init__(self, start_s: float, period_s: float, seed: int) -> None:
        self._random = Random(seed)  # noqa: S311 - no secret
        self.period_s = period_s
        self._beat_s = start_s

    def after(self, instant_s: float) -> float:
        """The first beat after this instant, or the same as the last time where that is later."""
        while self._beat_s <= instant_s:
            self._beat_s += jittered(self.period_s, self._random)
        return self._beat_s


class Pace:
    """When one sensor is due. slowest_s: it is never read sooner than that after the reading before.

    It is read at every beat where the beats are that far apart. Otherwise it has a jittered period of its own, at
    least slowest_s, and waits for a beat where one comes soon.
    """

    def __init__(self, beats: Beats, slowest_s: float) -> None:
        self.period_s = max(beats.period_s, slowest_s)
        self._beats = beats
        self._slowest_s = slowest_s
        self._random = Random()  # noqa: S311 - no secret

    def after(self, read_s: float) -> float:
        """The instant of the reading after the one at read_s."""
        if self._slowest_s <= (1 - JITTER) * self._beats.period_s:
            return self._beats.after(read_s)
        own_s = read_s + max(self._slowest_s, jittered(self.period_s, self._random))
        beat_s = self._beats.after(own_s)
        return beat_s if beat_s - own_s <= _LONGER_FOR_A_BEAT * self.period_s else own_s


def jittered(period_s: float, random: Random) -> float:
    """The time to the next reading: the period, ±50 %."""
    return period_s * random.uniform(1 - JITTER, 1 + JITTER)
