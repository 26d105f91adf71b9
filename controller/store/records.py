"""Records: what runs observed. Raw, written once, in the same transaction that ends the attempt."""

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.orm import Session
from typing_extensions import Self

from controller import series
from controller.analysis.verification import StoredHash
from controller.digest import digest_of
from controller.documents import RUN_RECORD
from controller.errors import NotFoundError, RunClosedError, StaleLeaseError
from controller.instants import Clock, as_text
from controller.jobs import ending
from controller.store.database import Database
from controller.store.leases import Lease, stale_among
from controller.store.results import Measured
from controller.store.runs import find, unknown
from controller.tables import Base, DroppedRow, MeasurementRow, Record, Run, SeriesDocument
from gradfilter.bench.schema import RunRecord

_END = (
    update(Run)
    .where(Run.id == bindparam("ended"))
    .values(state=bindparam("state"), finished_at=bindparam("finished_at"), failure=bindparam("failure"))
)


@dataclass(frozen=True)
class NewRecord:
    """A record as it is stored: its series apart, as Parquet, and the hash over both. void: why it does not count."""

    record: RunRecord
    lease: Lease
    measured: Measured | None
    document: dict[str, Any]
    parquet: bytes
    digest: str
    void: str

    @classmethod
    def of(cls, record: RunRecord, lease: Lease, measured: Measured | None, void: str) -> Self:
        """Make what is stored of a record.

        Raises:
            ValueError: a series has not as many instants as values.
        """
        parquet = series.to_parquet(record.series)
        document = RUN_RECORD.dump_python(record, mode="json", exclude={"series"})
        return cls(record, lease, measured, document, parquet, digest_of(document, parquet), void)

    @property
    def run_id(self) -> str:
        """Whose record it is."""
        return self.record.spec.run_id

    def end(self, instant: str) -> dict[str, str]:
        """What becomes of its attempt, for the statement that ends it."""
        state, failure = ending(self.record, self.void)
        return {"ended": self.run_id, "state": state, "finished_at": instant, "failure": failure}


class Records:
    """The raw records of all runs."""

    def __init__(self, database: Database, clock: Clock, on_record: Callable[[RunRecord], None] | None = None) -> None:
        self._database = database
        self._clock = clock
        self._on_record = on_record

    def add(self, record: RunRecord, lease: Lease, measured: Measured | None = None, *, void: str = "") -> bool:
        """Store a record with its series and results and end its attempt; False when it is stored already.

        void: why the attempt does not count, by the causes that its job declared; the record stays as it came.

        Raises:
            NotFoundError: there is no such run.
            RunClosedError: the attempt has ended without a record.
            StaleLeaseError: another controller holds the board.
            ValueError: a series has not as many instants as values.
        """
        [is_new] = self.add_all([NewRecord.of(record, lease, measured, void)])
        if isinstance(is_new, Exception):
            raise is_new
        return is_new

    def add_all(self, new: Sequence[NewRecord]) -> list[bool | Exception]:
        """Store records of several boards; in place of one that is not taken, what to raise."""
        with self._database.writing() as session:
            verdicts = _judged(session, new)
            taken = [one for one, verdict in zip(new, verdicts, strict=True) if verdict is True]
            _insert(session, taken)
            ends = [one.end(as_text(self._clock())) for one in taken]
            if ends:
                session.connection().execute(_END, ends)
        if self._on_record is not None:
            for one in taken:
                self._on_record(one.record)
        return verdicts

    def document(self, run_id: str) -> dict[str, Any]:
        """The record as a JSON document, without its series.

        Raises:
            NotFoundError: there is no such run, or it has not ended.
        """
        with self._database.reading() as session:
            return _document(session, run_id)

    def series(self, run_id: str) -> bytes:
        """The run's series as a Parquet document; raises like document, also where they were dropped."""
        with self._database.reading() as session:
            _document(session, run_id)
            row = session.get(SeriesDocument, run_id)
            if row is None:
                raise _dropped(session, run_id)
            return row.parquet

    def get(self, run_id: str) -> RunRecord:
        """The whole record, without series where they were dropped; raises like document."""
        with self._database.reading() as session:
            row = session.get(SeriesDocument, run_id)
            return whole(_document(session, run_id), None if row is None else row.parquet)

    def of_job(self, job_id: str) -> list[RunRecord]:
        """The records of a job, preparations included, in the order in which their runs were started.

        Those whose series were dropped come without.
        """
        query = (
            select(Record.document, SeriesDocument.parquet)
            .join(Run, Run.id == Record.run_id)
            .outerjoin(SeriesDocument, SeriesDocument.run_id == Record.run_id)
            .where(Run.job_id == int(job_id))
            .order_by(Run.number)
        )
        with self._database.reading() as session:
            return [whole(document, parquet) for document, parquet in session.execute(query)]

    def hashes(self, job_id: str) -> dict[str, StoredHash]:
        """Run → the hash of its raw data as it was stored, and as they are now; '' where series were dropped."""
        query = (
            select(Record.run_id, Record.digest, Record.document, SeriesDocument.parquet)
            .join(Run, Run.id == Record.run_id)
            .outerjoin(SeriesDocument, SeriesDocument.run_id == Record.run_id)
            .where(Run.job_id == int(job_id))
        )
        with self._database.reading() as session:
            return {run: _hash(*stored) for run, *stored in session.execute(query)}


