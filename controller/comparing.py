"""Stored jobs, judged: their records, with what control jobs know of the device."""

from controller.analysis.comparison import compare
from controller.analysis.noise_floor import workload_class
from controller.analysis.verdicts import Comparison
from controller.store import Store, StoredJob


def judge(store: Store, job: StoredJob, *, before: str | None = None) -> Comparison:
    """A job's comparison, from the runs there are. A control is judged by the floor from before it.

    before: or from before that job.
    """
    if before is None and job.spec.purpose == "control":
        before = job.id
    return compare(
        job.spec,
        store.records.of_job(job.id),
        job_id=job.id,
        device=job.device,
        state=job.state,
        reason=job.reason,
        noise=store.controls.noise(job.device, workload_class(job.spec.workload), before=before),
    )
