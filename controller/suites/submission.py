"""A suite's job made ready for a board: what the user changed, the batch that fits, and the suite's name."""

from dataclasses import dataclass, replace
from typing import Literal

from controller.suites.batches import fit_batches
from controller.suites.catalogue import Suite, SuiteJob
from gradfilter.bench.schema import DeviceSelector, JobSpec, SystolicWorkload, TrainingWorkload


@dataclass(frozen=True)
class Changes:
    """What a user changes in every job of a suite; None leaves it as it is."""

    repetitions: int | None = None
    dataset: str | None = None
    compute: Literal["cpu", "cuda"] | None = None


def job_for_board(
    suite: Suite, job: SuiteJob, device: DeviceSelector, memory_bytes: int | None, changes: Changes
) -> JobSpec:
    """The job as it is submitted. memory_bytes: of the smallest board that may run it, None if not known."""
    spec = replace(job.for_board(device), suite=suite.name)
    if changes.repetitions is not None:
        spec = replace(spec, repetitions=changes.repetitions)
    if changes.compute is not None and not isinstance(spec.workload, SystolicWorkload):  # which runs nowhere
        spec = replace(spec, workload=replace(spec.workload, compute=changes.compute))
    if changes.dataset is not None:
        spec = _on_other_data(spec, changes.dataset)
    return fit_batches(spec, memory_bytes) if job.scale_batch else spec


def _on_other_data(spec: JobSpec, dataset: str) -> JobSpec:
    """What was published for the suite's data does not stand beside what other data give."""
    if not isinstance(spec.workload, TrainingWorkload) or spec.workload.dataset == dataset:
        return spec
    note = f"{spec.note} Data: {dataset} instead of {spec.workload.dataset}, hence without published figures.".strip()
    return replace(spec, workload=replace(spec.workload, dataset=dataset), note=note, published=[])
