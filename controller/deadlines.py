"""Deadlines that a clock which is set anew neither brings nearer nor puts off."""

from collections.abc import Callable, Collection
from datetime import datetime

from controller.instants import from_text


class Deadlines:
    """How long is left since something began, on a monotonic clock from the first time that it is asked about.

    What went by before that, perhaps under another controller, is known from the wall's clock alone.
    """

    def __init__(self, clock: Callable[[], datetime], monotonic: Callable[[], float]) -> None:
        self._clock = clock
        self._monotonic = monotonic
        self._ends: dict[tuple[str, str], float] = {}

    def left_s(self, job_id: str, began_at: str, allowed_s: float) -> float:
        """Seconds left of those allowed since an instant; 0 or less when they are over."""
        key = (job_id, began_at)
        if key not in self._ends:
            gone_s = max(0.0, (self._clock() - from_text(began_at)).total_seconds())
            self._ends[key] = self._monotonic() + allowed_s - gone_s
        return self._ends[key] - self._monotonic()

    def keep(self, job_ids: Collection[str]) -> None:
        """Forget the deadlines of all other jobs."""
        self._ends = {key: end for key, end in self._ends.items() if key[0] in job_ids}
