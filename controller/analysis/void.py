"""Whether a run is void: for a cause that its job declared before it started, whatever the run measured."""

from collections.abc import Iterator, Mapping

from controller.analysis import symptoms
from controller.analysis.retained import Retained
from gradfilter.bench.schema import JobSpec, RunRecord, VoidIf


def void_because(job: JobSpec, record: RunRecord) -> str:
    """Why a finished run does not count, '' where it does; a job that declared nothing has no void runs."""
    if job.void_if is None or record.state != "finished" or record.spec.purpose != "measure":
        return ""
    return "; ".join(_causes(job.void_if, record))


def why_void(job: JobSpec, record: RunRecord, retained: Mapping[str, Retained]) -> str:
    """The same of a stored run, also of one whose series, which tell the causes, were dropped."""
    kept = retained.get(record.spec.run_id)
    return void_because(job, record) if kept is None else kept.void


def _causes(declared: VoidIf, record: RunRecord) -> Iterator[str]:
    if declared.throttled and (held := symptoms.held_back(record)):
        yield f"the board held itself back ({', '.join(held)})"
    swapped = symptoms.swap_traffic(record)
    if declared.swapped_bytes is not None and swapped > declared.swapped_bytes:
        yield f"{swapped / 1e6:.3g} MB went to swap and back"
    step_s = float(record.environment.get("clock_step_s") or 0.0)
    if declared.clock_step_s is not None and abs(step_s) > declared.clock_step_s:
        yield f"the wall clock was set or stood still by {step_s:.3g} s"
    load = symptoms.foreign_load_while_measured(record)
    if declared.foreign_load is not None and load is not None and load > declared.foreign_load:
        yield f"other programs used {load:.0%} of the processors"
