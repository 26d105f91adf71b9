"""A job's records become verdicts: runs are the sample, pairs are made in complete blocks only."""

import math
import random
from dataclasses import replace

import pytest

from controller.analysis.comparison import compare
from gradfilter.bench.schema import Failure, Outcome, RunRecord, RunSpec, Variant
from tests.controller.records import (
    BASELINE,
    COARSE,
    ENVIRONMENT,
    FILTERED,
    failed,
    finished,
    layer_job,
    lost,
    power,
    segmentation,
    training_job,
    whole_job,
    whole_layer_job,
)

TIMES = {"baseline": 0.06, "filtered": 0.03, "coarse": 0.02}


def metric(comparison, variant, name, part=0):
    return next(v for v in comparison.variants if v.variant == variant).parts[part].metrics[name]


def codes(comparison):
    return {concern.code for concern in comparison.concerns}


def test_a_clear_speed_up_is_found():
    """Half the backward time over three blocks is a speed-up of two with an interval that excludes one."""
    job = training_job()
    comparison = compare(job, whole_job(job, TIMES), job_id="7", device="nano-1")
    backward = metric(comparison, "filtered", "backward")
    assert ("7", "nano-1", 3, 3, "", "baseline") == (
        comparison.job_id,
        comparison.device,
        comparison.blocks_complete,
        comparison.blocks_wanted,
        comparison.missing,
        comparison.baseline,
    )
    assert (pytest.approx(2.0, rel=0.05), 3, True) == (backward.ratio.value, backward.ratio.n, backward.clear)
    assert 1 < backward.ratio.low < backward.ratio.value < backward.ratio.high


def test_the_order_of_records_does_not_matter():
    """Records come back in any order; the comparison is the same."""
    job = training_job()
    records = whole_job(job, TIMES)
    shuffled = random.Random(1).sample(records, len(records))
    assert compare(job, records) == compare(job, shuffled)


def test_dropped_batches_are_told_of_where_a_variant_drops_any():
    """A job without them says nothing; with them, every variant's share and what a batch costs all told."""
    job = training_job()
    records = whole_job(job, TIMES)
    assert not {"kept_batches", "batch_time"} & set(compare(job, records).variants[0].parts[0].metrics)
    for record in records:
        if record.spec.variant.name == "filtered":
            record.steps = [
                replace(step, forward_s=0.0, backward_s=0.0, optimizer_s=0.0) if step.index % 2 else step
                for step in record.steps
            ]
    comparison = compare(job, records)
    kept = [metric(comparison, name, "kept_batches").estimate.value for name in ("baseline", "filtered")]
    assert [1.0, 0.5] == kept
    assert metric(comparison, "filtered", "batch_time").ratio.value == pytest.approx(
        2 * metric(comparison, "filtered", "step_time").ratio.value, rel=0.05
    )


def test_equal_variants_are_not_clearly_different():
    """Two variants that differ only by noise have an interval around one."""
    job = training_job()
    step = metric(compare(job, whole_job(job, {"baseline": 0.06, "filtered": 0.06})), "filtered", "step_time")
    assert (False, True) == (step.clear, step.ratio.low < 1 < step.ratio.high)


def test_bytes_are_compared_exactly_and_accuracy_by_difference():
    """A quarter of the saved bytes is exact; accuracy is a difference, not a ratio."""
    job = training_job()
    records = whole_job(job, TIMES)
    for record in records:
        record.outcome.test_accuracy = 0.9 + 0.001 * record.spec.block * (1 + (record.spec.variant.name == "filtered"))
    comparison = compare(job, records)
    saved, accuracy = (metric(comparison, "filtered", name) for name in ("saved_activation_bytes", "test_accuracy"))
    assert (0.25, True, True) == (pytest.approx(saved.ratio.value), saved.ratio.exact, saved.clear)
    assert (None, pytest.approx(0.002), False) == (accuracy.ratio, accuracy.difference.value, accuracy.clear)


