"""Every reason for doubt, provoked; and a clean job that gives none."""

import math
from dataclasses import replace

from controller.analysis.comparison import compare
from gradfilter.bench.schema import SamplerReport, SensorReport, Step
from tests.controller.records import (
    BASELINE,
    FILTERED,
    failed,
    gauge,
    layer_job,
    lost,
    power,
    training_job,
    whole_job,
    whole_layer_job,
)

TIMES = {"baseline": 0.06, "filtered": 0.03}


def clean_job(**changes):
    """Eight long blocks, metered, with nothing to complain about."""
    job = training_job(repetitions=8, **changes)
    records = whole_job(job, TIMES)
    for record in records:
        record.series = [power(lambda t: 5 + math.sin(t))]
    return job, records


def concerns(job, records, code, **state):
    return [concern for concern in compare(job, records, **state).concerns if concern.code == code]


def only(job, records, code, **state):
    """The one concern of this code; the clean job has none of any code."""
    found = concerns(job, records, code, **state)
    assert 1 == len(found)
    assert found[0].advice
    return found[0]


def test_a_clean_job_raises_none():
    """Eight complete blocks, long windows, a working meter: nothing is said."""
    assert [] == compare(*clean_job()).concerns


def test_too_few_repetitions_for_an_interval():
    """One block gives no interval, quick or not."""
    for quick in (True, False):
        job = training_job(repetitions=1, quick=quick)
        assert "no interval" in only(job, whole_job(job, TIMES), "too_few_repetitions").message


def test_two_blocks_are_few():
    """Two blocks give an interval from a single difference, which is said of a quick job too."""
    job = training_job(repetitions=2, quick=True)
    assert "only two complete blocks" in only(job, whole_job(job, TIMES), "too_few_repetitions").message


def test_too_few_repetitions_for_a_verdict():
    """Three blocks give intervals but could never give a verdict; a quick job does not promise one."""
    job = training_job(repetitions=3)
    assert "needs at least 7" in only(job, whole_job(job, TIMES), "too_few_repetitions").message
    assert [] == concerns(replace(job, quick=True), whole_job(job, TIMES), "too_few_repetitions")


def test_incomplete_blocks_once_the_job_has_ended():
    """Seven of eight blocks is a concern at the end, and no concern while the eighth is to come."""
    job, records = clean_job()
    assert "7 of 8 blocks" in only(job, records[:-1], "incomplete_blocks").message
    assert [] == concerns(job, records[:-1], "incomplete_blocks", state="running")


def test_failed_runs_are_counted_with_the_first_reason():
    """One of eight runs out of memory, by variant."""
    job, records = clean_job()
    concern = only(job, [*records[:-1], failed(job, "filtered", 8)], "failed_runs")
    assert ("filtered", "1 of 8 runs failed; the first: out_of_memory: out of memory") == (
        concern.variant,
        concern.message,
    )


def test_lost_attempts_are_counted():
    """One of nine attempts lost, by variant."""
    job, records = clean_job()
    concern = only(job, [*records, lost(job, "filtered", 9)], "lost_attempts")
    assert ("filtered", True) == (concern.variant, concern.message.startswith("1 of 9 attempts"))


def test_gaps_in_the_sampling():
    """A pause of more than three periods between two readings is said."""
    job, records = clean_job()
    records[0].sampler = SamplerReport(0.1, 500, 0.2, worst_gap_s=0.9)
    assert "in 1 of 8 runs the sensors were not read for up to 0.9 s" in only(job, records, "sampling_gaps").message


def test_a_sensor_that_dropped_out():
    """A sensor that stopped answering is named."""
    job, records = clean_job()
    records[0].sampler = SamplerReport(0.1, 500, 0.2, worst_gap_s=0.1, dropped=["ina"])
    assert only(job, records, "sensor_dropped").message.endswith("a sensor stopped answering: ina")


def test_what_a_present_sensor_says_of_itself():
    """A sensor that is there and has something to say is heard; the reason of one that is missing is no advice."""
    job, records = clean_job()
    records[0].sensors.append(SensorReport("raspberry_pi_pmic", present=True, reason="It was never calibrated."))
    assert "in 1 of 8 runs raspberry_pi_pmic: It was never calibrated" == only(job, records, "sensor_advice").message


