"""Phases of decoding and measuring, epochs and their evaluations, in a real worker process."""

import pytest


def phases(run):
    return [phase["name"] for phase in run.of("phase")]


@pytest.fixture(name="epochs", scope="module")
def fixture_epochs(run_worker, spec):
    """Two epochs of 22 steps: 1438 images in batches of 64."""
    return run_worker(spec({"epochs": 2, "batch_size": 64, "image_size": 8}))


def test_epoch_is_a_pass_over_the_images(epochs):
    """
    The warm-up's step comes first, then as many whole batches per epoch as there are images for.
    """
    assert 0 == epochs.status
    assert (1, 2 * (1438 // 64)) == (len(epochs.steps("warm_up")), len(epochs.steps("measured")))
    assert list(range(45)) == [step["index"] for step in epochs.of("step")]
    assert {"event": "progress", "done": 45, "total": 45} == epochs.of("progress")[-1]


def test_every_epoch_is_evaluated(epochs):
    """
    One evaluation per epoch, outside the measured phases; the last is the run's result.
    """
    assert ["setup", "data", "warm_up", *["data", "measured", "evaluation"] * 2] == phases(epochs)
    outcome = epochs.outcome
    assert [1, 2] == [evaluation["epoch"] for evaluation in outcome["evaluations"]]
    last = outcome["evaluations"][-1]
    assert (outcome["test_accuracy"], outcome["test_loss"]) == (last["accuracy"], last["loss"])
    assert outcome["evaluations"][0]["loss"] != last["loss"]


def test_evaluating_between_epochs_leaves_training_alone(epochs, run_worker, spec):
    """
    The same steps without the evaluation between them have the same losses.
    """
    straight = run_worker(spec({"measured_steps": 44, "batch_size": 64, "image_size": 8}))
    assert epochs.losses == straight.losses
    assert [] == straight.outcome["evaluations"]


def test_steps_wait_for_data_in_phases_of_its_own(run_worker, spec):
    """
    A batch of 12 MiB: four are decoded at a time, the last phase decodes what is left, and the peak is recorded.
    """
    run = run_worker(spec({"batch_size": 64, "image_size": 128, "warm_up_steps": 0, "measured_steps": 6}))
    assert ["setup", *["data", "measured"] * 2, "evaluation"] == phases(run)
    starts = [phase["at_s"] for phase in run.of("phase")]
    steps = run.steps("measured")
    assert all(starts[2] < step["start_s"] < starts[3] for step in steps[:4])
    assert all(starts[4] < step["start_s"] < starts[5] for step in steps[4:])
    values = {name: value for event in run.of("environment") for name, value in event["values"].items()}
    assert 4 * 64 * (3 * 128 * 128 * 4 + 8) == values["data_ahead_bytes"]