def test_no_interval_reaches_where_the_quantity_cannot_be():
    """Runs that differ widely have intervals, after every epoch too, that end at 100 % and at 0 s."""
    job, records = segmentation()
    for record in [record for record in records if record.spec.purpose == "measure"]:
        accuracy = (0.5, 0.99, 1.0)[record.spec.block - 1]
        record.outcome.test_accuracy = record.outcome.evaluations[0].accuracy = accuracy
        for step in record.steps:
            step.forward_s *= accuracy**9
    for variant in compare(job, records).variants:
        metrics = variant.parts[0].metrics
        assert 1.0 == metrics["test_accuracy"].estimate.high == variant.epochs[0].metrics["test_accuracy"].high
        assert 0.0 == metrics["forward"].estimate.low


def test_the_baseline_is_not_compared_with_itself():
    """The baseline has estimates, and neither ratio nor difference."""
    job = training_job()
    found = compare(job, whole_job(job, TIMES)).variants[0].parts[0].metrics.values()
    assert {(None, None, None)} == {(m.ratio, m.difference, m.clear) for m in found}


def test_one_repetition_has_no_interval():
    """With one run of each variant there is a ratio, and nobody knows whether it is clear."""
    job = training_job(repetitions=1)
    comparison = compare(job, whole_job(job, TIMES))
    backward = metric(comparison, "filtered", "backward")
    assert (None, None, None) == (backward.estimate.low, backward.ratio.low, backward.clear)
    assert ("one repetition gives no intervals", True) == (comparison.missing, "no interval" in comparison.headline)


class TestBlocks:
    def test_a_failed_run_takes_its_block_out_of_the_pairs(self):
        """The other run of that block is shown but not paired."""
        job = training_job()
        records = [r for r in whole_job(job, TIMES) if (r.spec.block, r.spec.variant.name) != (2, "filtered")]
        comparison = compare(job, [*records, failed(job, "filtered", 2)])
        assert 3 == metric(comparison, "baseline", "backward").estimate.n
        assert 2 == metric(comparison, "filtered", "backward").ratio.n
        assert (2, "2 of 3 blocks are complete") == (comparison.blocks_complete, comparison.missing)
        filtered = comparison.variants[1]
        assert (2, 1, 0) == (filtered.runs_valid, filtered.runs_failed, filtered.runs_lost)
        assert ["block 2, attempt 1: out_of_memory: out of memory"] == filtered.failures

    def test_a_replacement_block_makes_up_for_a_lost_attempt(self):
        """The lost attempt is counted, its block is not paired, and the block added at the end is."""
        job = training_job(repetitions=2)
        longer = replace(job, repetitions=3)
        records = [r for r in whole_job(longer, TIMES) if (r.spec.block, r.spec.variant.name) != (1, "filtered")]
        comparison = compare(job, [*records, lost(job, "filtered", 1)])
        assert (2, 2, "") == (comparison.blocks_complete, comparison.blocks_wanted, comparison.missing)
        assert (2, 1) == (metric(comparison, "filtered", "backward").ratio.n, comparison.variants[1].runs_lost)

    def test_a_variant_that_always_fails_does_not_stop_the_others(self):
        """Out of memory in every block, one variant has reasons; the rest is compared."""
        job = training_job([BASELINE, FILTERED, COARSE])
        records = [r for r in whole_job(job, TIMES) if r.spec.variant.name != "coarse"]
        comparison = compare(job, [*records, *(failed(job, "coarse", block) for block in (1, 2, 3))])
        assert 3 == metric(comparison, "filtered", "backward").ratio.n
        backward = metric(comparison, "coarse", "backward")
        assert (None, True) == (backward.estimate, "out of memory" in backward.unmeasured)
        assert "no finished run of coarse" == comparison.missing

    def test_a_variant_that_has_not_run_yet_keeps_its_block_open(self):
        """While a job runs, a block counts only once all its variants have finished."""
        job = training_job([BASELINE, FILTERED, COARSE])
        comparison = compare(job, whole_job(job, TIMES)[:2], state="running")
        assert (0, None) == (comparison.blocks_complete, metric(comparison, "filtered", "backward").ratio)
        assert comparison.headline.startswith("No comparison: no finished run of coarse")

    def test_preparations_and_cancelled_runs_are_no_evidence(self):
        """Only finished measured runs are the sample."""
        job = training_job()
        records = whole_job(job, TIMES)
        preparation = RunRecord(RunSpec("p", "job-1", job.workload, job.variants, purpose="prepare"), "finished")
        cancelled = replace(records[0], state="cancelled", spec=replace(records[0].spec, block=4))
        assert compare(job, records) == compare(job, [*records, preparation, cancelled])


