"""Results by job: what the runs of each job measured of one metric, for tables and histories across jobs."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Select, exists, select
from sqlalchemy.orm import Session

from controller.analysis.across_jobs import RunValue
from controller.analysis.coverage import covers_of
from controller.jobs import Page
from controller.store.database import Database
from controller.store.jobs import StoredJob, stored_job
from controller.store.paging import page, read_cursor
from controller.store.results import ResultFilter
from controller.tables import Job, MeasurementRow, Run, RunMethod


@dataclass(frozen=True)
class JobValues:
    """A job and what its finished runs measured of one metric."""

    job: StoredJob
    values: list[RunValue]


class JobResults:
    """The metrics of all finished runs, job by job."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(self, wanted: ResultFilter, *, metric: str, limit: int, cursor: str | None = None) -> Page[JobValues]:
        """One page of jobs with results that match, newest first; all variants of each, so that ratios can be made."""
        query = _jobs(wanted, metric).order_by(Job.id.desc()).limit(limit + 1)
        if (after := read_cursor(cursor, [int])) is not None:
            query = query.where(Job.id < after[0])
        with self._database.reading() as session:
            jobs = page([stored_job(row) for row in session.scalars(query)], limit, lambda job: [int(job.id)])
            values = _values(session, [int(job.id) for job in jobs.items], metric)
        return Page(items=[JobValues(job, values[int(job.id)]) for job in jobs.items], next=jobs.next)

    def of_jobs(self, jobs: Sequence[StoredJob], metric: str) -> list[JobValues]:
        """What the finished runs of these jobs measured of another metric, in their order."""
        with self._database.reading() as session:
            values = _values(session, [int(job.id) for job in jobs], metric)
        return [JobValues(job, values[int(job.id)]) for job in jobs]

    def models(self) -> list[str]:
        """The models, and kinds of workload, of all jobs."""
        return self._distinct(select(Job.model).distinct().order_by(Job.model))

    def methods(self) -> list[str]:
        """The methods of all runs."""
        return self._distinct(select(RunMethod.method).distinct().order_by(RunMethod.method))

    def variants(self, device: str, model: str) -> list[str]:
        """The variants that finished on this device with this model."""
        jobs = select(Job.id).where(Job.device == device, Job.model == model)
        query = select(Run.variant).where(Run.job_id.in_(jobs), Run.purpose == "measure", Run.state == "finished")
        return self._distinct(query.distinct().order_by(Run.variant))

    def _distinct(self, query: Select[str]) -> list[str]:
        with self._database.reading() as session:
            return list(session.scalars(query))


def _jobs(wanted: ResultFilter, metric: str) -> Select[Job]:
    """Jobs with a result that matches. The jobs are walked from the newest on, so that few are looked at."""
    # One inside the other: of a join, SQLite would begin with all measurements of the metric.
    measured = exists().where(
        MeasurementRow.run_id == Run.id, MeasurementRow.metric == metric, MeasurementRow.value.is_not(None)
    )
    # By job, purpose and variant an index finds them; without the purpose SQLite would go through the variant's runs.
    runs = select(Run.id).where(Run.job_id == Job.id, Run.purpose == "measure", measured)
    if wanted.variant is not None:
        runs = runs.where(Run.variant == wanted.variant)
    if wanted.since is not None:
        runs = runs.where(Run.finished_at >= wanted.since)
    if wanted.method is not None:
        runs = runs.where(exists().where(RunMethod.run_id == Run.id, RunMethod.method == wanted.method))
    query = select(Job).where(runs.exists())
    for column, value in ((Job.model, wanted.model), (Job.device, wanted.device)):
        if value is not None:
            query = query.where(column == value)
    return query if wanted.job is None else query.where(Job.id == int(wanted.job))


def _values(session: Session, jobs: list[int], metric: str) -> dict[int, list[RunValue]]:
    """By job, what its runs measured, in the order of the runs; two statements, each by an index."""
    found: dict[int, list[RunValue]] = {job: [] for job in jobs}
    runs = {run.id: run for run in session.scalars(select(Run).where(Run.job_id.in_(jobs)).order_by(Run.number))}
    rows = select(MeasurementRow).where(
        MeasurementRow.metric == metric, MeasurementRow.run_id.in_(runs), MeasurementRow.value.is_not(None)
    )
    for row in sorted(session.scalars(rows), key=lambda row: (runs[row.run_id].number, row.part)):
        run = runs[row.run_id]
        if row.value is not None:
            found[run.job_id].append(RunValue(run.variant, row.part, run.block, row.value, covers_of(row.source)))
    return found
