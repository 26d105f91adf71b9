"""Chains give the gradients of the layers by themselves: convolution, normalisation, activation, and what they meet."""

import pytest
import torch
from torch import nn

from gradfilter.methods import GradientFilter

EXACT = 1e-9  # float64, as the difference's norm beside the gradient's

ACTIVATIONS = [
    nn.ReLU(),
    nn.ReLU(inplace=True),
    nn.ReLU6(),
    nn.LeakyReLU(0.2),
    nn.SiLU(),
    nn.GELU(),
    nn.Hardswish(),
    nn.Hardsigmoid(),
    nn.Identity(),
]


def chain(activation=None, channels=6, stride=1, **norm):
    """1×1, depthwise 3×3 and 3×3, each with BatchNorm and activation, then the global mean."""
    return nn.Sequential(
        nn.Conv2d(3, channels, 1, bias=False),
        nn.BatchNorm2d(channels, **norm),
        activation or nn.ReLU(),
        nn.Conv2d(channels, channels, 3, stride, padding=1, groups=channels),
        nn.BatchNorm2d(channels, **norm),
        activation or nn.ReLU(),
        nn.Conv2d(channels, 4, 3, padding=1),
        nn.BatchNorm2d(4, **norm),
        activation or nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
    ).double()


def shaken(network):
    """The network with BatchNorm parameters and statistics that are not those of a fresh one."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d) and module.affine:
            nn.init.uniform_(module.weight, -1, 2)
            nn.init.normal_(module.bias)
        if isinstance(module, nn.BatchNorm2d) and module.track_running_stats:
            nn.init.normal_(module.running_mean)
            nn.init.uniform_(module.running_var, 0.5, 2)
    return network


@pytest.mark.parametrize("training", [True, False], ids=["batch statistics", "given statistics"])
@pytest.mark.parametrize("activation", ACTIVATIONS, ids=repr)
def test_every_activation(activation, training, compare_with_layers_apart):
    """Both kinds of BatchNorm, before every activation that a chain knows."""
    network = shaken(chain(activation)).train(training)
    out, gradients, buffers = compare_with_layers_apart(network, torch.randn(2, 3, 12, 12).double())
    assert max(out, gradients, buffers) < EXACT


@pytest.mark.parametrize("size", [(12, 12), (13, 9), (3, 5), (1, 7)], ids=str)
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("patch_size", [2, 3, 4])
def test_sizes_that_patches_do_not_divide(patch_size, stride, size, compare_with_layers_apart):
    """Border patches are smaller, a patch may be larger than the map, and strides make patches of patches."""
    network = shaken(chain(stride=stride))
    out, gradients, buffers = compare_with_layers_apart(
        network, torch.randn(3, 3, *size).double(), GradientFilter(patch_size=patch_size)
    )
    assert max(out, gradients, buffers) < EXACT


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last], ids=["contiguous", "channels_last"])
@pytest.mark.parametrize("training", [True, False])
def test_memory_formats(layout, training, compare_with_layers_apart):
    """Maps may be laid out either way."""
    network = shaken(chain()).train(training).to(memory_format=layout)
    x = torch.randn(2, 3, 11, 11).double().contiguous(memory_format=layout)
    assert max(compare_with_layers_apart(network, x)) < EXACT


@pytest.mark.parametrize(
    "norm", [{"affine": False}, {"momentum": None}, {"track_running_stats": False}, {"momentum": 0.3}], ids=str
)
@pytest.mark.parametrize("training", [True, False])
def test_batch_norm_without_parameters_or_statistics(norm, training, compare_with_layers_apart):
    """BatchNorm in all its forms; running statistics move as it moves them."""
    network = shaken(chain(**norm)).train(training)
    assert max(compare_with_layers_apart(network, torch.randn(2, 3, 8, 8).double())) < EXACT


@pytest.mark.parametrize("frozen", ["1.weight", "1.bias", "3.weight", "4", "0", "weight"])
def test_frozen_parts(frozen, compare_with_layers_apart):
    """Gradients pass through what is frozen, and only what is trained gets one."""
    network = shaken(chain())
    for name, parameter in network.named_parameters():
        parameter.requires_grad = frozen not in name
    assert max(compare_with_layers_apart(network, torch.randn(2, 3, 8, 8).double())) < EXACT


def test_mixed_patch_sizes(compare_with_layers_apart):
    """Where patches nest they make a chain, where they do not the gradient is spread in between."""
    x = torch.randn(2, 3, 12, 12).double()
    for sizes in ({"0": 2, "3": 4}, {"0": 4, "3": 2}, {"0": 3, "3": 4}, {"3": 1}):
        method = GradientFilter(patch_size=4, patch_sizes=sizes)
        assert max(compare_with_layers_apart(shaken(chain(stride=2)), x, method)) < EXACT


@pytest.mark.parametrize("options", [{"alignment": "centred"}, {"reference_compat": True}], ids=str)
@pytest.mark.parametrize("size", [8, 11, 13])
def test_published_operator_in_chains(options, size, compare_with_layers_apart):
    """Exact means equal to the layers of the same alignment and scale."""
    method = GradientFilter(patch_size=4, **options)
    network = shaken(chain(stride=2))
    assert max(compare_with_layers_apart(network, torch.randn(2, 3, size, size).double(), method)) < EXACT


def test_dilated_taps_of_other_patches(compare_with_layers_apart):
    """A dilation as large as a patch has a rule of its own, in chains too."""
    network = nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.Conv2d(4, 4, 3, padding=4, dilation=4),
        nn.ReLU(),
    ).double()
    network.add_module("mean", nn.AdaptiveAvgPool2d(1))
    assert max(compare_with_layers_apart(network, torch.randn(2, 3, 12, 12).double())) < EXACT


def test_convolutions_without_normalisation(compare_with_layers_apart):
    """Convolution on convolution, with biases, and an activation straight after one."""
    network = nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 4, 1), nn.ReLU(), nn.Conv2d(4, 4, 3), nn.AdaptiveAvgPool2d(1)
    ).double()
    assert max(compare_with_layers_apart(network, torch.randn(2, 3, 9, 9).double())) < EXACT


@pytest.mark.parametrize("activation", [nn.ReLU(), nn.ReLU6(), nn.Identity(), nn.SiLU()], ids=repr)
@pytest.mark.parametrize("pool", [nn.MaxPool2d(3, 2, 1), nn.MaxPool2d(2), nn.MaxPool2d(3, 2, ceil_mode=True)], ids=str)
@pytest.mark.parametrize("training", [True, False])
def test_max_pooling(pool, activation, training, compare_with_layers_apart):
    """A stem's pooling, kept as bytes where chains know it, and left to torch where they do not."""
    network = shaken(nn.Sequential(nn.Conv2d(3, 5, 3, 2, 1), nn.BatchNorm2d(5), activation, pool, *chain()[3:])[:4])
    network.add_module("next", nn.Conv2d(5, 4, 3, padding=1))
    network = network.double().train(training)
    assert max(compare_with_layers_apart(network, torch.randn(2, 3, 22, 18).double())) < EXACT


def test_a_channel_that_batch_norm_silences(compare_with_layers_apart):
    """γ = 0 hides a channel's values, and its gradients still need them, behind max pooling too."""
    layers = list(chain())
    network = nn.Sequential(*layers[:3], nn.MaxPool2d(2), *layers[3:])
    nn.init.zeros_(network[1].weight)
    nn.init.ones_(network[1].bias)
    assert max(compare_with_layers_apart(network, torch.randn(2, 3, 16, 16).double())) < EXACT