class TestWhatMustAgree:
    def test_runs_under_other_conditions_are_not_compared(self):
        """A run with another torch version is left out, and the concern names the difference."""
        job = training_job()
        records = whole_job(job, TIMES)
        records[-1].environment["torch"] = "2.1.0"
        comparison = compare(job, records)
        backward = metric(comparison, "filtered", "backward")
        assert (2, 2) == (backward.estimate.n, backward.ratio.n)
        concern = next(c for c in comparison.concerns if c.code == "different_environment")
        assert ("filtered", "1 of 3 runs are not compared: torch version 2.1.0 instead of 1.10.2") == (
            concern.variant,
            concern.message,
        )

    def test_a_variant_wholly_under_other_conditions_is_shown_alone(self):
        """Its times are there, its ratio is not."""
        job = training_job()
        records = whole_job(job, TIMES)
        for record in records:
            if record.spec.variant.name == "filtered":
                record.environment = {**ENVIRONMENT, "governor": "powersave"}
        backward = metric(compare(job, records), "filtered", "backward")
        assert (3, None, None) == (backward.estimate.n, backward.ratio, backward.clear)

    def test_energy_from_another_meter_is_withheld(self):
        """When the board's input could not be read in one run, its package's energy is not mixed in."""
        job = training_job()
        records = whole_job(job, TIMES)
        for i, record in enumerate(records):
            covers, name = ("package", "package-0") if i == 3 else ("board_input", "VDD_IN")
            record.series = [power(lambda t: 5 + math.sin(t), covers=covers, name=name)]
        comparison = compare(job, records)
        energy = metric(comparison, "filtered", "energy_per_step")
        assert (2, 2, "board_input (ina: VDD_IN)") == (energy.estimate.n, energy.ratio.n, energy.source)
        assert "different_environment" in codes(comparison)

    def test_the_environment_says_what_varied(self):
        """What the compared runs share is stated; what differs without harm is said to vary."""
        job = training_job(repetitions=1)
        records = whole_job(job, TIMES)
        records[0].environment["load"] = {"one_minute": 0.1}
        records[1].environment["load"] = {"one_minute": 0.4}
        environment = compare(job, records).environment
        assert ("1.10.2", "varied between runs, 0.1 in the first and 0.4 in the last") == (
            environment["torch"],
            environment["load.one_minute"],
        )


class TestHeadline:
    def test_it_says_gain_surety_and_cost(self):
        """Backward, whole step and accuracy, each with its interval; three blocks give no verdict."""
        job = training_job()
        records = whole_job(job, TIMES)
        for record in records:
            record.outcome.test_accuracy = 0.9 + 0.01 * record.spec.block * (record.spec.variant.name == "filtered")
        assert (
            "filtered: backward 2.03× faster (1.89–2.18), whole step inconclusive, 1.44× faster (1.39–1.48); "
            "accuracy +2.0 points (−0.5 to +4.5). Provisional, floor unknown (0 of 20 A/A pairs)."
            == compare(job, records).headline
        )

    def test_a_quick_job_says_that_nothing_was_tested(self):
        """Intervals, and the words no test."""
        job = training_job(quick=True)
        assert compare(job, whole_job(job, TIMES)).headline.endswith("Quick job: intervals, no test.")

    def test_slower_is_said_as_slower(self):
        """A variant that takes twice the time is not called 0.5 times faster."""
        job = training_job()
        headline = compare(job, whole_job(job, {"baseline": 0.03, "filtered": 0.06})).headline
        assert "backward 1.97× slower (1.84–2.12)" in headline

    def test_noise_is_not_called_a_gain(self):
        """Where the interval holds one, the sentence says so before the number."""
        job = training_job(repetitions=8)
        headline = compare(job, whole_job(job, {"baseline": 0.06, "filtered": 0.06})).headline
        assert "backward not clearly different" in headline
        assert "whole step inconclusive, 1.0" in headline

    def test_other_parameters_are_said(self):
        """A variant that trains other parameters is marked where its numbers are quoted."""
        job = training_job([BASELINE, replace(FILTERED, trainable="head")])
        assert "filtered (different parameters trained):" in compare(job, whole_job(job, TIMES)).headline

    def test_layers_are_not_sold_as_steps(self):
        """A layer job quotes its shapes' backward only beside forward and backward, and says that neither is a step."""
        job = layer_job()
        headline = compare(job, whole_layer_job(job, {"baseline": (0.2, 0.05), "filtered": (0.02, 0.02)})).headline
        assert [True, True] == [f"{words} 2." in headline for words in ("layers: backward", ", forward and backward")]
        assert "over 2 shapes; neither is a network's training step." in headline

    def test_a_segmentation_is_judged_by_its_miou(self):
        """Where runs have a mIoU, it is what the headline tells, in points."""
        headline = compare(*segmentation()).headline
        assert "; mIoU −2.00 points" in headline
        assert "accuracy" not in headline

    def test_many_variants_are_two_clauses(self):
        """Of more than three variants the fastest and the slowest are quoted, and it is said that they are."""
        names = ["a", "b", "c", "d"]
        job = training_job([BASELINE, *(Variant(name) for name in names)])
        times = {"baseline": 0.06, "a": 0.03, "b": 0.01, "c": 0.05, "d": 0.09}
        headline = compare(job, whole_job(job, times)).headline
        assert headline.startswith("Of 4 variants, the fastest and the slowest. b: ")
        assert (True, False) == (" d: " in headline, " a: " in headline)


