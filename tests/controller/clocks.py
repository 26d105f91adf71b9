"""A clock that the test moves."""

from datetime import datetime, timedelta, timezone


class SteppedClock:
    """Time passes on the wall and on the monotonic clock alike; what is stepped shows on the wall alone."""

    def __init__(self):
        self.instant = datetime(2026, 1, 1, tzinfo=timezone.utc)
        self.seconds = 0.0

    def __call__(self):
        return self.instant

    def monotonic(self):
        return self.seconds

    def advance(self, seconds):
        self.step(seconds)
        self.seconds += seconds

    def step(self, seconds):
        self.instant += timedelta(seconds=seconds)
