"""What a job measures next, read off the store: nothing is remembered, so that a restart changes nothing."""

from controller import plan
from controller.comparing import judge
from controller.store import Store, StoredJob


def next_slot(store: Store, job: StoredJob) -> plan.Slot | None:
    """The slot to run next; None when the plan is done, or enough is known at a look."""
    attempts = [attempt for attempt in store.runs.of_job(job.id) if attempt.purpose == "measure"]
    wanted = plan.blocks_wanted(job.spec, attempts)
    remaining = plan.remaining_slots(job.spec, attempts, wanted)
    more = plan.next_look(job.spec, wanted)
    if not remaining and more is not None and not _knows_enough(store, job):
        remaining = plan.remaining_slots(job.spec, attempts, more)
    return remaining[0] if remaining else None


def _knows_enough(store: Store, job: StoredJob) -> bool:
    stopping = judge(store, job).stopping
    return stopping is None or stopping.enough