def test_energy_that_nobody_metered():
    """The reason is repeated, and the advice is to ask the board."""
    job = training_job(repetitions=8)
    concern = only(job, whole_job(job, TIMES), "energy_unmeasured")
    assert "16 of 16 runs; the first: no power sensor: rapl" in concern.message
    assert "gradfilter-agent sensors" in concern.advice


def test_energy_that_was_metered_too_rarely():
    """With a meter whose readings were too few the advice is to measure longer."""
    job, records = clean_job()
    records[3].series = [power(lambda t: 5 + math.sin(t), period_s=2.0)]
    concern = only(job, records, "energy_unmeasured")
    assert ("1 of 16" in concern.message, "measured_steps" in concern.advice) == (True, True)


def test_swapping():
    """Used swap that grew during a run makes its times doubtful."""
    job, records = clean_job()
    records[0].series.append(gauge("memory", "B", "swap_used", lambda t: 0 if t < 120 else 64e6))
    assert "in 1 of 8 runs used swap grew by 64 MB" == only(job, records, "swap_used").message


def test_throttling_is_a_clock_that_falls():
    """The clock fell by a third while the board got hot; both are said."""
    job, records = clean_job()
    records[0].series += [
        gauge("frequency", "Hz", "policy0", lambda t: 1.5e9 if t < 125 else 1.0e9),
        gauge("temperature", "degC", "soc", lambda t: 50 + (t - 90) / 2),
    ]
    message = only(job, records, "throttled").message
    assert "in 1 of 8 runs the clock policy0 fell by 33% within the measured phase, at up to 78 °C" == message


def test_a_steady_clock_is_not_throttled():
    """Clocks that fluctuate around the same value, and slow cores that rest, are no throttling."""
    job, records = clean_job()
    records[0].series += [
        gauge("frequency", "Hz", "policy0", lambda t: 1.5e9 + 1e7 * (t % 2)),
        gauge("frequency", "Hz", "policy1", lambda t: 0.9e9 if t < 125 else 0.4e9),
    ]
    assert [] == concerns(job, records, "throttled")


def test_steps_that_drift():
    """Step times that grow by a fifth over the run are a trend; one slow step at the end is none."""
    job, records = clean_job()
    slow_end = replace(records[2], steps=[*records[2].steps[:-1], Step(19, "measured", 143.0, 1.0, 1.0, loss=1.0)])
    growing = [
        replace(step, forward_s=step.forward_s * (1 + 0.02 * i), backward_s=step.backward_s * (1 + 0.02 * i))
        for i, step in enumerate(records[0].steps)
    ]
    records[0], records[2] = replace(records[0], steps=growing), slow_end
    assert "in 1 of 8 runs the step time rose by" in only(job, records, "drifting").message


def test_a_short_window():
    """A measured phase under 30 s is said, with the number of steps that would do."""
    job, records = clean_job(quick=True)
    phases = [replace(p, end_s=115.0) if p.name == "measured" else p for p in records[0].phases]
    records[0].phases = phases
    concern = only(job, records, "short_window")
    assert ("lasted 10 s" in concern.message, "without quick with measured_steps of about 60" in concern.advice) == (
        True,
        True,
    )


def test_a_loss_that_was_not_finite():
    """A step without a loss in a finished run, and a run that failed by it, are both said."""
    job, records = clean_job()
    records[0].steps[-1].loss = None
    records[-1] = failed(job, "filtered", 8, "non_finite_loss", "loss became nan at step 3")
    assert {"baseline", "filtered"} == {c.variant for c in concerns(job, records, "non_finite_loss")}


def test_a_batch_that_a_method_left_out_is_no_bad_loss():
    """A step that took nothing has no loss, and that is nobody's concern."""
    job, records = clean_job()
    records[0].steps[-1] = Step(19, "measured", 143.0, 0.0, 0.0)
    assert [] == concerns(job, records, "non_finite_loss")


