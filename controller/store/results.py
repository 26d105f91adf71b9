"""Results: the metrics of finished runs across jobs. A cache over the records, made again at will."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Exists, Select, delete, exists, insert, or_, select, tuple_
from sqlalchemy.orm import Session

from controller.analysis.coverage import covers_of
from controller.analysis.measurements import Measurement
from controller.analysis.uncertainty import Uncertainty
from controller.jobs import Page, ResultRow
from controller.store.database import Database
from controller.store.paging import Key, page, read_cursor
from controller.tables import DroppedRow, Job, MeasurementRow, Record, Run, RunMethod

_BATCH = 1000
_ALL_CAUSES = "causes that were not kept apart"
# As runs ended: those since an instant are then found by an index.
_ORDER = (Run.finished_at, Run.number)
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


@dataclass(frozen=True)
class Measured:
    """What one run measured, and which version of the measures found it."""

    measurements: Sequence[Measurement]
    version: str

    def rows(self, run_id: str) -> list[dict[str, Any]]:
        """The same as rows of MeasurementRow."""
        return [_row(run_id, measurement) for measurement in self.measurements]


class Results:
    """The metrics of all finished runs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def unmeasured(self, version: str) -> list[str]:
        """Finished runs whose metrics were not filled in by this version of the measures, and can be."""
        query = (
            select(Run.id)
            .join(Record, Record.run_id == Run.id)
            .where(or_(Record.measured_by < version, Record.measured_by > version))  # an index finds these
            .where(Run.purpose == "measure", Run.state == "finished")
            .where(~exists().where(DroppedRow.run_id == Run.id))
            .order_by(Run.number)
        )
        with self._database.reading() as session:
            return list(session.scalars(query))

    def fill(self, run_id: str, measured: Measured) -> None:
        """Replace a run's metrics and note which version of the measures they are from.

        Without effect once its series are gone.
        """
        with self._database.writing() as session:
            record = session.get_one(Record, run_id, with_for_update=True)
            if session.get(DroppedRow, run_id) is not None:
                return  # what was measured while there were series stays
            record.measured_by = measured.version
            session.execute(delete(MeasurementRow).where(MeasurementRow.run_id == run_id))
            if rows := measured.rows(run_id):
                session.execute(insert(MeasurementRow), rows)

    def page(self, wanted: ResultFilter, *, limit: int, cursor: str | None) -> Page[ResultRow]:
        """One page of results; the run that ended first comes first."""
        runs, rows = _runs(wanted), _rows(wanted)
        if (after := read_cursor(cursor, [str, int, str, str])) is not None:
            runs = runs.where(tuple_(*_ORDER) >= tuple_(*after[: len(_ORDER)]))
            rows = rows.where(tuple_(*_ORDER, MeasurementRow.metric, MeasurementRow.part) > tuple_(*after))
        with self._database.reading() as session:
            # Of the run that the page before ended with, perhaps nothing is left.
            ids = list(session.scalars(runs.limit(limit + 2))) if _is_known(session, wanted) else []
            rows = rows.where(MeasurementRow.run_id.in_(ids)).limit(limit + 1)
            found = page(list(session.execute(rows)), limit, _key)
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


def _is_known(session: Session, wanted: ResultFilter) -> bool:
    """Whether anybody ever used the method and measured the metric: else all runs would be looked through in vain."""
    pairs = ((RunMethod.method, wanted.method), (MeasurementRow.metric, wanted.metric))
    return all(session.scalar(select(exists().where(column == value))) for column, value in pairs if value is not None)


def _runs(wanted: ResultFilter) -> Select[str]:
    """The ids of runs with a result that matches, walked in their order, so that few are looked at."""
    # One inside the other: of a join, a database would begin with all measurements of the metric.
    query = select(Run.id).where(_has_results(wanted)).order_by(*_ORDER)
    for column, value in ((Run.device, wanted.device), (Run.variant, wanted.variant)):
        if value is not None:
            query = query.where(column == value)
    if wanted.model is not None:
        query = query.where(exists().where(Job.id == Run.job_id, Job.model == wanted.model))
    if wanted.job is not None:
        query = query.where(Run.job_id == int(wanted.job))
    if wanted.since is not None:
        query = query.where(Run.finished_at >= wanted.since)
    if wanted.method is not None:
        query = query.where(exists().where(RunMethod.run_id == Run.id, RunMethod.method == wanted.method))
    return query


def _has_results(wanted: ResultFilter) -> Exists:
    results = exists().where(MeasurementRow.run_id == Run.id)
    return results if wanted.metric is None else results.where(MeasurementRow.metric == wanted.metric)


def _rows(wanted: ResultFilter) -> Select[Any, Any, Any]:
    """The results of runs that match, in their order."""
    query = (
        select(MeasurementRow, Run, Job.model)
        .join(Run, Run.id == MeasurementRow.run_id)
        .join(Job, Job.id == Run.job_id)
        .order_by(*_ORDER, MeasurementRow.metric, MeasurementRow.part)
    )
    return query if wanted.metric is None else query.where(MeasurementRow.metric == wanted.metric)


def _key(row: Any) -> Key:
    measurement, run, _ = row
    return [run.finished_at or "", run.number, measurement.metric, measurement.part]


def _results(session: Session, rows: Sequence[Any]) -> list[ResultRow]:
    methods: dict[str, list[str]] = {run.id: [] for _, run, _ in rows}
    query = select(RunMethod).where(RunMethod.run_id.in_(methods)).order_by(RunMethod.method)
    for found in session.scalars(query):
        methods[found.run_id].append(found.method)
    query_dropped = select(DroppedRow.run_id, DroppedRow.at).where(DroppedRow.run_id.in_(methods))
    dropped: dict[str, str] = {row.run_id: row.at for row in session.execute(query_dropped)}
    return [
        replace(_result(measurement, run, model, methods[run.id]), series_dropped_at=dropped.get(run.id))
        for measurement, run, model in rows
    ]


def measurements_of(session: Session, run_ids: Sequence[str]) -> dict[str, list[Measurement]]:
    """What runs measured, as it is stored: the causes of an uncertainty are known together only."""
    found: dict[str, list[Measurement]] = {run_id: [] for run_id in run_ids}
    for row in session.scalars(select(MeasurementRow).where(MeasurementRow.run_id.in_(run_ids))):
        kept = {name: getattr(row, name) for name in _KEPT}
        error = None if row.standard_uncertainty is None else Uncertainty({_ALL_CAUSES: row.standard_uncertainty})
        found[row.run_id].append(Measurement(**kept, uncertainty=error))
    return found


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


def _row(run_id: str, measurement: Measurement) -> dict[str, Any]:
    kept = {name: getattr(measurement, name) for name in _KEPT}
    uncertainty = None if measurement.uncertainty is None else measurement.uncertainty.standard
    return {"run_id": run_id, "standard_uncertainty": uncertainty, **kept}
