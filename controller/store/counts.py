"""What is counted for watching: a few statements over whole tables, none of which reads a document."""

from dataclasses import dataclass

from sqlalchemy import func, select

from controller.instants import Clock, from_text
from controller.store.database import Database
from controller.tables import Job, Lease


@dataclass(frozen=True)
class Queue:
    """How many jobs wait for a board, and how long the oldest has waited, in seconds."""

    length: int
    oldest_s: float


@dataclass(frozen=True)
class Leased:
    """How many boards jobs hold, and how long ago the one that waits longest for it was renewed, in seconds."""

    amount: int
    oldest_s: float


class Counts:
    """The lab in numbers."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def queue(self) -> Queue:
        """The queue now."""
        query = select(func.count(), func.min(Job.created_at)).where(Job.state == "queued")
        with self._database.reading() as session:
            length, oldest = session.execute(query).one()
        return Queue(length, self._age_s(oldest))

    def leases(self) -> Leased:
        """The leases now."""
        query = select(func.count(), func.min(Lease.renewed_at)).where(Lease.job_id.is_not(None))
        with self._database.reading() as session:
            amount, oldest = session.execute(query).one()
        return Leased(amount, self._age_s(oldest))

    def _age_s(self, instant: str | None) -> float:
        """Seconds since an instant, 0 where there is none; a clock that was set back makes nothing younger than new."""
        return 0.0 if instant is None else max(0.0, (self._clock() - from_text(instant)).total_seconds())
