"""Leases: who may use a board now. The token grows with every lease, so that a board can tell the old holder off."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from controller.errors import StaleLeaseError
from controller.instants import Clock, as_text
from controller.store.database import Database
from controller.tables import Job
from controller.tables import Lease as LeaseRow


@dataclass(frozen=True)
class Lease:
    """A board, held for a job. token is what the board and the store compare."""

    device: str
    job_id: str
    token: int


class Leases:
    """The leases of all boards."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def start(self, job_id: str, device: str, seconds: float) -> Lease | None:
        """Lease a board for a queued job and start the job, in one step.

        None when the job is not queued any more, or the board is held by or promised to another job.
        """
        with self._database.writing() as session:
            row = _locked_row(session, device)  # before the job's, as everywhere: two that wait never for each other
            job = session.get(Job, int(job_id), with_for_update=True)
            if job is None or job.state != "queued" or self._is_promised(session, device):
                return None
            lease = self._take(row, job_id, seconds)
            if lease is not None:
                job.state, job.device, job.started_at = "running", device, as_text(self._clock())
            return lease

    def take_up(self, job_id: str, device: str, seconds: float) -> Lease | None:
        """Lease the board of a job that was started before; None while another lease on it is valid."""
        with self._database.writing() as session:
            return self._take(_locked_row(session, device), job_id, seconds)

    def renew(self, lease: Lease, seconds: float) -> None:
        """Hold the board for longer, also after the time was up if nobody else took it.

        Raises:
            StaleLeaseError: somebody else took it.
        """
        with self._database.writing() as session:
            row = check_lease(session, lease)
            row.expires_at = self._in(seconds)

    def release(self, lease: Lease) -> None:
        """Give the board back; without effect when somebody else has it."""
        with self._database.writing() as session:
            row = session.get(LeaseRow, lease.device, with_for_update=True)
            if row is not None and row.token == lease.token:
                row.job_id, row.expires_at = None, self._in(0)

    def _take(self, row: LeaseRow, job_id: str, seconds: float) -> Lease | None:
        if row.job_id is not None and row.expires_at > self._in(0):
            return None
        # Boards remember the highest token. Starting at the time of day keeps it growing past a database that was lost.
        row.token = max(row.token + 1, int(self._clock().timestamp()))
        row.job_id, row.expires_at = int(job_id), self._in(seconds)
        return Lease(device=row.device, job_id=job_id, token=row.token)

    def _is_promised(self, session: Session, device: str) -> bool:
        """Whether a started job owns the board, even if its controller is gone for the moment."""
        query = select(Job.id).where(Job.state == "running", Job.device == device).limit(1)
        return session.scalar(query) is not None

    def _in(self, seconds: float) -> str:
        return as_text(self._clock() + timedelta(seconds=seconds))


def _locked_row(session: Session, device: str) -> LeaseRow:
    """The board's row, locked; made when this is its first lease, perhaps by somebody else at the same time."""
    row = session.get(LeaseRow, device, with_for_update=True)
    if row is None:
        with suppress(IntegrityError), session.begin_nested():
            session.add(LeaseRow(device=device, job_id=None, token=0, expires_at=""))
        row = session.get_one(LeaseRow, device, with_for_update=True)
    return row


def check_lease(session: Session, lease: Lease) -> LeaseRow:
    """The lease's row, locked.

    Raises:
        StaleLeaseError: the token is not the newest one.
    """
    row = session.get(LeaseRow, lease.device, with_for_update=True)
    if row is None or row.token != lease.token:
        newest = "none" if row is None else str(row.token)
        raise StaleLeaseError(
            f"lease {lease.token} on device {lease.device!r} for job {lease.job_id} was taken over (newest: {newest})."
        )
    return row
