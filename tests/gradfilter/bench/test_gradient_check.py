"""The comparison of a variant's gradients with plain training's."""

import pytest
import torch

from gradfilter.bench.board import Board
from gradfilter.bench.gradient_check import compare_with_plain
from gradfilter.bench.schema import MethodSpec, TrainingWorkload, Variant
from gradfilter.bench.variants import apply_methods
from gradfilter.bench.workload import Task

FILTERED = Variant("filtered", [MethodSpec("gradient_filter", {"patch_size": 2, "last": 2})])
EXACT = Variant("exact", [MethodSpec("gradient_filter", {"patch_size": 1, "last": 2})])


@pytest.fixture(name="compare")
def fixture_compare(tmp_path):
    board = Board(tmp_path / "cache", tmp_path / "datasets", tmp_path / "weights")
    task = Task(
        TrainingWorkload(kind="training", model="tiny_cnn", dataset="synthetic", image_size=16, threads=1), board
    )
    batch = task.batches(task.split, 4, seed=0).take()

    def compare(variant, change=lambda model: None):
        prepared = apply_methods(task.plain_model(variant), variant)
        change(prepared.model)
        return compare_with_plain(task, variant, prepared, batch)

    return compare


def test_plain_training_has_nothing_to_compare(compare):
    """
    No layer was changed, so there is no comparison.
    """
    assert [] == compare(Variant("baseline"))


def test_layer_left_exact_agrees(compare):
    """
    Patch size 1 is the exact gradient: the cosine is 1 and there is no noise to state.
    """
    assert [(1.0, None, "")] * 2 == [(layer.cosine, layer.snr_db, layer.reason) for layer in compare(EXACT)]


def test_trained_weights_are_compared_not_the_start(compare):
    """
    The plain network takes over the variant's present weights; the cosine is that of these.
    """

    def move(model):
        torch.manual_seed(0)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(0.1 * torch.randn_like(parameter))

    fresh, moved = compare(FILTERED), compare(FILTERED, move)
    assert all(0 < layer.cosine < 1 for layer in fresh + moved)
    assert fresh != moved


def test_weights_that_the_plain_network_cannot_take_are_a_reason(compare):
    """
    A method that gives the network other parameters is told of, layer by layer, and is no failure of the run.
    """

    def grow(model):
        model.register_parameter("added", torch.nn.Parameter(torch.zeros(1)))

    for layer in compare(FILTERED, grow):
        assert (None, None) == (layer.cosine, layer.snr_db)
        assert "no comparison with plain training: " in layer.reason
        assert "added" in layer.reason


@pytest.mark.parametrize(
    ("error", "said"),
    [(MemoryError(), "MemoryError"), (RuntimeError("can't allocate memory"), "can't allocate memory")],
)
def test_memory_that_ends_here_costs_no_result(error, said, compare):
    """
    The run was measured before: that two networks do not fit is the reason of a missing comparison, no failure.
    """

    def exhaust(model):
        def refuse(module, inputs):
            raise error

        model.features[0].register_forward_pre_hook(refuse)

    reasons = {layer.reason for layer in compare(FILTERED, exhaust)}
    assert {"no comparison with plain training: " + said} == reasons
