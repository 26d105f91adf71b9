"""The tests that a job declares before it starts: one for each primary metric of each variant and part."""

from controller.analysis.metrics import expected_metrics
from gradfilter.bench.schema import JobSpec

Test = tuple[str, str, str]  # variant, part, metric


def declared_tests(job: JobSpec) -> list[Test]:
    """Every test that a job declares, whether or not its runs will bring the values; a quick job declares none."""
    if job.quick:
        return []
    measured = expected_metrics(job.workload).items()
    named = [(part, metric.name) for part, metrics in measured for metric in metrics if metric.name in job.primary]
    return [(variant.name, part, metric) for variant in job.variants[1:] for part, metric in named]
