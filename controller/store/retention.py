"""Retention: raw series and files of old runs make room. Records and results stay, and what was dropped is on record.

A run keeps its series until its job has ended and its results are there, since nobody could make them afterwards.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta

from sqlalchemy import Select, delete, func, insert, or_, select
from sqlalchemy.orm import Session

from controller.analysis.measurements import Measurement
from controller.analysis.retained import Retained
from controller.analysis.symptoms import foreign_load_while_measured
from controller.instants import Clock, as_text
from controller.jobs import FINAL_JOB_STATES
from controller.store.database import Database
from controller.store.records import whole
from controller.store.results import measurements_of
from controller.tables import Artefact, DroppedRow, Job, Record, Run, SeriesDocument

_AT_ONCE = 20  # runs a transaction, so that boards which write wait for a moment only


@dataclass(frozen=True)
class Policy:
    """What is kept: series and files of runs that ended within these days, and so many bytes of them; None is all."""

    days: float | None = None
    most_bytes: int | None = None


@dataclass(frozen=True)
class Dropped:
    """Series and files that were dropped: of how many runs, and how large they were together."""

    runs: int = 0
    size_bytes: int = 0


@dataclass(frozen=True)
class _Surplus:
    """A run whose series and files are not kept."""

    run_id: str
    size_bytes: int
    why: str


class Retention:
    """What is kept of old runs."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def surplus(self, policy: Policy) -> Dropped:
        """What sweep would drop now."""
        return _together(self._surplus(policy))

    def sweep(self, policy: Policy) -> Dropped:
        """Drop what the policy does not keep, oldest first."""
        surplus = self._surplus(policy)
        dropped: list[_Surplus] = []
        for first in range(0, len(surplus), _AT_ONCE):
            with self._database.writing() as session:
                dropped += _drop(session, surplus[first : first + _AT_ONCE], as_text(self._clock()))
        return _together(dropped)

    def of_job(self, job_id: str) -> dict[str, Retained]:
        """The runs of a job whose series were dropped, each with what it had measured."""
        query = select(DroppedRow, Run).join(Run, Run.id == DroppedRow.run_id).where(Run.job_id == int(job_id))
        with self._database.reading() as session:
            rows = [(dropped, run) for dropped, run in session.execute(query)]
            known = measurements_of(session, [run.id for _, run in rows])
            return {run.id: _retained(dropped, run, known[run.id]) for dropped, run in rows}

    def _surplus(self, policy: Policy) -> list[_Surplus]:
        oldest = "" if policy.days is None else as_text(self._clock() - timedelta(days=policy.days))
        found = []
        with self._database.reading() as session:
            kept_bytes = _size(session)
            with session.execute(_oldest_first(), execution_options={"yield_per": 1000}) as rows:
                for run_id, finished_at, size in rows:
                    if finished_at < oldest:
                        why = f"they were older than {policy.days:g} days"
                    elif policy.most_bytes is not None and kept_bytes > policy.most_bytes:
                        why = f"all series and files together took more than {policy.most_bytes} bytes"
                    else:
                        break
                    kept_bytes -= size
                    found.append(_Surplus(run_id, size, why))
        return found


def _retained(dropped: DroppedRow, run: Run, measurements: Sequence[Measurement]) -> Retained:
    void = run.failure if run.state == "void" else ""
    return Retained(dropped.at, dropped.why, measurements, void, dropped.foreign_load)


def _together(surplus: Sequence[_Surplus]) -> Dropped:
    return Dropped(len(surplus), sum(one.size_bytes for one in surplus))


def _size(session: Session) -> int:
    """Bytes of all series and files."""
    sums = (select(func.sum(func.length(SeriesDocument.parquet))), select(func.sum(Artefact.size)))
    return sum(session.scalar(one) or 0 for one in sums)


def _oldest_first() -> Select[str, str, int]:
    """Runs that may lose their series and files: id, end, bytes."""
    files = select(func.coalesce(func.sum(Artefact.size), 0)).where(Artefact.run_id == Run.id).scalar_subquery()
    has_results = or_(Record.measured_by != "", Run.purpose != "measure", Run.state != "finished")
    return (
        select(Run.id, Run.finished_at, func.length(SeriesDocument.parquet) + files)
        .join(SeriesDocument, SeriesDocument.run_id == Run.id)
        .join(Record, Record.run_id == Run.id)
        .join(Job, Job.id == Run.job_id)
        .where(Run.finished_at.is_not(None), Job.state.in_(FINAL_JOB_STATES), has_results)
        .order_by(Run.finished_at, Run.number)
    )


def _drop(session: Session, surplus: Iterable[_Surplus], at: str) -> list[_Surplus]:
    """Drop what another controller has not dropped meanwhile."""
    wanted = {one.run_id: one for one in surplus}
    present = (
        select(Record.run_id, Record.document, SeriesDocument.parquet)
        .join(SeriesDocument, SeriesDocument.run_id == Record.run_id)
        .where(Record.run_id.in_(wanted))
        .order_by(Record.run_id)
        .with_for_update()
    )
    loads = {
        run_id: foreign_load_while_measured(whole(document, parquet))
        for run_id, document, parquet in session.execute(present)
    }
    dropped = [wanted[run_id] for run_id in loads]
    ids = list(loads)
    session.execute(delete(SeriesDocument).where(SeriesDocument.run_id.in_(ids)))
    session.execute(delete(Artefact).where(Artefact.run_id.in_(ids)))
    if dropped:
        rows = [{**asdict(one), "at": at, "foreign_load": loads[one.run_id]} for one in dropped]
        session.execute(insert(DroppedRow), rows)
    return dropped
