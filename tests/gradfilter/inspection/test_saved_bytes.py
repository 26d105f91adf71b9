"""Bytes saved for backward, against sums done by hand."""

import pytest
import torch
from torch import nn

from gradfilter.inspection.saved_bytes import counting_saved_bytes, counting_saved_bytes_by_layer


def saved_bytes(model, images):
    with counting_saved_bytes(model) as saved:
        model(images).sum().backward()
    return saved.total


def test_linear_layer_saves_its_input():
    """A linear layer keeps its input; its weight is a parameter and not counted."""
    assert 4 * 3 * 4 == saved_bytes(nn.Linear(3, 2), torch.rand(4, 3, requires_grad=True))


def test_frozen_layer_saves_nothing():
    """Without a gradient to compute, nothing is kept."""
    model = nn.Linear(3, 2)
    for parameter in model.parameters():
        parameter.requires_grad = False
    with counting_saved_bytes(model) as saved:
        model(torch.rand(4, 3))
    assert 0 == saved.total


def test_storage_saved_twice_counts_once():
    """Two layers with one input keep it once."""
    model = nn.ModuleList([nn.Linear(3, 2), nn.Linear(3, 2)])
    images = torch.rand(4, 3)
    with counting_saved_bytes(model) as saved:
        (model[0](images) + model[1](images)).sum().backward()
    assert 4 * 3 * 4 == saved.total


def test_view_counts_its_whole_storage():
    """A saved view keeps all of its storage alive, so that all of it counts."""
    assert 10 * 3 * 4 == saved_bytes(nn.Linear(3, 2), torch.rand(10, 3)[:4])


def test_layers_are_counted_each_for_itself():
    """Each layer has its input; the step has those and what no layer saved, here the exponential's result."""
    model = nn.Sequential(nn.Linear(3, 2), nn.Sigmoid(), nn.Linear(2, 5))
    with counting_saved_bytes_by_layer(model, ["0", "2"]) as saved:
        model(torch.rand(4, 3)).exp().sum()
    assert {"0": 4 * 3 * 4, "2": 4 * 2 * 4} == {name: counts.total for name, counts in saved.layers.items()}
    assert 4 * (3 + 2 + 5) * 4 == saved.step.total


def test_storage_that_two_layers_save_counts_for_both():
    """The sigmoid keeps its result, which is the next layer's input: one storage of the step, and each layer's own."""
    model = nn.Sequential(nn.Linear(3, 2), nn.Sigmoid(), nn.Linear(2, 5))
    with counting_saved_bytes_by_layer(model, ["1", "2"]) as saved:
        model(torch.rand(4, 3))
    assert {"1": 4 * 2 * 4, "2": 4 * 2 * 4} == {name: counts.total for name, counts in saved.layers.items()}


def test_module_counts_its_parts_and_every_call():
    """What is saved inside a block is the block's, the first time and the second."""
    model = nn.Sequential(nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3)))
    with counting_saved_bytes_by_layer(model, ["0", "0.1"]) as saved:
        model(model(torch.rand(4, 3)))
    assert {"0": 4 * 4 * 3 * 4, "0.1": 2 * 4 * 3 * 4} == {name: counts.total for name, counts in saved.layers.items()}


def test_counting_ends_with_its_block():
    """Afterwards the modules carry no hooks and nothing more is counted, even when the block failed."""
    model = nn.Linear(3, 2)
    with pytest.raises(RuntimeError), counting_saved_bytes_by_layer(model, [""]) as saved:
        model(torch.rand(4, 5))
    counted = saved.step.total
    model(torch.rand(4, 3))
    assert counted == saved.step.total == saved.layers[""].total
    assert ([], []) == (list(model._forward_pre_hooks), list(model._forward_hooks))
