"""Runs: the attempts of a job, from their start to their end."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Select, func, select, update
from sqlalchemy.orm import Session

from controller.errors import NotFoundError
from controller.instants import Clock, as_text
from controller.jobs import Page, RunSummary
from controller.store.database import Database
from controller.store.leases import Lease, check_lease
from controller.store.paging import page, read_cursor
from controller.tables import Run, RunMethod


@dataclass(frozen=True)
class Planned:
    """An attempt to be made: its slot, and what is recorded beside it. A preparation has no variant and block 0."""

    purpose: str
    variant: str
    block: int
    position: int
    seed: int
    methods: tuple[str, ...] = ()


class Runs:
    """All attempts of all jobs."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def start(self, planned: Planned, lease: Lease) -> RunSummary:
        """Write down an attempt before the board is told, so that no run is ever unknown here.

        Raises:
            StaleLeaseError: another controller holds the board.
        """
        with self._database.writing() as session:
            check_lease(session, lease)
            row = Run(
                # Boards know runs by this name alone, also those of another database: it must not come twice.
                id=f"{lease.job_id}-{secrets.token_hex(6)}",
                job_id=int(lease.job_id),
                device=lease.device,
                purpose=planned.purpose,
                variant=planned.variant,
                block=planned.block,
                position=planned.position,
                attempt=self._attempts(session, planned, lease) + 1,
                seed=planned.seed,
                state="running",
                started_at=as_text(self._clock()),
                finished_at=None,
                failure="",
                on_agent=True,
            )
            session.add(row)
            session.flush()
            session.add_all(RunMethod(run_id=row.id, method=method) for method in sorted(set(planned.methods)))
            return summary(row)

    def get(self, run_id: str) -> RunSummary:
        """One attempt.

        Raises:
            NotFoundError: there is no such run.
        """
        with self._database.reading() as session:
            return summary(find(session, run_id))

    def of_jobs(self, job_ids: Iterable[str]) -> dict[str, list[RunSummary]]:
        """The attempts of some jobs in the order in which they were started."""
        found: dict[str, list[RunSummary]] = {job_id: [] for job_id in job_ids}
        query = select(Run).where(Run.job_id.in_([int(job_id) for job_id in found])).order_by(Run.number)
        with self._database.reading() as session:
            for row in session.scalars(query):
                found[str(row.job_id)].append(summary(row))
        return found

    def of_job(self, job_id: str) -> list[RunSummary]:
        """The attempts of one job in the order in which they were started."""
        return self.of_jobs([job_id])[job_id]

    def page(self, job_id: str, *, limit: int, cursor: str | None) -> Page[RunSummary]:
        """One page of a job's attempts in the order in which they were started."""
        query = select(Run).where(Run.job_id == int(job_id)).order_by(Run.number).limit(limit + 1)
        if (after := read_cursor(cursor, [int])) is not None:
            query = query.where(Run.number > after[0])
        with self._database.reading() as session:
            rows = list(session.scalars(query))
        found = page(rows, limit, lambda row: [row.number])
        return Page(items=[summary(row) for row in found.items], next=found.next)

    def left_on_agent(self, device: str) -> list[str]:
        """Ended attempts whose files the board may still keep, though their records are here."""
        query = select(Run.id).where(Run.device == device, Run.on_agent, Run.state != "running").order_by(Run.number)
        with self._database.reading() as session:
            return list(session.scalars(query))

    def forgotten(self, run_id: str) -> None:
        """The board keeps nothing of this run any more."""
        with self._database.writing() as session:
            session.execute(update(Run).where(Run.id == run_id).values(on_agent=False))

    def count_by_state(self) -> dict[str, int]:
        """How many measured attempts are in each state."""
        with self._database.reading() as session:
            return {row.state: row.amount for row in session.execute(_counts())}

    def _attempts(self, session: Session, planned: Planned, lease: Lease) -> int:
        """Attempts at the slot so far."""
        query = select(func.count().label("amount")).where(
            Run.job_id == int(lease.job_id),
            Run.purpose == planned.purpose,
            Run.variant == planned.variant,
            Run.block == planned.block,
        )
        return session.scalar(query) or 0


def _counts() -> Select[str, int]:
    return select(Run.state, func.count().label("amount")).where(Run.purpose == "measure").group_by(Run.state)


def find(session: Session, run_id: str, *, lock: bool = False) -> Run:
    """The run's row.

    Raises:
        NotFoundError: there is no such run.
    """
    query = select(Run).where(Run.id == run_id)
    row = session.scalar(query.with_for_update() if lock else query)
    if row is None:
        raise NotFoundError(f"there is no run {run_id[:120]!r}; GET /v1/jobs/<id>/runs lists those of a job.")
    return row


def summary(row: Run) -> RunSummary:
    """The attempt as the API shows it."""
    return RunSummary(
        id=row.id,
        job_id=str(row.job_id),
        device=row.device,
        purpose=row.purpose,
        variant=row.variant,
        block=row.block,
        attempt=row.attempt,
        state=row.state,
        started_at=row.started_at,
        finished_at=row.finished_at,
        failure=row.failure,
        seed=row.seed,
        position=row.position,
    )
