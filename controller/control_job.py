"""The control job (A/A): plain training against itself, which tells what a device's runs differ by of themselves."""

from typing import Any

from controller.job_file import BASELINE

_AGAIN = {"name": "again", "methods": []}


def control_job(workload: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """The job as it is sent; changes: its device, repetitions and so on."""
    variants = [BASELINE, _AGAIN]
    return {"purpose": "control", "workload": {"kind": "training", **workload}, "variants": variants, **changes}
