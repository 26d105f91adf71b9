"""What tests put into a store: a job, an attempt under way, the results of what has finished."""

from dataclasses import replace

from controller import plan
from controller.documents import JOB_SPEC
from controller.measuring import measure_run, unmeasured_runs
from controller.store import Planned
from gradfilter.bench.schema import DeviceSelector
from tests.controller.samples import job_document

SPEC = JOB_SPEC.validate_python(job_document())


def any_board(spec):
    """The same job for whichever board is free."""
    return replace(spec, device=DeviceSelector(tags=["!none"]))


def started(store, lease, variant="baseline", block=1):
    """An attempt under way, with what its board was told."""
    planned = Planned("measure", variant, block, 0, 7, methods=() if variant == "baseline" else ("gradient_filter",))
    return plan.run_spec(SPEC, store.runs.start(planned, lease))


def fill_results(store):
    for run_id in unmeasured_runs(store):
        measure_run(store, run_id)
