"""Records: what runs observed. Raw, written once, in the same transaction that ends the attempt."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from controller import series
from controller.analysis.verification import StoredHash
from controller.digest import digest_of
from controller.documents import RUN_RECORD
from controller.errors import NotFoundError, RunClosedError
from controller.instants import Clock, as_text
from controller.store.database import Database
from controller.store.leases import Lease, check_lease
from controller.store.runs import find
from controller.tables import Record, Run, SeriesDocument
from gradfilter.bench.schema import RunRecord


class Records:
    """The raw records of all runs."""

    def __init__(self, database: Database, clock: Clock, on_record: Callable[[RunRecord], None] | None = None) -> None:
        self._database = database
        self._clock = clock
        self._on_record = on_record

    def add(self, record: RunRecord, lease: Lease, *, void: str = "") -> bool:
        """Store a record with its series and end its attempt; False when it is stored already.

        void: why the attempt does not count, by the causes that its job declared; the record stays as it came.

        Raises:
            NotFoundError: there is no such run.
            RunClosedError: the attempt has ended without a record.
            StaleLeaseError: another controller holds the board.
            ValueError: a series has not as many instants as values.
        """
        parquet = series.to_parquet(record.series)
        document = RUN_RECORD.dump_python(record, mode="json", exclude={"series"})
        with self._database.writing() as session:
            run = find(session, record.spec.run_id, lock=True)
            if session.get(Record, run.id) is not None:
                return False
            check_lease(session, lease)
            if run.state != "running":
                raise RunClosedError(f"run {run.id} is {run.state}; a record for it is not taken.")
            digest = digest_of(document, parquet)
            session.add(Record(run_id=run.id, document=document, measured_by="", digest=digest))
            session.add(SeriesDocument(run_id=run.id, parquet=parquet))
            run.state, run.finished_at = "void" if void else record.state, as_text(self._clock())
            run.failure = void or ("" if record.failure is None else record.failure.message)
        if self._on_record is not None:
            self._on_record(record)
        return True

    def document(self, run_id: str) -> dict[str, Any]:
        """The record as a JSON document, without its series.

        Raises:
            NotFoundError: there is no such run, or it has not ended.
        """
        with self._database.reading() as session:
            return _document(session, run_id)

    def series(self, run_id: str) -> bytes:
        """The run's series as a Parquet document; raises like document."""
        with self._database.reading() as session:
            _document(session, run_id)
            return session.get_one(SeriesDocument, run_id).parquet

    def get(self, run_id: str) -> RunRecord:
        """The whole record; raises like document."""
        with self._database.reading() as session:
            return _whole(_document(session, run_id), session.get_one(SeriesDocument, run_id).parquet)

    def of_job(self, job_id: str) -> list[RunRecord]:
        """The records of a job, preparations included, in the order in which their runs were started."""
        query = (
            select(Record.document, SeriesDocument.parquet)
            .join(Run, Run.id == Record.run_id)
            .join(SeriesDocument, SeriesDocument.run_id == Record.run_id)
            .where(Run.job_id == int(job_id))
            .order_by(Run.number)
        )
        with self._database.reading() as session:
            return [_whole(document, parquet) for document, parquet in session.execute(query)]

    def hashes(self, job_id: str) -> dict[str, StoredHash]:
        """Run → the hash of its raw data as it was stored, and as they are now."""
        query = (
            select(Record.run_id, Record.digest, Record.document, SeriesDocument.parquet)
            .join(Run, Run.id == Record.run_id)
            .join(SeriesDocument, SeriesDocument.run_id == Record.run_id)
            .where(Run.job_id == int(job_id))
        )
        with self._database.reading() as session:
            found = session.execute(query)
            return {run: StoredHash(digest, digest_of(document, parquet)) for run, digest, document, parquet in found}


def _document(session: Session, run_id: str) -> dict[str, Any]:
    run = find(session, run_id)
    record = session.get(Record, run.id)
    if record is None:
        raise NotFoundError(f"run {run_id} is {run.state} and has no record yet; ask again when it has ended.")
    return record.document


def _whole(document: dict[str, Any], parquet: bytes) -> RunRecord:
    record = RUN_RECORD.validate_python(document)
    record.series = series.from_parquet(parquet)
    return record
