"""Residual stages: the gradient of a block passes its activation and those of all later blocks, exactly."""

import pytest
import torch
from torch import nn

from gradfilter.filtering.chains.fusing import AT_PATCHES, recording_runs
from gradfilter.methods import GradientFilter

EXACT = 1e-9


def body(channels, stride=1):
    return nn.Sequential(
        nn.Conv2d(channels, channels, 3, stride, 1, bias=False),
        nn.BatchNorm2d(channels),
        nn.ReLU(),
        nn.Conv2d(channels, channels, 3, padding=1, bias=False),
        nn.BatchNorm2d(channels),
    )


def shortcut(channels, stride):
    return nn.Sequential(nn.Conv2d(channels, channels, 1, stride, bias=False), nn.BatchNorm2d(channels))


def stages(residual, blocks, activation, channels=4):
    """A stem, then two stages of so many blocks, the second with half the resolution, then the global mean."""
    layers = [nn.Conv2d(3, channels, 3, padding=1), nn.BatchNorm2d(channels), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    layers += [residual(body(channels), nn.Identity(), activation()) for _ in range(blocks)]
    layers += [residual(body(channels, 2), shortcut(channels, 2), activation())]
    layers += [residual(body(channels), nn.Identity(), activation()) for _ in range(blocks - 1)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1)).double()


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("blocks", [1, 2, 3])
@pytest.mark.parametrize("activation", [nn.ReLU, nn.ReLU6, nn.Identity, nn.SiLU, nn.LeakyReLU])
def test_stages(activation, blocks, training, residual, compare_with_layers_apart):
    """With any activation after the addition, or none."""
    network = stages(residual, blocks, activation).train(training)
    assert max(compare_with_layers_apart(network, torch.randn(2, 3, 24, 20).double())) < EXACT


@pytest.mark.parametrize("activation", [nn.ReLU, nn.ReLU6, nn.Identity])
def test_stages_stay_at_patch_resolution(activation, residual):
    """Every convolution runs in a chain."""
    network = stages(residual, 3, activation)
    model = GradientFilter(patch_size=4).apply(network)
    with recording_runs(model) as runs:
        model(torch.randn(2, 3, 24, 24).double())
    convolutions = [name for name, module in network.named_modules() if isinstance(module, nn.Conv2d)]
    assert dict.fromkeys(convolutions, AT_PATCHES) == runs


def test_a_stage_longer_than_sums_are_kept_for(residual, compare_with_layers_apart):
    """Far back the trunk goes on at full resolution, with the same gradients; the record says so."""
    network = stages(residual, 11, nn.ReLU, channels=2)
    x = torch.randn(1, 3, 12, 12).double()
    assert max(compare_with_layers_apart(network, x)) < EXACT
    model = GradientFilter(patch_size=4).apply(network)
    with recording_runs(model) as runs:
        model(x)
    assert {AT_PATCHES, "at full resolution, for a longer way back than sums are kept for"} == set(runs.values())


def test_mixed_patch_sizes_in_a_block(residual, compare_with_layers_apart):
    """The two branches of a sum may lie on grids of their own."""
    network = stages(residual, 2, nn.ReLU)
    for sizes in ({"*shortcut*": 2}, {"*shortcut*": 8}, {"*body.3": 2}, {"*body.0": 1}):
        method = GradientFilter(patch_size=4, patch_sizes=sizes)
        assert max(compare_with_layers_apart(network, torch.randn(2, 3, 20, 20).double(), method)) < EXACT


def test_only_the_last_convolutions_filtered(residual, compare_with_layers_apart):
    """A chain may begin anywhere, with everything before it frozen or not."""
    network = stages(residual, 2, nn.ReLU)
    for last in (1, 2, 3, 4, 5):
        method = GradientFilter(patch_size=4, last=last)
        assert max(compare_with_layers_apart(network, torch.randn(2, 3, 20, 20).double(), method)) < EXACT
