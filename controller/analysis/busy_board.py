"""Whether a job was measured while other programs had the board: then its times are of no use, and are said to be."""

from controller.analysis.evidence import Evidence, Run
from controller.analysis.symptoms import NOTABLE_FOREIGN_LOAD, foreign_load_while_measured
from gradfilter.bench.schema import SystolicWorkload

_MANY_RUNS = 0.5  # of those compared; what disturbs fewer is a concern about those


def busy_board(evidence: Evidence) -> str:
    """A sentence for the headline where most of the compared runs were disturbed, '' elsewhere and of a simulation."""
    runs = [run for variant in evidence.job.variants for run in evidence.used(variant.name)]
    loads = [load for run in runs if (load := _foreign_load(run)) is not None]
    disturbed = [load for load in loads if load > NOTABLE_FOREIGN_LOAD]
    if len(disturbed) <= _MANY_RUNS * len(runs) or isinstance(evidence.job.workload, SystolicWorkload):
        return ""
    return (
        f"Measured on a busy board, so that times and energies are of no use: other programs took up to "
        f"{max(disturbed):.0%} of its processor, and more than {NOTABLE_FOREIGN_LOAD:.0%} in {len(disturbed)} of "
        f"{len(runs)} runs."
    )


def _foreign_load(run: Run) -> float | None:
    return foreign_load_while_measured(run.record) if run.retained is None else run.retained.foreign_load
