"""What a job measures next, read off its attempts and the store, so that a restart changes nothing."""

from collections.abc import Sequence
from dataclasses import replace

from controller import plan
from controller.comparing import judge
from controller.jobs import RunSummary
from controller.store import Store, StoredJob


def next_slot(store: Store, job: StoredJob, attempts: Sequence[RunSummary]) -> plan.Slot | None:
    """The slot to run next, after these measured attempts; None when the plan is done, or enough is known at a look."""
    wanted = plan.blocks_wanted(job.spec, attempts)
    remaining = plan.remaining_slots(job.spec, attempts, wanted)
    more = plan.next_look(job.spec, wanted)
    if not remaining and more is not None and not _knows_enough(store, job):
        remaining = plan.remaining_slots(job.spec, attempts, more)
    return replace(remaining[0], is_last=len(remaining) == 1) if remaining else None


def first_ended(job: StoredJob, attempts: Sequence[RunSummary]) -> RunSummary | None:
    """Of these measured attempts the one at whose start every other is to start; None before it, or without a gate."""
    if job.spec.gate is None or job.spec.gate.around_c is not None:
        return None
    return next((attempt for attempt in attempts if attempt.state in ("finished", "void")), None)


def start_c(store: Store, run: RunSummary) -> float | None:
    """How warm the board was when an ended run started; None without a thermometer."""
    found = (store.records.document(run.id)["environment"].get("gate") or {}).get("start_c")
    return None if found is None else float(found)


def _knows_enough(store: Store, job: StoredJob) -> bool:
    stopping = judge(store, job).stopping
    return stopping is None or stopping.enough
