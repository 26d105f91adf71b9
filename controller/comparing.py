"""Stored jobs, judged: their records, with what control jobs know of the device."""

from dataclasses import replace

from controller.analysis.across_devices import across_devices
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
        retained=store.retention.of_job(job.id),
        noise=store.controls.noise(job.device, workload_class(job.spec.workload), before=before),
    )


def judge_across(store: Store, job: StoredJob) -> Comparison:
    """A job's comparison, with what the same job found on the other boards that it was submitted for."""
    series = store.jobs.of_series(job.series)
    comparisons = {one.id: judge(store, one) for one in series}
    if len(comparisons) == 1:
        return comparisons[job.id]
    return replace(comparisons[job.id], across=across_devices(list(comparisons.values())))
