"""What Prometheus reads of stored runs."""

from dataclasses import replace

from prometheus_client import generate_latest

from controller.run_metrics import RunMetrics
from gradfilter.bench.schema import Failure, RunSpec, SamplerReport, TrainingWorkload, Variant
from tests.controller.samples import record

SPEC = RunSpec("1", "1", TrainingWorkload(kind="training", model="tiny_cnn"), [Variant("baseline")])


def written(*records):
    metrics = RunMetrics()
    for one in records:
        metrics.stored(one)
    return generate_latest(metrics.registry).decode()


def test_a_run_is_counted_with_its_duration_and_gap():
    """Twelve seconds from the first phase to the last, half a second without a reading, one sensor given up."""
    sampler = SamplerReport(period_s=0.1, readings=10, cpu_s=0.1, worst_gap_s=0.5, dropped=["ina: it hangs"])
    text = written(replace(record(SPEC), sampler=sampler))
    assert 'gradfilter_run_duration_seconds_sum{purpose="measure"} 12.0' in text
    assert "gradfilter_sampler_worst_gap_seconds_sum 0.5" in text
    assert "gradfilter_sensors_dropped_total 1.0" in text
    assert "gradfilter_run_failures_total{" not in text


def test_failures_are_counted_by_kind():
    """A word that a board made up is no series of its own."""
    failed = replace(record(SPEC), failure=Failure("out_of_memory", "…"), phases=[])
    strange = replace(record(SPEC), failure=Failure("board-17 fell off the desk", "…"))
    text = written(failed, failed, strange)
    assert 'gradfilter_run_failures_total{kind="out_of_memory"} 2.0' in text
    assert 'gradfilter_run_failures_total{kind="other"} 1.0' in text
