"""A lab for faults: controller, agent, sampler and worker are real processes, but the worker trains nothing.

A run takes about a second, and every patience of the controller is short, so that a fault outlasts it soon.
"""

from pathlib import Path
from typing import Any

from tests.agent.service import write_worker_python
from tests.system.lab import Lab, tiny_job

LEASE_S = 2.0
SHORT_PATIENCE = {
    "GRADFILTER_CONTROLLER_LEASE_S": str(LEASE_S),
    "GRADFILTER_CONTROLLER_TIMEOUT_S": "2",
    "GRADFILTER_CONTROLLER_POLL_WAIT_S": "0.2",  # a run is at work for a second, which must be seen
    "GRADFILTER_CONTROLLER_POLL_PAUSE_S": "0.1",
    "GRADFILTER_CONTROLLER_RETRY_S": "0.2",
    "GRADFILTER_CONTROLLER_DEVICE_POLL_S": "0.5",
}


def new_quick_lab(folder: Path) -> Lab:
    """The lab, not started yet."""
    lab = Lab(folder, worker_python=str(write_worker_python(folder)))
    lab.controller.environment |= SHORT_PATIENCE
    return lab


def quick_job(**changes: Any) -> dict[str, Any]:
    """Two variants of a worker that works for a while."""
    workload = {"kind": "training", "model": "works-for-a-while", "measured_steps": 4}
    variants = [{"name": "baseline", "methods": []}, {"name": "same", "methods": []}]
    return {**tiny_job(), "workload": workload, "variants": variants, **changes}
