"""Jobs: the queue and its states. A final state is final, and cancelled stays cancelled."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import CompoundSelect, Row, Select, func, literal, select, union
from sqlalchemy.orm import Session

from controller.documents import JOB_SPEC
from controller.errors import ConflictError, NotFoundError
from controller.instants import Clock, as_text
from controller.jobs import FINAL_JOB_STATES, JobState, Page
from controller.store.database import Database
from controller.store.leases import Lease, check_lease
from controller.store.paging import LARGEST_ID, page, read_cursor
from controller.tables import Job, Run, StorableText
from controller.tables import Lease as LeaseRow
from gradfilter.bench.schema import JobSpec


@dataclass(frozen=True)
class NewJobs:
    """Jobs of one user that are submitted together, one for each board."""

    specs: Sequence[JobSpec]
    user: str


@dataclass(frozen=True)
class StoredJob:
    """A job as the database knows it."""

    id: str
    spec: JobSpec
    state: JobState
    device: str
    created_at: str
    started_at: str | None
    finished_at: str | None
    reason: str
    user: str = ""
    series: str = ""


class Jobs:
    """All jobs."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._specs: dict[int, JobSpec] = {}  # of the jobs in the queue

    def add(self, spec: JobSpec, *, user: str = "") -> StoredJob:
        """Queue a job of this user."""
        [[job]] = self.add_all([NewJobs([spec], user)])
        return job

    def add_all(self, new: Sequence[NewJobs]) -> list[list[StoredJob]]:
        """Queue jobs, all of them or none."""
        rows = [[self._row(spec, one.user) for spec in one.specs] for one in new]
        with self._database.writing() as session:
            session.add_all(row for together in rows for row in together)
            session.flush()
            for together in rows:
                for row in together:
                    row.series = together[0].id
            session.flush()
            return [
                [_with_spec(row, spec) for row, spec in zip(together, one.specs, strict=True)]
                for together, one in zip(rows, new, strict=True)
            ]

    def get(self, job_id: str) -> StoredJob:
        """One job.

        Raises:
            NotFoundError: there is no such job.
        """
        with self._database.reading() as session:
            return stored_job(_find(session, job_id))

    def page(
        self,
        *,
        state: str | None,
        device: str | None,
        model: str | None,
        suite: str | None = None,
        series: int | None = None,
        limit: int,
        cursor: str | None,
    ) -> Page[StoredJob]:
        """One page of jobs, newest first."""
        query = select(Job).order_by(Job.id.desc()).limit(limit + 1)
        of_suite = Job.spec["suite"].as_string()
        if series is not None:
            query = query.where(Job.series == series)
        for column, wanted in ((Job.state, state), (Job.device, device), (Job.model, model), (of_suite, suite)):
            if wanted is not None:
                query = query.where(column == literal(wanted, StorableText))
        if (after := read_cursor(cursor, [int])) is not None:
            query = query.where(Job.id < after[0])
        return page(self._jobs(query), limit, lambda job: [int(job.id)])

    def of_series(self, series: str) -> list[StoredJob]:
        """The jobs that were submitted together for several boards, in the order of their ids."""
        return self._jobs(select(Job).where(Job.series == int(series)).order_by(Job.id))

    def size_of_series(self, series: str) -> int:
        """How many there are of them."""
        with self._database.reading() as session:
            return session.scalar(select(func.count()).where(Job.series == int(series))) or 0

    def queued(self, most: int | None = None) -> list[StoredJob]:
        """Jobs that wait for a board, oldest first; so many at most.

        The queue is asked for again and again, so what its jobs want is read once for each.
        """
        query = select(*_ALL_BUT_SPEC).where(Job.state == "queued").order_by(Job.id).limit(most)
        with self._database.reading() as session:
            rows = list(session.execute(query))
            unread = [row.id for row in rows if row.id not in self._specs]
            wanted = select(Job.id, Job.spec).where(Job.id.in_(unread))
            read = {job: JOB_SPEC.validate_python(spec) for job, spec in session.execute(wanted)}
        known = {**self._specs, **read}
        if most is None:
            self._specs = {row.id: known[row.id] for row in rows}
        return [_with_spec(row, known[row.id]) for row in rows]

    def open(self, known: Collection[str] = ()) -> dict[str, str]:
        """The board of each job that owns one, oldest first: of running ones, and of ended ones whose controller went
        away before it had closed their last attempt or given the board back. Without the ones that are known already.
        """
        owning: CompoundSelect[int] = union(
            select(Job.id).where(Job.state == "running"),
            select(Run.job_id).where(Run.state == "running"),
            select(LeaseRow.job_id).where(LeaseRow.job_id.is_not(None)),
        )
        with self._database.reading() as session:
            found = {job_id for job_id in session.scalars(owning) if str(job_id) not in known}
            boards = select(Job.id, Job.device).where(Job.id.in_(found)).order_by(Job.id)
            return {str(row.id): row.device for row in session.execute(boards)} if found else {}

    def cancelled_among(self, job_ids: Iterable[str]) -> set[str]:
        """Which of these jobs are cancelled."""
        query = select(Job.id).where(Job.id.in_([int(job_id) for job_id in job_ids]), Job.state == "cancelled")
        with self._database.reading() as session:
            return {str(job_id) for job_id in session.scalars(query)}

    def boards_working(self) -> dict[str, int]:
        """How many boards work for each user now."""
        query = select(Job.user, func.count().label("amount")).where(Job.state == "running").group_by(Job.user)
        with self._database.reading() as session:
            return {row.user: row.amount for row in session.execute(query)}

    def served_at(self, users: Iterable[str]) -> dict[str, str]:
        """When each of these users was last given a board; whoever never was is left out."""
        query = (
            select(Job.user, func.max(Job.started_at).label("instant"))
            .where(Job.user.in_(set(users)), Job.started_at.is_not(None))
            .group_by(Job.user)
        )
        with self._database.reading() as session:
            return {row.user: row.instant for row in session.execute(query)}

    def cancel(self, job_id: str) -> StoredJob:
        """Cancel a job at once; what runs on its board is stopped afterwards. Cancelling twice changes nothing.

        Raises:
            NotFoundError: there is no such job.
            ConflictError: it has ended otherwise.
        """
        with self._database.writing() as session:
            row = _find(session, job_id, lock=True)
            if row.state in ("finished", "failed"):
                raise ConflictError(f"job {job_id} is {row.state} already and cannot be cancelled.")
            if row.state != "cancelled":
                row.state, row.finished_at, row.reason = "cancelled", as_text(self._clock()), "cancelled by a user"
            return stored_job(row)

    def give_up(self, job_id: str, reason: str) -> bool:
        """End a job that no board has begun; False when one has, or when it has ended otherwise."""
        with self._database.writing() as session:
            row = _find(session, job_id, lock=True)
            if row.state != "queued":
                return False
            row.state, row.finished_at, row.reason = "failed", as_text(self._clock()), reason
            return True

    def end(self, job_id: str, state: JobState, reason: str, lease: Lease) -> bool:
        """Give a running job its final state; False when it has one already (it was cancelled meanwhile).

        Raises:
            StaleLeaseError: another controller took the job over.
        """
        with self._database.writing() as session:
            check_lease(session, lease)
            row = _find(session, job_id, lock=True)
            if row.state in FINAL_JOB_STATES:
                return False
            row.state, row.finished_at, row.reason = state, as_text(self._clock()), reason
            return True

    def count_by_state(self) -> dict[str, int]:
        """How many jobs are in each state."""
        with self._database.reading() as session:
            return {row.state: row.amount for row in session.execute(_counts())}

    def _row(self, spec: JobSpec, user: str) -> Job:
        return Job(
            spec=JOB_SPEC.dump_python(spec, mode="json"),
            model=getattr(spec.workload, "model", spec.workload.kind),
            state="queued",
            device=None,
            created_at=as_text(self._clock()),
            started_at=None,
            finished_at=None,
            reason="",
            user=user,
            series=None,
        )

    def _jobs(self, query: Select[Job]) -> list[StoredJob]:
        with self._database.reading() as session:
            return [stored_job(row) for row in session.scalars(query)]


_ALL_BUT_SPEC = [column for column in Job.__table__.c if column.name != "spec"]


def _counts() -> Select[str, int]:
    return select(Job.state, func.count().label("amount")).group_by(Job.state)


def _find(session: Session, job_id: str, *, lock: bool = False) -> Job:
    row = None
    if job_id.isascii() and job_id.isdigit() and len(job_id) <= len(str(LARGEST_ID)) and int(job_id) <= LARGEST_ID:
        row = session.get(Job, int(job_id), with_for_update=lock)
    if row is None:
        raise NotFoundError(f"there is no job {job_id[:120]!r}; `gradfilter jobs` lists them.")
    return row


def stored_job(row: Job) -> StoredJob:
    """The job in a row."""
    return _with_spec(row, JOB_SPEC.validate_python(row.spec))


def _with_spec(row: Job | Row[Any], spec: JobSpec) -> StoredJob:
    return StoredJob(
        id=str(row.id),
        spec=spec,
        state=cast("JobState", row.state),
        device=row.device or "",
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        reason=row.reason,
        user=row.user,
        series=str(row.series),
    )