def _judged(session: Session, new: Sequence[NewRecord]) -> list[bool | Exception]:
    """Whether each record is to be stored, False of one that is already, or why it is not taken; all are locked."""
    stale = stale_among(session, [one.lease for one in new])
    ids = {one.run_id for one in new}
    states = select(Run.id, Run.state).where(Run.id.in_(ids)).order_by(Run.id).with_for_update()
    known: dict[str, str] = {row.id: row.state for row in session.execute(states)}
    stored = set(session.scalars(select(Record.run_id).where(Record.run_id.in_(ids))))
    verdicts: list[bool | Exception] = []
    for one in new:
        verdicts.append(_verdict(one, known, stored, stale))
        stored.add(one.run_id)
    return verdicts


def _verdict(
    one: NewRecord, known: Mapping[str, str], stored: Container[str], stale: Mapping[Lease, StaleLeaseError]
) -> bool | Exception:
    if one.run_id not in known:
        return unknown(one.run_id)
    if one.run_id in stored:
        return False
    if one.lease in stale:
        return stale[one.lease]
    state = known[one.run_id]
    return state == "running" or RunClosedError(f"run {one.run_id} is {state}; a record for it is not taken.")


def _insert(session: Session, new: Sequence[NewRecord]) -> None:
    rows: dict[type[Base], list[dict[str, Any]]] = {
        Record: [_row(one) for one in new],
        SeriesDocument: [{"run_id": one.run_id, "parquet": one.parquet} for one in new],
        MeasurementRow: [row for one in new if one.measured is not None for row in one.measured.rows(one.run_id)],
    }
    connection = session.connection()  # which asks for less than the session: no row becomes an object
    for table, values in rows.items():
        if values:
            connection.execute(insert(table), values)


def _row(new: NewRecord) -> dict[str, Any]:
    measured_by = "" if new.measured is None else new.measured.version
    return {"run_id": new.run_id, "document": new.document, "measured_by": measured_by, "digest": new.digest}


def _document(session: Session, run_id: str) -> dict[str, Any]:
    run = find(session, run_id)
    record = session.get(Record, run.id)
    if record is None:
        raise NotFoundError(f"run {run_id} is {run.state} and has no record yet; ask again when it has ended.")
    return record.document


def _dropped(session: Session, run_id: str) -> NotFoundError:
    row = session.get_one(DroppedRow, run_id)
    return NotFoundError(f"the series of run {run_id} were dropped at {row.at}, because {row.why}; its results stay.")


def _hash(digest: str, document: dict[str, Any], parquet: bytes | None) -> StoredHash:
    return StoredHash(digest, "" if parquet is None else digest_of(document, parquet))


def whole(document: dict[str, Any], parquet: bytes | None) -> RunRecord:
    """A record as it came, from its parts; without series where they were dropped."""
    record = RUN_RECORD.validate_python(document)
    record.series = [] if parquet is None else series.from_parquet(parquet)
    return record
