"""Control jobs (A/A): what their runs measured, for the noise floor of the device they ran on."""

from itertools import islice
from math import log
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from controller.analysis.noise_floor import DeviceNoise, noise_floor, workload_class
from controller.documents import JOB_SPEC
from controller.store.database import Database
from controller.tables import Job, Mark, MeasurementRow, Run

# A device of today is known by its recent controls, not by those before its last summer.
MOST_CONTROLS = 20
_ROWS_AT_ONCE = 50


class Controls:
    """The control jobs of all devices."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def recent(self, device: str, wanted_class: str, *, before: str | None = None) -> list[str]:
        """The device's finished controls of one class of workloads, newest first; before: only those before a job.

        Those that started before the device's last mark were made on another device, as it were.
        """
        last_mark = select(func.max(Mark.at)).where(Mark.device == device).scalar_subquery()
        query = (
            select(Job.id, Job.spec)
            .where(Job.device == device, Job.state == "finished", Job.spec["purpose"].as_string() == "control")
            .where(Job.started_at > func.coalesce(last_mark, ""))
            .order_by(Job.id.desc())
        )
        if before is not None:
            query = query.where(Job.id < int(before))
        with self._database.reading() as session:
            rows = session.execute(query, execution_options={"yield_per": _ROWS_AT_ONCE})
            found = (str(job) for job, spec in rows if _class_of(spec) == wanted_class)
            return list(islice(found, MOST_CONTROLS))  # a device may have thousands, and none after these is read

    def noise(self, device: str, wanted_class: str, *, before: str | None = None) -> DeviceNoise:
        """The device's noise floors, from its recent controls; before: as they were when that job ran."""
        jobs = self.recent(device, wanted_class, before=before)
        with self._database.reading() as session:
            pairs = _log_ratios(session, [int(job) for job in jobs])
        return DeviceNoise(wanted_class, {metric: noise_floor(logs) for metric, logs in pairs.items()})


def _class_of(spec: dict[str, Any]) -> str:
    return workload_class(JOB_SPEC.validate_python(spec).workload)


def _log_ratios(session: Session, jobs: list[int]) -> dict[str, list[float]]:
    """Metric → the log-ratio of every pair of runs of a block; the parts of a workload are pairs of their own."""
    query = (
        select(Run.job_id, Run.block, MeasurementRow.part, MeasurementRow.metric, MeasurementRow.value)
        .join(Run, Run.id == MeasurementRow.run_id)
        .where(Run.job_id.in_(jobs), Run.state == "finished", MeasurementRow.value > 0)
        .order_by(Run.job_id, Run.block, Run.variant)
    )
    pairs: dict[tuple[int, int, str, str], list[float]] = {}
    for job, block, part, metric, value in session.execute(query):
        if value is not None:
            pairs.setdefault((job, block, part, metric), []).append(value)
    logs: dict[str, list[float]] = {}
    for (_, _, _, metric), values in pairs.items():
        if len(values) == 2:  # noqa: PLR2004 - a pair; of an incomplete block there is one value
            logs.setdefault(metric, []).append(log(values[1] / values[0]))
    return logs
