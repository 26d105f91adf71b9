"""Runs: the attempts of a job, from their start to their end."""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from sqlalchemy import CompoundSelect, Row, and_, func, insert, literal, select, tuple_, union_all, update
from sqlalchemy.orm import Session

from controller.errors import NotFoundError, StaleLeaseError
from controller.instants import Clock, as_text
from controller.jobs import Page, RunSummary
from controller.store.database import Database
from controller.store.leases import Lease, stale_among
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


_SHOWN = [getattr(Run, field.name) for field in fields(RunSummary)]
_USUAL, _ALL = ("finished", "measure"), ("", "")  # a state and a purpose
_Place = tuple[int, str, str, int]  # job, purpose, variant, block: what attempts are counted for


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
        [started] = self.start_all([(planned, lease)])
        if isinstance(started, StaleLeaseError):
            raise started
        return started

    def start_all(self, plans: Sequence[tuple[Planned, Lease]]) -> list[RunSummary | StaleLeaseError]:
        """Write down attempts, one of each board; in place of one whose lease was taken over, what to raise.

        Raises:
            ValueError: two are for one board, whose attempts could not be told apart by their numbers.
        """
        if len({lease for _, lease in plans}) < len(plans):
            raise ValueError("a board makes one attempt at a time")
        with self._database.writing() as session:
            stale = stale_among(session, [lease for _, lease in plans])
            allowed = [(planned, lease) for planned, lease in plans if lease not in stale]
            before = _attempts_at(session, allowed)
            runs = [self._first_state(planned, lease, before) for planned, lease in allowed]
            if runs:
                session.execute(insert(Run), [_row(run) for run in runs])
            if methods := [
                row for (planned, _), run in zip(allowed, runs, strict=True) for row in _methods(run.id, planned)
            ]:
                session.execute(insert(RunMethod), methods)
        started = iter(runs)
        return [stale.get(lease) or next(started) for _, lease in plans]

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
        # Plain rows: a page of jobs has hundreds of attempts, and entities of them would cost more than all else.
        query = select(*_SHOWN).where(Run.job_id.in_([int(job_id) for job_id in found])).order_by(Run.number)
        with self._database.reading() as session:
            for row in session.execute(query):
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

    def forgotten(self, run_ids: Sequence[str]) -> list[None]:
        """The boards keep nothing of these runs any more."""
        with self._database.writing() as session:
            session.execute(update(Run).where(Run.id.in_(run_ids)).values(on_agent=False))
        return [None] * len(run_ids)

    def count_by_state(self) -> dict[str, int]:
        """How many measured attempts are in each state."""
        with self._database.reading() as session:
            counts = {(row.state, row.purpose): row.amount for row in session.execute(_counts())}
        usual = counts.pop(_ALL) - sum(counts.values())
        measured = {state: amount for (state, purpose), amount in counts.items() if purpose == "measure"}
        return measured | ({_USUAL[0]: usual} if usual else {})

    def _first_state(self, planned: Planned, lease: Lease, before: Mapping[_Place, int]) -> RunSummary:
        return RunSummary(
            # Boards know runs by this name alone, also those of another database: it must not come twice.
            id=f"{lease.job_id}-{secrets.token_hex(6)}",
            job_id=lease.job_id,
            device=lease.device,
            purpose=planned.purpose,
            variant=planned.variant,
            block=planned.block,
            attempt=before.get(_place(planned, lease), 0) + 1,
            state="running",
            started_at=as_text(self._clock()),
            finished_at=None,
            failure="",
            seed=planned.seed,
            position=planned.position,
        )


def _place(planned: Planned, lease: Lease) -> _Place:
    return int(lease.job_id), planned.purpose, planned.variant, planned.block


def _attempts_at(session: Session, plans: Sequence[tuple[Planned, Lease]]) -> dict[_Place, int]:
    """How many attempts there were at each place that has any."""
    place = (Run.job_id, Run.purpose, Run.variant, Run.block)
    wanted = tuple_(*place).in_([_place(planned, lease) for planned, lease in plans])
    counted = session.execute(select(*place, func.count()).where(wanted).group_by(*place))
    return {(job, purpose, variant, block): amount for job, purpose, variant, block, amount in counted}


def _row(run: RunSummary) -> dict[str, Any]:
    return {**asdict(run), "job_id": int(run.job_id), "on_agent": True}


def _methods(run_id: str, planned: Planned) -> list[dict[str, str]]:
    return [{"run_id": run_id, "method": method} for method in sorted(set(planned.methods))]


def _counts() -> CompoundSelect[Any]:
    """Every state and purpose but the usual ones, and all together; one statement, so that all are of one instant.

    Of a million runs nearly all are the usual ones. A database counts a whole table far faster than a part of it.
    """
    usual_state, usual_purpose = _USUAL
    of_usual_state = Run.state == usual_state
    others = (
        Run.state < usual_state,
        Run.state > usual_state,
        and_(of_usual_state, Run.purpose < usual_purpose),
        and_(of_usual_state, Run.purpose > usual_purpose),
    )
    everything = select(func.count()).select_from(Run).scalar_subquery()
    columns = (Run.state, Run.purpose, func.count().label("amount"))
    return union_all(
        *(select(*columns).where(other).group_by(Run.state, Run.purpose) for other in others),
        select(literal(_ALL[0]), literal(_ALL[1]), everything),
    )


def find(session: Session, run_id: str) -> Run:
    """The run's row.

    Raises:
        NotFoundError: there is no such run.
    """
    row = session.scalar(select(Run).where(Run.id == run_id))
    if row is None:
        raise unknown(run_id)
    return row


def unknown(run_id: str) -> NotFoundError:
    """What to raise where there is no such run."""
    return NotFoundError(f"there is no run {run_id[:120]!r}; GET /v1/jobs/<id>/runs lists those of a job.")


def summary(row: Run | Row[Any]) -> RunSummary:
    """The attempt as the API shows it; row: an entity, or one of its columns."""
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
