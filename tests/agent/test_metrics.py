"""What Prometheus reads of a board's runs."""

from agent.metrics import Metrics
from gradfilter.bench.schema import (
    Failure,
    Phase,
    RunRecord,
    RunSpec,
    SamplerReport,
    TrainingWorkload,
    Variant,
)

SPEC = RunSpec("run-1", "1", TrainingWorkload(kind="training", model="tiny_cnn"), [Variant("baseline")])


def written(*records):
    metrics = Metrics()
    for record in records:
        metrics.run_ended(record)
    return metrics.text().decode()


def test_a_run_is_counted_with_its_duration_and_gap():
    """Twelve seconds from the first phase to the last, half a second without a reading, one sensor given up."""
    sampler = SamplerReport(period_s=0.1, readings=10, cpu_s=0.1, worst_gap_s=0.5, dropped=["ina: it hangs"])
    phases = [Phase("setup", 3.0, 5.0), Phase("measured", 5.0, 15.0)]
    text = written(RunRecord(spec=SPEC, state="finished", phases=phases, sampler=sampler))
    assert 'gradfilter_agent_runs_total{state="finished"} 1.0' in text
    assert "gradfilter_agent_run_duration_seconds_sum 12.0" in text
    assert "gradfilter_agent_sampler_worst_gap_seconds_sum 0.5" in text
    assert "gradfilter_agent_sensors_dropped_total 1.0" in text
    assert "gradfilter_agent_run_failures_total{" not in text


def test_failures_are_counted_by_kind():
    """Also a run whose end could not be written, which is lost for now."""
    failed = RunRecord(spec=SPEC, state="failed", failure=Failure("out_of_memory", "…"))
    text = written(failed, failed, None)
    assert 'gradfilter_agent_run_failures_total{kind="out_of_memory"} 2.0' in text
    assert 'gradfilter_agent_runs_total{state="failed"} 2.0' in text
    assert 'gradfilter_agent_runs_total{state="lost"} 1.0' in text
