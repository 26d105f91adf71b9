"""Leases: who may use a board now. The token grows with every lease, so that a board can tell the old holder off.

Whether a holder is still there is not read from a clock, which may be wrong or set anew: a lease is left behind once
this controller has seen it unrenewed for as long as it lasts, by its own monotonic clock.
"""

from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from controller.errors import StaleLeaseError
from controller.instants import Clock, as_text
from controller.store.database import Database
from controller.tables import Device, Job, Run
from controller.tables import Lease as LeaseRow


@dataclass(frozen=True)
class Lease:
    """A board, held for a job. token is what the board and the store compare."""

    device: str
    job_id: str
    token: int


@dataclass(frozen=True)
class _Sight:
    """A lease as this controller saw it last, and the instant of its monotonic clock since when it is so."""

    token: int
    renewed_at: str
    since_s: float


class Leases:
    """The leases of all boards."""

    def __init__(self, database: Database, clock: Clock, monotonic: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock
        self._monotonic = monotonic
        self._sights: dict[str, _Sight] = {}

    def start(self, job_id: str, device: str, seconds: float) -> Lease | None:
        """Lease a board for a queued job and start the job, in one step.

        None when the job is not queued any more, or the board is held by or promised to another job, or must not be
        used: it may have been put in maintenance, found bad or removed since it was chosen.
        """
        with self._database.writing() as session:
            row = _locked_row(session, device)  # before the job's, as everywhere, so that no two wait for each other
            job = session.get(Job, int(job_id), with_for_update=True)
            board = session.get(Device, device, with_for_update=True)
            if board is None or board.maintenance or board.fault:
                return None
            if job is None or job.state != "queued" or self._is_promised(session, device):
                return None
            lease = self._take(row, job_id, seconds)
            if lease is not None:
                job.state, job.device, job.started_at = "running", device, self._now()
            return lease

    def take_up(self, job_id: str, device: str, seconds: float) -> Lease | None:
        """Lease the board of a job that was started before.

        None while another lease on it may be alive, and when the job has come to its end meanwhile.
        """
        with self._database.writing() as session:
            row = _locked_row(session, device)
            return self._take(row, job_id, seconds) if _owns(session, int(job_id), row) else None

    def within_reach(self, devices: Collection[str]) -> set[str]:
        """Those of these boards that nobody holds, or whose lease nobody renews any more: worth trying to take up."""
        query = select(LeaseRow).where(LeaseRow.device.in_(devices), LeaseRow.job_id.is_not(None))
        with self._database.reading() as session:
            held = session.scalars(query).all()
        return set(devices) - {row.device for row in held if not self._is_left_behind(row)}

    def renew(self, lease: Lease) -> None:
        """Hold the board for as long again, also after the time was up if nobody else took it.

        Raises:
            StaleLeaseError: somebody else took it.
        """
        for error in self.renew_all([lease]).values():
            raise error

    def renew_all(self, leases: Sequence[Lease]) -> dict[Lease, StaleLeaseError]:
        """Hold these boards for as long again; those that somebody else took, each with what to raise."""
        with self._database.writing() as session:
            stale = stale_among(session, leases)
            now = self._now()
            held = [lease for lease in leases if lease not in stale]
            devices = [lease.device for lease in held]
            session.execute(update(LeaseRow).where(LeaseRow.device.in_(devices)).values(renewed_at=now))
        for lease in held:
            self._see(lease.device, lease.token, now)
        return stale

    def release(self, lease: Lease) -> None:
        """Give the board back; without effect when somebody else has it."""
        with self._database.writing() as session:
            row = session.get(LeaseRow, lease.device, with_for_update=True)
            if row is not None and row.token == lease.token:
                row.job_id = None

    def _take(self, row: LeaseRow, job_id: str, seconds: float) -> Lease | None:
        if row.job_id is not None and not self._is_left_behind(row):
            return None
        # Boards remember the highest token. Starting at the time of day keeps it growing past a database that was lost.
        row.token = max(row.token + 1, int(self._clock().timestamp()))
        row.job_id, row.renewed_at, row.lasts_s = int(job_id), self._now(), seconds
        self._see(row.device, row.token, row.renewed_at)
        return Lease(device=row.device, job_id=job_id, token=row.token)

    def _is_left_behind(self, row: LeaseRow) -> bool:
        """Whether nobody renews the lease any more; the first look at it only begins the watch."""
        sight = self._sights.get(row.device)
        if sight is None or (sight.token, sight.renewed_at) != (row.token, row.renewed_at):
            sight = self._see(row.device, row.token, row.renewed_at)
        return self._monotonic() - sight.since_s >= row.lasts_s

    def _see(self, device: str, token: int, renewed_at: str) -> _Sight:
        self._sights[device] = sight = _Sight(token, renewed_at, self._monotonic())
        return sight

    def _is_promised(self, session: Session, device: str) -> bool:
        """Whether a started job owns the board, even if its controller is gone for the moment."""
        query = select(Job.id).where(Job.state == "running", Job.device == device).limit(1)
        return session.scalar(query) is not None

    def _now(self) -> str:
        return as_text(self._clock())


def _owns(session: Session, job_id: int, row: LeaseRow) -> bool:
    """Whether the job has still to do with its board."""
    unclosed = select(Run.number).where(Run.job_id == job_id, Run.state == "running").limit(1)
    is_running = session.get_one(Job, job_id).state == "running"
    return is_running or row.job_id == job_id or session.scalar(unclosed) is not None


def check_lease(session: Session, lease: Lease) -> None:
    """Lock the lease's row.

    Raises:
        StaleLeaseError: the token is not the newest one.
    """
    for error in stale_among(session, [lease]).values():
        raise error


def stale_among(session: Session, leases: Collection[Lease]) -> dict[Lease, StaleLeaseError]:
    """The leases that were taken over, each with what to raise; the rows of all are locked.

    By name, so that no two transactions wait for each other.
    """
    query = select(LeaseRow.device, LeaseRow.token).where(LeaseRow.device.in_({lease.device for lease in leases}))
    newest = {row.device: row.token for row in session.execute(query.order_by(LeaseRow.device).with_for_update())}
    return {
        lease: _stale(lease, newest.get(lease.device)) for lease in leases if lease.token != newest.get(lease.device)
    }


def _stale(lease: Lease, newest: int | None) -> StaleLeaseError:
    return StaleLeaseError(
        f"lease {lease.token} on device {lease.device!r} for job {lease.job_id} was taken over "
        f"(newest: {'none' if newest is None else newest})."
    )


def _locked_row(session: Session, device: str) -> LeaseRow:
    """The board's row, locked; made when this is its first lease, perhaps by somebody else at the same time."""
    row = session.get(LeaseRow, device, with_for_update=True)
    if row is None:
        with suppress(IntegrityError), session.begin_nested():
            session.add(LeaseRow(device=device, job_id=None, token=0, renewed_at="", lasts_s=0.0))
        row = session.get_one(LeaseRow, device, with_for_update=True)
    return row