class TestWhatIsMissing:
    def test_no_run_yet(self):
        """A job that has just started has every metric, each saying that no run has ended."""
        job = training_job()
        comparison = compare(job, [], state="running")
        assert ("no run has finished yet", set()) == (comparison.missing, codes(comparison))
        assert "no run of this variant has ended yet" == metric(comparison, "filtered", "backward").unmeasured

    def test_a_failed_preparation_is_the_reason(self):
        """A workload that cannot be is refused before any run, and the comparison repeats why."""
        job = training_job()
        spec = RunSpec("p", "job-1", job.workload, job.variants, purpose="prepare")
        refused = RunRecord(
            spec, "failed", failure=Failure("refused", "last:99 is more than the model has.", "trainable")
        )
        comparison = compare(job, [refused], state="failed", reason="")
        assert "the preparation failed: last:99 is more than the model has; no run has finished" == comparison.missing

    def test_a_baseline_that_always_fails(self):
        """Without a baseline there are estimates and no comparison."""
        job = training_job()
        records = [r for r in whole_job(job, TIMES) if r.spec.variant.name == "filtered"]
        comparison = compare(job, [*records, *(failed(job, "baseline", block) for block in (1, 2, 3))])
        assert "the baseline 'baseline' has no finished run, so nothing can be compared with it" == comparison.missing
        assert (3, None) == (
            metric(comparison, "filtered", "backward").estimate.n,
            metric(comparison, "filtered", "backward").ratio,
        )

    def test_a_single_variant(self):
        """One variant is measured, and the comparison says that there is nothing to compare it with."""
        job = training_job([BASELINE])
        comparison = compare(job, whole_job(job, TIMES))
        assert "No comparison: the job has one variant, so there is nothing to compare it with." == comparison.headline

    def test_a_metric_that_one_run_lacks_uses_the_others(self):
        """An outcome missing in one run lowers n; it does not become zero."""
        job = training_job()
        records = [*whole_job(job, TIMES)[:-1], finished(job, "filtered", 3, outcome=Outcome())]
        accuracy = metric(compare(job, records), "filtered", "test_accuracy")
        assert (2, 2) == (accuracy.estimate.n, accuracy.difference.n)


def test_layers_are_compared_shape_by_shape():
    """Each shape has its own ratio; the peak memory belongs to the whole run."""
    job = layer_job()
    comparison = compare(job, whole_layer_job(job, {"baseline": (0.2, 0.05), "filtered": (0.02, 0.025)}))
    first, second = (metric(comparison, "filtered", "backward", part).ratio.value for part in (0, 1))
    assert (pytest.approx(10, rel=0.05), pytest.approx(2, rel=0.05)) == (first, second)
    assert 3 == metric(comparison, "filtered", "peak_rss_bytes", 2).ratio.n
