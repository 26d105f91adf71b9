"""The window: how long a run is measured beyond its workload's steps, and that nothing but its length tells."""

import pytest

SHORT = {"seconds": 1.5, "most_s": 30.0}


def measured_seconds(run):
    """The length of the measured phases together; each ends where the next phase begins."""
    phases = run.of("phase")
    ends = [phase["at_s"] for phase in phases[1:]] + [run.of("end")[0]["at_s"]]
    return sum(end - phase["at_s"] for phase, end in zip(phases, ends) if phase["name"] == "measured")


@pytest.fixture(name="runs", scope="module")
def fixture_runs(run_worker, spec, filtered):
    """A run of three steps, and one that is measured for a second and a half."""
    return [run_worker(spec(variants=[filtered], window=window)) for window in (None, SHORT)]


def test_a_window_of_seconds_is_filled_with_steps(runs):
    """
    Three tiny steps last no second and a half: more are measured, counted on, with a loss like any other.
    """
    plain, longer = runs
    assert 3 == len(plain.steps("measured"))
    steps = longer.steps("measured")
    assert measured_seconds(longer) >= 1.5
    assert list(range(1, 1 + len(steps))) == [step["index"] for step in steps]
    assert all(step["loss"] is not None for step in steps)


def test_what_was_trained_is_the_same_however_long_the_window(runs):
    """
    Losses of the workload's own steps, score and gradients are those of a run without a window.
    """
    plain, longer = runs
    assert plain.losses == longer.losses[: len(plain.losses)]
    for name in ("test_accuracy", "test_loss", "gradients", "saved_activation_bytes", "layers"):
        assert plain.outcome[name] == longer.outcome[name]


def test_steps_alone_suffice_where_they_last_long_enough(run_worker, spec):
    """
    The longest of what is asked for counts: a window shorter than the steps adds none.
    """
    assert 3 == len(run_worker(spec(window={"seconds": 1e-6})).steps("measured"))


def test_each_shape_of_a_layer_job_is_measured_so_long(run_worker, spec):
    """
    Two shapes have two windows.
    """
    shape = {"batch_size": 1, "in_channels": 2, "out_channels": 2, "height": 4, "width": 4}
    workload = {"kind": "conv_layer", "shapes": [shape, dict(shape, height=8)], "measured_steps": 1, "threads": 1}
    run = run_worker(spec(workload, window={"seconds": 0.5}))
    assert measured_seconds(run) >= 1.0
    assert all(len(run.steps("measured", part)) > 1 for part in {step["part"] for step in run.of("step")})
