"""Whether a board can be trusted: one that fails its control twice in a row takes no jobs until somebody has looked."""

from controller.analysis.controls import control_failure
from controller.analysis.noise_floor import workload_class
from controller.comparing import judge
from controller.errors import NotFoundError
from controller.jobs import DeviceChange
from controller.store import Store

_IN_A_ROW = 2


def heed_control(store: Store, job_id: str) -> str:
    """Look at an ended job; where it is the last of controls that failed, its board is bad, and why is returned."""
    job = store.jobs.get(job_id)
    if job.spec.purpose != "control" or job.state != "finished":
        return ""
    newest = store.controls.recent(job.device, workload_class(job.spec.workload))[:_IN_A_ROW]
    if len(newest) < _IN_A_ROW:
        return ""
    # By the floor from before them all: the first that failed has raised it for those after it.
    failures = [control_failure(judge(store, store.jobs.get(control), before=newest[-1])) for control in newest]
    if not all(failures):
        return ""
    fault = f"{'; '.join(failures)}. Look at its cooling, supply and other programs, then clear the fault."
    try:
        store.devices.change(job.device, DeviceChange(fault=fault[:1000]))
    except NotFoundError:  # nobody can be given a board that is registered no more
        return ""
    return fault
