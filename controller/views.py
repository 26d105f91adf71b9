"""Jobs as the API shows them: what the database knows, with what their boards do at this moment."""

from collections.abc import Sequence

from controller.analysis.judging import plan_judgement
from controller.instants import utc_now
from controller.jobs import DeviceView, JobView, RunSummary
from controller.live import Live
from controller.progress import job_progress
from controller.store import Store, StoredJob


class JobViews:
    """Blocking, like the store."""

    def __init__(self, store: Store, live: Live) -> None:
        self._store = store
        self._live = live

    def one(self, job_id: str) -> JobView:
        """One job.

        Raises:
            NotFoundError: there is no such job.
        """
        return self.many([self._store.jobs.get(job_id)])[0]

    def many(self, jobs: Sequence[StoredJob], devices: Sequence[DeviceView] | None = None) -> list[JobView]:
        """Many jobs, with a few statements for all of them; devices: all boards, where they are known already."""
        attempts = self._store.runs.of_jobs(job.id for job in jobs)
        if devices is None:
            waiting = [job.spec.device for job in jobs if job.state == "queued"]
            devices = self._store.devices.meant(waiting) if waiting else []
        return [self._view(job, attempts[job.id], devices) for job in jobs]

    def new(self, job: StoredJob, devices: Sequence[DeviceView]) -> JobView:
        """A job that was queued just now for some of these boards."""
        return self._view(job, [], devices)

    def _view(self, job: StoredJob, attempts: Sequence[RunSummary], devices: Sequence[DeviceView]) -> JobView:
        return JobView(
            id=job.id,
            state=job.state,
            spec=job.spec,
            device=job.device,
            created_at=job.created_at,
            started_at=job.started_at,
            finished_at=job.finished_at,
            reason=job.reason,
            user=job.user,
            series=job.series,
            progress=job_progress(job, attempts, devices, self._live.now(job.id), utc_now()),
            judgement=plan_judgement(job.spec),
        )
