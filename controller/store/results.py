"""Results: the metrics of finished runs across jobs. A cache over the records, made again at will."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, delete, select, tuple_
from sqlalchemy.orm import Session

from controller.analysis.coverage import covers_of
from controller.analysis.measurements import Measurement
from controller.jobs import Page, ResultRow
from controller.store.database import Database
from controller.store.paging import Key, page, read_cursor
from controller.tables import Job, MeasurementRow, Record, Run, RunMethod

_BATCH = 1000
_KEPT = ("metric", "part", "value", "unit", "kind", "reason", "source")


@dataclass(frozen=True)
class ResultFilter:
    """Which results; None takes all. method: a method of the variant. since: an instant as text."""

    model: str | None = None
    method: str | None = None
    device: str | None = None
    metric: str | None = None
    variant: str | None = None
    job: str | None = None
    since: str | None = None


class Results:
    """The metrics of all finished runs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def unmeasured(self, version: str) -> list[str]:
        """Finished runs whose metrics were not filled in by this version of the measures."""
        query = (
            select(Run.id)
            .join(Record, Record.run_id == Run.id)
            .where(Run.purpose == "measure", Run.state == "finished", Record.measured_by != version)
            .order_by(Run.number)
        )
        with self._database.reading() as session:
            return list(session.scalars(query))

    def fill(self, run_id: str, measurements: Sequence[Measurement], version: str) -> None:
        """Replace a run's metrics and note which version of the measures they are from."""
        with self._database.writing() as session:
            session.get_one(Record, run_id, with_for_update=True).measured_by = version
            session.execute(delete(MeasurementRow).where(MeasurementRow.run_id == run_id))
            session.add_all(_row(run_id, measurement) for measurement in measurements)

    def page(self, wanted: ResultFilter, *, limit: int, cursor: str | None) -> Page[ResultRow]:
        """One page of results, oldest run first."""
        query = _query(wanted)
        if (after := read_cursor(cursor, [int, str, str])) is not None:
            query = query.where(tuple_(Run.number, MeasurementRow.metric, MeasurementRow.part) > tuple_(*after))
        with self._database.reading() as session:
            rows = list(session.execute(query.limit(limit + 1)))
            found = page(rows, limit, _key)
            return Page(items=_results(session, found.items), next=found.next)

    def all(self, wanted: ResultFilter) -> Iterator[ResultRow]:
        """All results, read page by page so that no transaction stays open between them."""
        cursor: str | None = None
        while True:
            found = self.page(wanted, limit=_BATCH, cursor=cursor)
            yield from found.items
            cursor = found.next
            if cursor is None:
                return


def _query(wanted: ResultFilter) -> Select[Any, Any, Any]:
    query = (
        select(MeasurementRow, Run, Job.model)
        .join(Run, Run.id == MeasurementRow.run_id)
        .join(Job, Job.id == Run.job_id)
        .order_by(Run.number, MeasurementRow.metric, MeasurementRow.part)
    )
    columns = (
        (Job.model, wanted.model),
        (Run.device, wanted.device),
        (Run.variant, wanted.variant),
        (MeasurementRow.metric, wanted.metric),
    )
    for column, value in columns:
        if value is not None:
            query = query.where(column == value)
    if wanted.job is not None:
        query = query.where(Run.job_id == int(wanted.job))
    if wanted.since is not None:
        query = query.where(Run.finished_at >= wanted.since)
    if wanted.method is not None:
        query = query.where(Run.id.in_(select(RunMethod.run_id).where(RunMethod.method == wanted.method)))
    return query


def _key(row: Any) -> Key:
    measurement, run, _ = row
    return [run.number, measurement.metric, measurement.part]


def _results(session: Session, rows: Sequence[Any]) -> list[ResultRow]:
    methods: dict[str, list[str]] = {run.id: [] for _, run, _ in rows}
    query = select(RunMethod).where(RunMethod.run_id.in_(methods)).order_by(RunMethod.method)
    for found in session.scalars(query):
        methods[found.run_id].append(found.method)
    return [_result(measurement, run, model, methods[run.id]) for measurement, run, model in rows]


def _result(measurement: MeasurementRow, run: Run, model: str, methods: list[str]) -> ResultRow:
    return ResultRow(
        run_id=run.id,
        job_id=str(run.job_id),
        device=run.device,
        model=model,
        variant=run.variant,
        methods=methods,
        block=run.block,
        metric=measurement.metric,
        part=measurement.part,
        value=measurement.value,
        unit=measurement.unit,
        standard_uncertainty=measurement.standard_uncertainty,
        kind=measurement.kind,
        reason=measurement.reason,
        source=measurement.source,
        covers=covers_of(measurement.source),
        finished_at=run.finished_at or "",
    )


def _row(run_id: str, measurement: Measurement) -> MeasurementRow:
    kept = {name: getattr(measurement, name) for name in _KEPT}
    uncertainty = None if measurement.uncertainty is None else measurement.uncertainty.standard
    return MeasurementRow(run_id=run_id, standard_uncertainty=uncertainty, **kept)
