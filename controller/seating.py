"""Seats for the queue: its order and each job's choice of boards, from what the database knows."""

from collections.abc import Iterator, Sequence

from controller import admission
from controller.assignment import assign, ranked
from controller.documents import JOB_SPEC
from controller.jobs import DeviceView
from controller.selection import matching
from controller.store import Store, StoredJob


def seats(store: Store, waiting: Sequence[StoredJob]) -> dict[str, str]:
    """The idle board of each waiting job that gets one now. Blocking, like the store; waiting: oldest first."""
    idle = sorted((device for device in store.devices.all() if device.health == "online"), key=_capability)
    if not idle or not waiting:
        return {}
    users = {job.user for job in waiting}
    order = ranked(waiting, store.jobs.boards_working(), store.jobs.served_at(users))
    return assign(_choices(order, idle), len(idle))


def _choices(order: Sequence[StoredJob], idle: Sequence[DeviceView]) -> Iterator[tuple[str, list[str]]]:
    """Each job with the boards that it could have; jobs that ask for the same are checked once."""
    known: dict[bytes, list[str]] = {}
    for job in order:
        wish = JOB_SPEC.dump_json(job.spec, include={"device", "workload", "variants", "needs"})
        if wish not in known:
            fitting = (device for device in matching(job.spec.device, idle) if not admission.unfit(job.spec, device))
            known[wish] = [device.name for device in fitting]
        yield job.id, known[wish]


def _capability(device: DeviceView) -> tuple[int, int, str]:
    """The least that will do goes first, so that special boards stay free for those who need them."""
    memory_bytes = 0 if device.description is None else device.description.memory_bytes
    return len(device.tags), memory_bytes, device.name
