"""Low-rank activations as a method: exact at full rank, near below it, and fewer bytes."""

import pytest
import torch
from torch import nn

from gradfilter.bench.schema import MethodedLayer
from gradfilter.errors import UnsupportedModel
from gradfilter.inspection import compare_gradients, counting_saved_bytes
from gradfilter.methods import Comet, Lean, LowRank, changed_layers

CONVOLUTIONS = ["stem.0", "block.depthwise", "block.pointwise", "last"]


def batch_loss(model):
    x = torch.randn(4, 3, 21, 21, generator=torch.Generator().manual_seed(1))
    return nn.functional.cross_entropy(model(x), torch.tensor([0, 1, 2, 3]))


def test_full_rank_trains_as_without_the_method(small_network):
    """With every direction kept all gradients are a plain network's, to rounding; the loss is, bit for bit."""
    plain, model = small_network(), LowRank(rank_share=1.0).apply(small_network())
    losses = [batch_loss(network) for network in (plain, model)]
    assert torch.equal(*losses)
    for loss in losses:
        loss.backward()
    for expected, actual in zip(plain.parameters(), model.parameters()):
        assert torch.allclose(expected.grad, actual.grad, rtol=1e-3, atol=1e-5)


def test_gradients_below_full_rank_point_the_same_way(small_network):
    """Three quarters of the directions of each axis: the weight gradient is near; the record says how many."""
    plain, model = small_network(), LowRank(rank_share=0.75, last=1).apply(small_network())
    (gradient,) = compare_gradients(plain, model, batch_loss, ["last"])
    assert 0.5 < gradient.cosine < 1
    assert [MethodedLayer("last", "low_rank rank_share=0.75")] == changed_layers(model)


def test_beside_lean_a_step_keeps_less(small_network):
    """A quarter of the directions of every axis is a small part of the numbers."""
    kept = {}
    for methods in ((Lean,), (Lean, LowRank)):
        model = small_network()
        for method in methods:
            method().apply(model)
        with counting_saved_bytes(model) as saved:
            batch_loss(model)
        kept[methods] = saved.total
    assert kept[Lean, LowRank] < 0.8 * kept[Lean,]


def test_one_input_is_compressed_once(small_network):
    """Two compressing methods on the same layer are refused, with the layer's name."""
    with pytest.raises(UnsupportedModel, match="last: its input is compressed already"):
        LowRank(last=1).apply(Comet().apply(small_network()))
    with pytest.raises(ValueError, match="rank_share must be"):
        LowRank(rank_share=0.0)
