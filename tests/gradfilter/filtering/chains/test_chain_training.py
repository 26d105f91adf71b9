"""Training in chains and layer by layer follows the same curve: on handwritten digits, step by step."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from gradfilter.bench.datasets.digits import FILE
from gradfilter.bench.tiny_cnn import TinyCnn
from gradfilter.filtering.chains.fusing import layers_apart
from gradfilter.methods import GradientFilter

STEPS, BATCH_SIZE = 40, 32


@pytest.fixture(scope="module")
def digits():
    """(images (N, 3, 16, 16) from 0 to 1, labels)."""
    with np.load(str(FILE), allow_pickle=False) as arrays:
        images = torch.from_numpy(arrays["images"]).double().unsqueeze(1) / 16
        labels = torch.from_numpy(arrays["labels"]).long()
    return nn.functional.interpolate(images, scale_factor=2).expand(-1, 3, -1, -1).contiguous(), labels


def train(model, images, labels):
    """The loss of every step; BatchNorm moves along."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
    losses = []
    for step in range(STEPS):
        batch = slice(step * BATCH_SIZE, (step + 1) * BATCH_SIZE)
        loss = nn.functional.cross_entropy(model(images[batch]), labels[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    return losses


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize("patch_size", [2, 4])
def test_same_loss_curve(patch_size, dtype, digits):
    """Every step's loss agrees to the rounding that forty steps add up to, and the loss falls."""
    images, labels = digits
    model = GradientFilter(patch_size=patch_size).apply(TinyCnn(10)).to(dtype)
    apart = copy.deepcopy(model)
    losses = train(model, images.to(dtype), labels)
    with layers_apart():
        expected = train(apart, images.to(dtype), labels)
    bound = 1e-9 if dtype == torch.float64 else 1e-3
    assert expected == pytest.approx(losses, rel=bound)
    assert sum(losses[-5:]) < sum(losses[:5])
