"""The instants at which a board's sensors are read: at a jittered period, and the same for all sensors."""

from random import Random

# Of the period. A load as regular as the sampling is met near the same point of its course by readings in a row: by
# about 3 / (2 π² JITTER²) of them, which is fifteen for the usual tenth and none for a half.
JITTER = 0.5


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


def jittered(period_s: float, random: Random) -> float:
    """The time to the next reading: the period, ±50 %."""
    return period_s * random.uniform(1 - JITTER, 1 + JITTER)
