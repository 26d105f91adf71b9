"""Random networks of chains and residual blocks: drawn by seed everywhere, by hypothesis where that is installed."""

import random

import pytest
import torch
from torch import nn

from gradfilter.methods import GradientFilter

EXACT_64, EXACT_32 = 1e-9, 1e-4
NEAR_A_KINK = 1e-3  # float32 rounds a pre-activation this far from where f' jumps to the same side both ways

ACTIVATIONS = [nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.SiLU, nn.GELU, nn.Hardswish, nn.Hardsigmoid, nn.Identity]


def draw_unit(draw, inputs, outputs, stride):
    """A convolution of any kind, mostly with BatchNorm, and an activation."""
    groups = draw.choice([1, inputs if outputs % inputs == 0 else 1])
    kernel = draw.choice([1, 3, 3, (1, 3), 5])
    padding = tuple(k // 2 for k in (kernel if isinstance(kernel, tuple) else (kernel, kernel)))
    layers = [nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups, bias=draw.random() < 0.5)]
    if draw.random() < 0.8:
        layers.append(nn.BatchNorm2d(outputs))
        nn.init.uniform_(layers[-1].weight, 0.5, 1.5)
        nn.init.normal_(layers[-1].bias)
        nn.init.uniform_(layers[-1].running_var, 0.5, 2)
    return layers, draw.choice(ACTIVATIONS)()


def draw_network(draw, residual):
    """Up to five units and residual blocks after a stem, then the global mean or the map itself."""
    channels = draw.choice([2, 4])
    stem, activation = draw_unit(draw, 2, channels, draw.choice([1, 2]))
    layers = [*stem, activation]
    if draw.random() < 0.3:
        layers.append(nn.MaxPool2d(draw.choice([2, 3]), 2, draw.choice([0, 1])))
    for _ in range(draw.randint(1, 4)):
        stride = draw.choice([1, 1, 2])
        first, activation = draw_unit(draw, channels, channels, stride)
        if draw.random() < 0.4:
            layers += [*first, activation]
            continue
        second, _ = draw_unit(draw, channels, channels, 1)
        shortcut = nn.Identity() if stride == 1 else nn.Sequential(*draw_unit(draw, channels, channels, stride)[0])
        layers.append(residual(nn.Sequential(*first, activation, *second), shortcut, draw.choice(ACTIVATIONS)()))
    if draw.random() < 0.7:
        layers.append(nn.AdaptiveAvgPool2d(1))
    network = nn.Sequential(*layers).train(draw.random() < 0.5)
    for parameter in network.parameters():
        parameter.requires_grad = draw.random() < 0.9
    list(network.parameters())[-1].requires_grad = True
    return network


def draw_case(seed, residual):
    """(network, input, method) of a seed."""
    draw = random.Random(seed)
    torch.manual_seed(seed)
    network = draw_network(draw, residual)
    x = torch.randn(2, 2, draw.randint(9, 21), draw.randint(9, 21))
    names = [name for name, module in network.named_modules() if isinstance(module, nn.Conv2d)]
    others = {name: draw.choice([1, 2, 4, 8]) for name in names if draw.random() < 0.2}
    alignment = draw.choice(["corner", "corner", "centred"])
    return (
        network,
        x,
        GradientFilter(patch_size=draw.choice([2, 3, 4]), patch_sizes=others or None, alignment=alignment),
    )


def nearest_kink(network, x):
    """How near any input of an activation comes to a place where some derivative jumps."""
    nearest = []

    def look(module, inputs):
        nearest.extend(float((inputs[0] - kink).abs().min()) for kink in (-3.0, 0.0, 3.0, 6.0))

    hooks = [m.register_forward_pre_hook(look) for m in network.modules() if isinstance(m, tuple(ACTIVATIONS[:-1]))]
    with torch.no_grad():
        network.double()(x.double())
    for hook in hooks:
        hook.remove()
    network.float()
    return min(nearest, default=1.0)


@pytest.mark.parametrize("seed", range(60))
def test_random_networks(seed, residual, compare_with_layers_apart):
    """In float64 every gradient, output and running statistic is that of the layers by themselves."""
    network, x, method = draw_case(seed, residual)
    assert max(compare_with_layers_apart(network.double(), x.double(), method)) < EXACT_64


@pytest.mark.parametrize("seed", range(1000, 1150))
def test_random_networks_in_float32(seed, residual, compare_with_layers_apart):
    """In float32 too, where no rounding moves a value over a kink; outputs agree to 1e-5."""
    network, x, method = draw_case(seed, residual)
    state = {name: value.clone() for name, value in network.state_dict().items()}
    if nearest_kink(network, x) < NEAR_A_KINK:
        pytest.skip("a pre-activation lies near a kink")
    network.load_state_dict(state)
    out, gradients, buffers = compare_with_layers_apart(network, x, method)
    assert out < 1e-5
    assert max(gradients, buffers) < EXACT_32


def test_hypothesis_finds_no_other_network(residual, compare_with_layers_apart):
    """The same over seeds that hypothesis chooses."""
    hypothesis = pytest.importorskip("hypothesis")

    @hypothesis.settings(max_examples=60, database=None)
    @hypothesis.given(seed=hypothesis.strategies.integers(2000, 10**9))
    def check(seed):
        network, x, method = draw_case(seed, residual)
        assert max(compare_with_layers_apart(network.double(), x.double(), method)) < EXACT_64

    check()


def test_grids_that_cut_alike_with_patches_of_other_sizes(residual, compare_with_layers_apart):
    """What hypothesis found once: averages over the same pixels may be divided by the areas of different patches."""
    for seed in (2001, 2316):
        network, x, method = draw_case(seed, residual)
        assert max(compare_with_layers_apart(network.double(), x.double(), method)) < EXACT_64
