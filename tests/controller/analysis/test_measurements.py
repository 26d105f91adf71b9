"""One run reduced to one number per metric."""

import math
from dataclasses import replace

import pytest

from controller.analysis.measurements import measure
from gradfilter.bench.schema import Outcome, Phase, Step
from tests.controller.records import (
    PHASES,
    SHAPES,
    failed,
    finished,
    finished_layers,
    layer_job,
    power,
    segmentation,
    training_job,
)

JOB = training_job()


def by_metric(record, part=""):
    return {m.metric: m for m in measure(record) if m.part == part}


def test_times_are_medians_over_the_measured_steps():
    """One slow step and the warm-up leave the medians alone; the step time is the sum of its three parts."""
    record = finished(JOB, "baseline", 1, forward_s=0.03, backward_s=0.06, optimizer_s=0.01)
    record.steps[-1] = Step(19, "measured", 143.0, 3.0, 6.0, 1.0, loss=1.0)
    found = by_metric(record)
    assert (0.03, 0.06, 0.01) == tuple(found[name].value for name in ("forward", "backward", "optimizer"))
    assert (0.10, "s", "measured") == (pytest.approx(found["step_time"].value), found["step_time"].unit, "measured")


def dropping(record, every):
    """The record with every so-manieth measured step a dropped batch, which takes no time."""
    record.steps = [
        replace(step, forward_s=0.0, backward_s=0.0, optimizer_s=0.0, loss=None) if step.index % every == 0 else step
        for step in record.steps
    ]
    return record


def test_dropped_batches_leave_step_times_and_lower_the_time_per_batch():
    """Times are of the steps that trained; what a batch of the budget costs is the mean over all of them."""
    record = dropping(finished(JOB, "baseline", 1, forward_s=0.03, backward_s=0.06, optimizer_s=0.01), every=2)
    found = by_metric(record)
    assert (0.5, pytest.approx(0.10)) == (found["kept_batches"].value, found["step_time"].value)
    assert pytest.approx(0.05) == found["batch_time"].value


def test_run_whose_batches_were_all_dropped_has_no_step_time():
    """Its batches cost nothing, and of a step there is nothing to say."""
    found = by_metric(dropping(finished(JOB, "baseline", 1), every=1))
    assert (None, "no measured step was trained") == (found["step_time"].value, found["step_time"].reason)
    assert (0.0, 0.0) == (found["kept_batches"].value, found["batch_time"].value)


def test_data_loading_is_no_part_of_the_step():
    """Time spent on the data is recorded apart and not counted."""
    record = finished(JOB, "baseline", 1)
    record.steps = [replace(step, data_s=5.0) for step in record.steps]
    assert 0.10 == pytest.approx(by_metric(record)["step_time"].value)


def test_data_loading_is_what_was_made_ready_for_measured_steps():
    """5 s and 1 s before the two measured phases and 0.1 s inside each of 20 steps are 0.4 s a step."""
    _, (_, record, *_) = segmentation()
    record.steps = [replace(step, data_s=0.1) for step in record.steps]
    loading = by_metric(record)["data_time"]
    assert (pytest.approx(0.4), "s", "measured") == (loading.value, loading.unit, loading.kind)


def test_data_made_ready_for_the_warm_up_is_not_counted():
    """A phase of data before the warm-up belongs to no measured step."""
    record = finished(JOB, "baseline", 1, phases=[Phase("data", 90.0, 99.0), *PHASES[2:3], *PHASES[2:]])
    assert "data_time" not in by_metric(record)


def test_scores_of_a_segmentation_are_there_where_a_run_has_them():
    """mIoU and mean accuracy come with a segmentation's outcome; a classification does not list them."""
    _, (_, record, *_) = segmentation()
    names = ("test_miou", "test_mean_accuracy")
    assert [0.401, 0.501] == [pytest.approx(by_metric(record)[name].value) for name in names]
    assert set() == set(names) & set(by_metric(finished(JOB, "baseline", 1)))


def test_energy_is_that_of_the_measured_phase_per_step():
    """5 W over the 40 s of 20 measured steps are 10 J a step."""
    record = finished(JOB, "baseline", 1, series=[power(lambda t: 5 + math.sin(2 * math.pi * t))])
    energy = by_metric(record)["energy_per_step"]
    assert (10.0, "J", "") == (pytest.approx(energy.value, rel=1e-3), energy.unit, energy.reason)
    assert "board_input (ina: VDD_IN)" == energy.source


def test_what_was_not_measured_says_why():
    """No number is invented: energy without a meter, and an outcome that the worker did not report."""
    found = by_metric(finished(JOB, "baseline", 1, outcome=Outcome()))
    assert (None, "no power sensor: rapl: no RAPL counter") == (
        found["energy_per_step"].value,
        found["energy_per_step"].reason,
    )
    for metric in ("saved_activation_bytes", "peak_rss_bytes", "test_accuracy", "test_loss"):
        assert (None, True) == (found[metric].value, found[metric].reason.startswith("the worker reported no"))


def test_an_accuracy_of_zero_is_a_number():
    """Zero is measured, not missing."""
    record = finished(JOB, "baseline", 1, outcome=Outcome(test_accuracy=0.0))
    assert 0.0 == by_metric(record)["test_accuracy"].value


def test_layers_are_measured_one_by_one():
    """A layer job gives each shape its times and saved bytes, and the process its peak memory."""
    record = finished_layers(layer_job(), "baseline", 1, backward_s=(0.2, 0.05))
    first, second = (by_metric(record, shape.label) for shape in SHAPES)
    assert ["forward", "backward", "step_time", "saved_activation_bytes"] == list(first)
    assert (0.204, 0.051) == (pytest.approx(first["backward"].value), pytest.approx(second["backward"].value))
    assert 0.214 == pytest.approx(first["step_time"].value)
    assert ["peak_rss_bytes"] == list(by_metric(record))


def test_a_failed_run_is_measured_as_far_as_it_got():
    """A run that failed before its first step yields reasons, no error."""
    assert {None} == {m.value for m in measure(failed(JOB, "filtered", 1))}
