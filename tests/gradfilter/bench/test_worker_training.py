"""The training workload in a real worker process."""

import math

import pytest


@pytest.fixture(name="filtered_run", scope="module")
def fixture_filtered_run(run_worker, spec, filtered):
    return run_worker(spec(variants=[filtered]))


def test_run_tells_its_story_in_order(baseline):
    """
    Phases follow one another, every step is reported, and the end closes the record.
    """
    assert 0 == baseline.status
    story = ["setup", "data", "warm_up", "data", "measured", "evaluation"]
    assert story == [phase["name"] for phase in baseline.of("phase")]
    assert [(0, "warm_up"), (1, "measured"), (2, "measured"), (3, "measured")] == [
        (step["index"], step["phase"]) for step in baseline.of("step")
    ]
    assert {"event": "progress", "done": 4, "total": 4} == baseline.of("progress")[-1]
    assert "end" == baseline.events[-1]["event"]


def test_steps_lie_inside_their_phase(baseline):
    """
    Instants are of one clock: measured steps start after the measured phase and end before the next.
    """
    starts = {phase["name"]: phase["at_s"] for phase in baseline.of("phase")}
    for step in baseline.steps("measured"):
        duration = step["forward_s"] + step["backward_s"] + step["optimizer_s"]
        assert starts["measured"] <= step["start_s"]
        assert step["start_s"] + duration <= starts["evaluation"]


def test_step_is_split_into_its_parts(baseline):
    """
    Forward, backward, optimizer and data each took some time.
    """
    for step in baseline.of("step"):
        assert min(step["forward_s"], step["backward_s"], step["optimizer_s"], step["data_s"]) > 0


def test_outcome_is_complete(baseline):
    """
    A run ends with accuracy, loss, memory and what was trained.
    """
    outcome = baseline.outcome
    assert 0 <= outcome["test_accuracy"] <= 1
    assert math.isfinite(outcome["test_loss"])
    assert outcome["peak_rss_bytes"] is None or outcome["peak_rss_bytes"] > 50e6
    assert outcome["peak_device_bytes"] is None
    # two convolutions of 16 to 16 channels without bias, and a head of 16 to 10 with bias
    assert 2 * 16 * 16 * 9 + 16 * 10 + 10 == outcome["trained_parameters"]
    assert [] == outcome["layers"]


def test_environment_is_flat_and_names_versions(baseline):
    """
    What the run ran on is a flat mapping of plain values.
    """
    values = baseline.of("environment")[0]["values"]
    assert {"python", "torch", "threads", "machine", "kernel"} <= set(values)
    assert 1 == values["threads"]
    assert {str, int, float, bool} >= {type(value) for value in values.values()}


def test_same_seed_gives_same_losses(baseline, run_worker, spec):
    """
    The run's seed fixes the data's order, which the runs of a block share and other blocks do not.
    """
    again = run_worker(spec(run_id="run-2"))
    assert baseline.losses == again.losses
    assert baseline.outcome["test_loss"] == again.outcome["test_loss"]
    assert baseline.losses != run_worker(spec(seed=99, run_id="run-3")).losses


def test_filtering_leaves_the_forward_pass_alone(baseline, filtered_run):
    """
    The first loss is the same as in plain training; later ones differ, as other gradients were followed.
    """
    assert baseline.losses[0] == filtered_run.losses[0]
    assert baseline.losses[-1] != filtered_run.losses[-1]


def test_filtering_saves_less_and_names_its_layers(baseline, filtered_run):
    """
    Filtered convolutions keep patch sums instead of their inputs, and the outcome names them.
    """
    plain, filtered = (run.outcome["saved_activation_bytes"][""] for run in (baseline, filtered_run))
    assert 0 < filtered < plain
    by_layer = [run.outcome["saved_bytes_by_layer"] for run in (baseline, filtered_run)]
    changed = [layer["name"] for layer in filtered_run.outcome["layers"]]
    assert all(0 < by_layer[1][name] < by_layer[0][name] for name in changed)
    assert 2 == len(filtered_run.outcome["layers"])
    assert baseline.outcome["trained_parameters"] == filtered_run.outcome["trained_parameters"]


def test_filtered_gradients_are_compared_with_exact_ones(baseline, filtered_run):
    """
    Each filtered layer says how near its gradient came, on one more batch; plain training has nothing to compare.
    """
    assert [] == baseline.outcome["gradients"]
    layers = [layer["name"] for layer in filtered_run.outcome["layers"]]
    assert layers == [gradient["name"] for gradient in filtered_run.outcome["gradients"]]
    for gradient in filtered_run.outcome["gradients"]:
        assert "" == gradient["reason"]
        assert 0 < gradient["cosine"] < 1


def test_run_starts_from_the_prepared_checkpoint(run_worker, spec, filtered):
    """
    A preparation makes the checkpoint once; measured runs load it and start better than a random network.
    """
    workload = {"pretraining": {"steps": 40}}
    preparation = run_worker(spec(workload, purpose="prepare", variants=[{"name": "baseline"}, filtered]))
    assert (0, "end") == (preparation.status, preparation.events[-1]["event"])
    assert {"event": "progress", "done": 40, "total": 40} == preparation.of("progress")[-1]

    again = run_worker(spec(workload, purpose="prepare"))
    assert [] == again.of("progress")

    measured = run_worker(spec(workload))
    assert 0 <= again.outcome["start_accuracy"] <= 1
    accuracies = [run.of("environment")[0]["values"]["pretraining_accuracy"] for run in (preparation, again, measured)]
    assert 1 == len(set(accuracies))
    assert accuracies[0] > 0.2