def test_a_test_loss_that_was_not_finite():
    """An evaluation that has an accuracy but no loss did not stay finite."""
    job, records = clean_job()
    records[0].outcome.test_loss = None
    assert "in 1 of 8 runs the test loss was not finite" == only(job, records, "non_finite_loss").message


def test_other_programs_at_work():
    """A processor that was busy while the board rested before the run is said."""
    job, records = clean_job()
    records[0].series.append(gauge("load", "ratio", "cpu", lambda t: 0.4 if t < 100 else 1.0))
    assert "other programs used 40% of the processor" in only(job, records, "high_load").message


def test_other_conditions():
    """A run under another power mode is named with both modes."""
    job, records = clean_job()
    records[0].environment["power_mode"] = "MAXN"
    message = only(job, records, "different_environment").message
    assert "1 of 8 runs are not compared: power mode MAXN instead of unknown" == message


def test_other_variables():
    """So is a variable that thread pools read and that only some runs had."""
    job, records = clean_job()
    records[0].environment["env_OMP_NUM_THREADS"] = "1"
    assert "OMP_NUM_THREADS 1 instead of unknown" in only(job, records, "different_environment").message


def test_other_parameters_by_override():
    """A variant that overrides what is trained is said to be another training."""
    job, records = clean_job(variants=[BASELINE, replace(FILTERED, trainable="head")])
    assert "filtered" == only(job, records, "different_parameters").variant


def test_other_parameters_by_count():
    """So is one whose worker counted other parameters than the baseline's."""
    job, records = clean_job()
    for record in records:
        record.outcome.trained_parameters = 10_000 if record.spec.variant.name == "baseline" else 900
    assert "(900 instead of 10,000)" in only(job, records, "different_parameters").message


def test_a_layer_is_not_a_step():
    """A layer job always carries the warning."""
    job = layer_job()
    records = whole_layer_job(job, {"baseline": (0.2, 0.05), "filtered": (0.02, 0.02)})
    assert "not a training step's" in only(job, records, "layer_speedup_only").message


def test_other_firmware():
    """So is firmware, as are the C library and the swap areas."""
    job, records = clean_job()
    records[0].environment.update(firmware="R35.4", allocator="glibc 2.36", swap_areas="/dev/zram0 2.0 GB")
    message = only(job, records, "different_environment").message
    for words in ("firmware R35.4", "C library (the allocator) glibc 2.36", "swap areas /dev/zram0 2.0 GB"):
        assert f"{words} instead of unknown" in message


def test_a_gate_that_timed_out():
    """A run that started at another temperature after all is named with both; one that passed is not."""
    job, records = clean_job()
    records[0].environment["gate"] = {"start_c": 58.25, "around_c": 50.0, "waited_s": 300.2, "passed": False}
    records[1].environment["gate"] = {"start_c": 50.5, "around_c": 50.0, "waited_s": 12.0, "passed": True}
    assert "in 1 of 8 runs the board was at 58.2 °C, not near 50.0 °C, after 300 s" == (
        only(job, records, "gate_timed_out").message
    )


def test_steps_that_never_became_steady():
    """A rehearsal that came to its limit is named with its steps."""
    job, records = clean_job()
    records[0].environment["rehearsals"] = [{"steps": 400, "seconds": 60.1, "steady": False, "medians_s": []}]
    records[1].environment["rehearsals"] = [{"steps": 12, "seconds": 6.0, "steady": True, "medians_s": [0.1] * 3}]
    assert "after 400 steps of warm-up" in only(job, records, "not_steady").message


def test_other_clocks_between_runs():
    """A run whose fastest clock was a tenth slower is said; one that is a hundredth slower is not."""
    job, records = clean_job()
    for record, clock in zip(records, (1.5e9, 1.35e9, 1.49e9), strict=False):
        record.series.append(gauge("frequency", "Hz", "policy0", lambda _, clock=clock: clock))
    assert "at 1500 MHz on average" in only(job, records, "different_clocks").message
    records[1].series.pop()
    assert [] == concerns(job, records, "different_clocks")
