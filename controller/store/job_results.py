"""Results by job: what the runs of each job measured of one metric, for tables and histories across jobs."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, exists, select

from controller.analysis.across_jobs import RunValue
from controller.jobs import Page
from controller.store.database import Database
from controller.store.jobs import StoredJob, stored_job
from controller.store.paging import page, read_cursor
from controller.store.results import ResultFilter
from controller.tables import Job, MeasurementRow, Run, RunMethod


@dataclass(frozen=True)
class JobValues:
    """A job and what its finished runs measured of one metric; source: what an energy was metered by, '' else."""

    job: StoredJob
    values: list[RunValue]
    source: str = ""


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
            rows = list(session.execute(_values([int(job.id) for job in jobs.items], metric)))
        found: dict[str, list[Any]] = {job.id: [] for job in jobs.items}
        for row in rows:
            found[str(row.job_id)].append(row)
        return Page(items=[_job_values(job, found[job.id]) for job in jobs.items], next=jobs.next)

    def models(self) -> list[str]:
        """The models, and kinds of workload, of all jobs."""
        return self._distinct(select(Job.model).distinct().order_by(Job.model))

    def methods(self) -> list[str]:
        """The methods of all runs."""
        return self._distinct(select(RunMethod.method).distinct().order_by(RunMethod.method))

    def variants(self, metric: str, device: str, model: str) -> list[str]:
        """The variants that have results of this metric, on this device with this model."""
        query = (
            select(Run.variant)
            .join(Job, Job.id == Run.job_id)
            .join(MeasurementRow, MeasurementRow.run_id == Run.id)
            .where(MeasurementRow.metric == metric, Run.device == device, Job.model == model)
        )
        return self._distinct(query.distinct().order_by(Run.variant))

    def _distinct(self, query: Select[str]) -> list[str]:
        with self._database.reading() as session:
            return list(session.scalars(query))


def _jobs(wanted: ResultFilter, metric: str) -> Select[Job]:
    """Jobs with a result that matches. The jobs are walked from the newest on, so that few are looked at."""
    runs = (
        select(Run.id)
        .join(MeasurementRow, MeasurementRow.run_id == Run.id)
        .where(Run.job_id == Job.id, MeasurementRow.metric == metric, MeasurementRow.value.is_not(None))
    )
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


def _values(jobs: list[int], metric: str) -> Select[Any, Any, Any, Any, Any, Any]:
    columns = (Run.job_id, Run.variant, Run.block, MeasurementRow.part, MeasurementRow.value, MeasurementRow.source)
    return (
        select(*columns)
        .join(MeasurementRow, MeasurementRow.run_id == Run.id)
        .where(Run.job_id.in_(jobs), MeasurementRow.metric == metric, MeasurementRow.value.is_not(None))
        .order_by(Run.number)
    )


def _job_values(job: StoredJob, rows: list[Any]) -> JobValues:
    values = [RunValue(row.variant, row.part, row.block, row.value) for row in rows]
    return JobValues(job, values, rows[0].source if rows else "")
