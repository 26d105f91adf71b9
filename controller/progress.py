"""How far a job is and what it waits for: pure functions over what the database and the boards say."""

from collections.abc import Sequence
from datetime import datetime
from statistics import fmean

from controller import admission, plan
from controller.instants import from_text
from controller.jobs import FINAL_JOB_STATES, DeviceView, JobProgress, RunSummary
from controller.live import Now
from controller.selection import matching
from controller.store import StoredJob

_MOST_REASONS = 3  # of a lab full of boards that a job may have, nobody reads all


def job_progress(
    job: StoredJob, attempts: Sequence[RunSummary], devices: Sequence[DeviceView], now: Now, instant: datetime
) -> JobProgress:
    """Where the job is. Preparations are not counted among its runs; of an ended job nothing remains."""
    measured = [attempt for attempt in attempts if attempt.purpose == "measure"]
    ended = [attempt for attempt in measured if attempt.state != "running"]
    if job.state in FINAL_JOB_STATES:
        wanted = plan.blocks_wanted(job.spec, measured) * len(job.spec.variants)
        return JobProgress(runs_done=len(ended), runs_total=max(len(measured), wanted))
    remaining = plan.remaining_slots(job.spec, measured)
    return JobProgress(
        runs_done=len(ended),
        runs_total=len(measured) + len(remaining),
        seconds_left=seconds_left(measured, [slot.variant.name for slot in remaining], instant),
        running=now.running,
        waiting_for=now.waiting_for or (_queue_reason(job, devices) if job.state == "queued" else ""),
    )


def seconds_left(measured: Sequence[RunSummary], remaining: Sequence[str], instant: datetime) -> float | None:
    """Seconds until the remaining variants have run, from the runs so far; None before the first has ended."""
    ended = [run for run in measured if run.state in ("finished", "failed")]
    if not ended:
        return None
    everyone = fmean(_seconds(run, instant) for run in ended)
    own = {run.variant: [_seconds(other, instant) for other in ended if other.variant == run.variant] for run in ended}
    expected = {variant: fmean(seconds) for variant, seconds in own.items()}
    ahead = sum(expected.get(variant, everyone) for variant in remaining)
    running = [run for run in measured if run.state == "running"]
    return ahead + sum(max(0.0, expected.get(run.variant, everyone) - _seconds(run, instant)) for run in running)


def _seconds(run: RunSummary, instant: datetime) -> float:
    end = instant if run.finished_at is None else from_text(run.finished_at)
    return (end - from_text(run.started_at)).total_seconds()


def _queue_reason(job: StoredJob, devices: Sequence[DeviceView]) -> str:
    """Why a queued job has no board yet."""
    candidates = matching(job.spec.device, devices)
    if not candidates:
        wanted = job.spec.device.name or ", ".join(job.spec.device.tags)
        return f"a device {wanted!r}, which is not registered any more"
    reasons = [_why_not(job, device) for device in candidates[:_MOST_REASONS]]
    more = len(candidates) - len(reasons)
    return "; ".join([*reasons, f"or one of {more} more"] if more else reasons)


def _why_not(job: StoredJob, device: DeviceView) -> str:
    if device.health == "maintenance":
        return f"device {device.name!r}, which is in maintenance"
    if device.health == "bad":
        return f"device {device.name!r}, which takes no jobs until somebody looks: {device.health_reason}"
    if device.health == "offline":
        seen = f"last seen at {device.last_seen_at}" if device.last_seen_at else "never seen"
        return f"device {device.name!r}, {seen}: {device.health_reason}"
    if device.job not in (None, job.id):  # its own lease may already stand while its state is read
        return f"device {device.name!r}, which works on job {device.job}"
    if errors := admission.unfit(job.spec, device):
        return f"a device that can run it: {errors[0].message}"
    return f"its turn on device {device.name!r}"
