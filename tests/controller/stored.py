"""What tests put into a store: a job, an attempt under way, the results of what has finished."""

from dataclasses import replace

from controller import plan
from controller.documents import JOB_SPEC
from controller.jobs import NewDevice
from controller.measuring import measure_run, unmeasured_runs
from controller.store import Planned
from gradfilter.bench.schema import DeviceSelector
from tests.controller.samples import DEVICE, job_document

SPEC = JOB_SPEC.validate_python(job_document())


def any_board(spec):
    """The same job for whichever board is free."""
    return replace(spec, device=DeviceSelector(tags=["!none"]))


def leased(store, user="", seconds=10):
    """The lease of a job that was given the store's first board."""
    store.devices.add(NewDevice(DEVICE, "http://nano-1:8101"))
    return store.leases.start(store.jobs.add(SPEC, user=user).id, DEVICE, seconds)


def started(store, lease, variant="baseline", block=1):
    """An attempt under way, with what its board was told."""
    planned = Planned("measure", variant, block, 0, 7, methods=() if variant == "baseline" else ("gradient_filter",))
    return plan.run_spec(SPEC, store.runs.start(planned, lease))


def fill_results(store):
    for run_id in unmeasured_runs(store):
        measure_run(store, run_id)
