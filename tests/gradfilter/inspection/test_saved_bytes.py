"""Bytes saved for backward, against sums done by hand."""

import torch
from torch import nn

from gradfilter.inspection.saved_bytes import counting_saved_bytes


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
