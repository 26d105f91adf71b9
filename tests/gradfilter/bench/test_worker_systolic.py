"""The systolic workload in a real worker process: simulated numbers by layer and schedule, and nothing measured."""

import pytest

WORKLOAD = {"kind": "systolic", "model": "tiny_cnn", "batch_size": 4, "image_size": 32, "trainable": "last:2"}
FILTERED = {"name": "filtered", "methods": [{"name": "gradient_filter", "options": {"patch_size": 4, "last": 2}}]}


@pytest.fixture(name="plain", scope="module")
def fixture_plain(run_worker, spec):
    return run_worker(spec(WORKLOAD))


@pytest.fixture(name="filtered_run", scope="module")
def fixture_filtered_run(run_worker, spec):
    return run_worker(spec(WORKLOAD, variants=[FILTERED]))


def cycles(run, part):
    return {layer["name"]: layer["cycles"] for layer in run.outcome["simulated"] if layer["part"] == part}


def test_every_layer_is_simulated_under_every_schedule(plain):
    """
    Two dataflows forward, five schedules backward; utilisation is what cycles and cells make of the work.
    """
    assert 0 == plain.status
    parts = list(dict.fromkeys(layer["part"] for layer in plain.outcome["simulated"]))
    backward = ["ws+os", "ws+ws", "os+os", "intergrad", "best_of"]
    assert ["forward ws", "forward os", *("backward " + name for name in backward)] == parts
    for layer in plain.outcome["simulated"]:
        if layer["cycles"]:
            assert layer["utilisation"] == pytest.approx(layer["macs"] / (layer["cycles"] * 32 * 32))
            assert layer["energy_j"] > 0
    for name, best in cycles(plain, "backward best_of").items():
        assert best == min(cycles(plain, "backward " + schedule)[name] for schedule in backward)


def test_frozen_layers_below_need_no_backward_pass(plain):
    """
    Only the last two convolutions and the head train, so that the first convolution's products are not computed.
    """
    ours = cycles(plain, "backward intergrad")
    assert 0 == next(iter(ours.values()))
    assert 0 < list(ours.values())[-1]


def test_nothing_is_timed(plain):
    """
    There are no steps and no memory: simulated numbers never stand beside measured ones.
    """
    assert [] == plain.steps("measured")
    assert (None, None, {}) == (
        plain.outcome["peak_rss_bytes"],
        plain.outcome["test_accuracy"],
        plain.outcome["saved_activation_bytes"],
    )


def test_filtered_layers_are_fed_to_the_array(plain, filtered_run):
    """
    A filtered layer's backward products have patches for rows and one tap: fewer cycles; its forward pass is the same.
    """
    changed = [layer["name"] for layer in filtered_run.outcome["layers"]]
    assert 2 == len(changed)
    for name in changed:
        assert cycles(filtered_run, "backward ws+os")[name] < cycles(plain, "backward ws+os")[name]
    assert cycles(plain, "forward ws") == cycles(filtered_run, "forward ws")


def test_preparation_refuses_what_cannot_be_had(run_worker, spec):
    """
    An unknown model is a refusal that names the field.
    """
    run = run_worker(spec(dict(WORKLOAD, model="tiny_cnm"), purpose="prepare"))
    assert 1 == run.status
    (failure,) = run.of("failure")
    assert ("refused", "model") == (failure["kind"], failure["field"])
