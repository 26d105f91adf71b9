"""The conv_layer workload in a real worker process."""

import pytest

SHAPES = [
    {"batch_size": 2, "in_channels": 8, "out_channels": 8, "height": 16, "width": 16},
    {"batch_size": 2, "in_channels": 8, "out_channels": 4, "height": 9, "width": 7, "stride": 2},
]
LABELS = ["8→8 3×3 16×16 batch 2", "8→4 3×3 9×7 batch 2 stride 2"]
WORKLOAD = {"kind": "conv_layer", "shapes": SHAPES, "warm_up_steps": 1, "measured_steps": 2, "threads": 1}
FILTERED = {"name": "filtered", "methods": [{"name": "gradient_filter", "options": {"patch_size": 4}}]}


@pytest.fixture(name="plain", scope="module")
def fixture_plain(run_worker, spec):
    return run_worker(spec(WORKLOAD))


@pytest.fixture(name="filtered_run", scope="module")
def fixture_filtered_run(run_worker, spec):
    return run_worker(spec(WORKLOAD, variants=[FILTERED]))


@pytest.mark.parametrize("label", LABELS)
def test_every_shape_is_a_part_with_its_steps(plain, label):
    """
    Each shape is warmed up and measured on its own, forward and backward, without loss or optimizer.
    """
    assert 0 == plain.status
    assert (1, 2) == (len(plain.steps("warm_up", label)), len(plain.steps("measured", label)))
    for step in plain.steps("measured", label):
        assert min(step["forward_s"], step["backward_s"]) > 0
        assert (0, None) == (step["optimizer_s"], step["loss"])


def test_phases_repeat_for_every_shape(plain):
    """
    The tensors of a shape are made outside every measured phase.
    """
    story = ["setup", "warm_up", "measured", "evaluation"]
    assert ["setup", *story, *story] == [phase["name"] for phase in plain.of("phase")]


def test_plain_layer_saves_its_input(plain):
    """
    Exact backward of one convolution keeps its whole input: N·C·H·W floats.
    """
    assert {LABELS[0]: 2 * 8 * 16 * 16 * 4, LABELS[1]: 2 * 8 * 9 * 7 * 4} == plain.outcome["saved_activation_bytes"]


def test_filtered_layer_saves_patch_sums(filtered_run):
    """
    Filtered, it keeps one number per patch of 4×4 outputs: N·C·⌈Ho/4⌉·⌈Wo/4⌉ floats.
    """
    assert {LABELS[0]: 2 * 8 * 4 * 4 * 4, LABELS[1]: 2 * 8 * 2 * 1 * 4} == filtered_run.outcome[
        "saved_activation_bytes"
    ]
    assert ["conv", "conv"] == [layer["name"] for layer in filtered_run.outcome["layers"]]
