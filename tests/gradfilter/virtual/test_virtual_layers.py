"""Virtual layers in networks: the size stays, even outputs are exact, a quarter is computed, and what may follow."""

from itertools import product

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from gradfilter.filtering import FilteredConv2d
from gradfilter.inspection import counting_saved_bytes, step_flops
from gradfilter.virtual import pool_virtually, restore_stride, virtual_problem
from gradfilter.virtual.maps import VirtualMap


def make(*layers, seed=0):
    torch.manual_seed(seed)
    network = nn.Sequential(*[make_layer() for make_layer in layers]).eval()
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return network


def convolution(**options):
    return lambda: nn.Conv2d(3, 4, **options)


def norm():
    layer = nn.BatchNorm2d(4)
    layer.running_mean.normal_()
    layer.running_var.uniform_(0.5, 2)
    return layer


def virtually(network):
    pool_virtually(network[0])
    return network


def images(size, seed=1):
    return torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("kernel", "stride"), list(product([1, 3, 5], [1, 2])), ids=str)
def test_size_stays_and_even_outputs_are_exact(kernel, stride):
    """For every size from 2 to 17: convolution, BatchNorm in evaluation and ReLU give the samples, to rounding.

    For another stride PyTorch may sum in another order.
    """
    layers = (convolution(kernel_size=kernel, stride=stride, padding=kernel // 2), norm, nn.ReLU)
    plain, virtual = make(*layers), virtually(make(*layers))
    for size in range(2, 18):
        x = images((size, size + size % 3)).double()
        with torch.no_grad():
            exact, ours = plain.double()(x), virtual.double()(x)
        assert exact.shape == ours.shape
        assert torch.allclose(exact[:, :, ::2, ::2], ours[:, :, ::2, ::2], rtol=1e-12, atol=1e-12)


def test_interpolation_comes_after_the_activation():
    """A ReLU is applied to samples; what lies between two of them is the mean of what it left."""
    layers = (convolution(kernel_size=3, padding=1), nn.ReLU)
    exact, virtual = make(*layers), virtually(make(*layers))
    x = images((9, 9))
    with torch.no_grad():
        expected = exact(x)[:, :, ::2, ::2]
        between = virtual(x)[:, :, 1::2, ::2]
        assert torch.allclose((expected[:, :, :-1] + expected[:, :, 1:]) / 2, between, atol=1e-6)


@pytest.mark.parametrize(
    "activation",
    [torch.relu, F.relu6, F.silu, lambda y: F.relu(y, inplace=True), lambda y: y.relu(), lambda y: y.relu_()],
    ids=["relu", "relu6", "silu", "inplace", "method", "method in place"],
)
def test_activations_in_any_spelling_are_waited_for(activation):
    """Functions and methods, in place too: the whole map comes out, its samples activated exactly."""
    exact, virtual = make(convolution(kernel_size=3)), virtually(make(convolution(kernel_size=3)))
    x = images((8, 8))
    expected, ours = activation(exact(x)), activation(virtual(x))
    assert isinstance(ours, torch.Tensor)
    assert torch.allclose(expected[:, :, ::2, ::2], ours[:, :, ::2, ::2], atol=1e-6)


@pytest.mark.parametrize(
    "use",
    [
        lambda y: y + torch.ones(4, 1, 1),
        lambda y: F.max_pool2d(y, 2),
        lambda y: torch.cat([y, y], 1),
        lambda y: y.mean((2, 3)),
        lambda y: y * 2,
        lambda y: y[:, :2],
        lambda y: y.flatten(1),
        lambda y: F.conv2d(y, torch.ones(2, 4, 3, 3)),
    ],
    ids=["add", "pool", "cat", "mean", "multiply", "index", "flatten", "convolve"],
)
def test_anything_else_gets_the_whole_map(use):
    """What is no normalisation and no activation is given an ordinary tensor of the full size."""
    virtual = virtually(make(convolution(kernel_size=3, padding=1)))
    map_ = virtual(images((8, 8)))
    assert isinstance(map_, VirtualMap)
    assert (2, 4, 8, 8) == tuple(map_.shape)
    assert torch.equal(use(map_.materialise()), use(virtual(images((8, 8)))))


def test_in_place_change_is_seen_by_whoever_holds_the_map():
    """After relu_ the map itself is what it became."""
    map_ = virtually(make(convolution(kernel_size=3, padding=1)))(images((8, 8)))
    activated = map_.relu_()
    assert torch.equal(activated, map_ + 0)


def flops(network, x):
    return step_flops(network, lambda model: model(x).sum())


@pytest.mark.parametrize("size", [(16, 16), (7, 9)], ids=str)
def test_a_quarter_of_the_operations_is_left(size):
    """Forward and backward, counted by the dispatcher and by formula: ⌈H/2⌉·⌈W/2⌉ of H·W."""
    layers = (convolution(kernel_size=3, padding=1), nn.ReLU)
    x = images(size).requires_grad_()
    plain, virtual = flops(make(*layers), x), flops(virtually(make(*layers)), x)
    height, width = size
    share = -(-height // 2) * -(-width // 2) / (height * width)
    assert plain.total.backward == 2 * plain.total.forward > 0
    for before, after in ((plain.total, virtual.total), (plain.layers["0"], virtual.layers["0"])):
        assert (before.forward * share, before.backward * share) == (after.forward, after.backward)


def test_interpolation_keeps_nothing():
    """Saved are the input and the activated samples: the interpolation needs neither for its gradient."""
    virtual = virtually(make(convolution(kernel_size=3, padding=1), nn.ReLU))
    x = images((8, 8))
    with counting_saved_bytes(virtual) as saved:
        virtual(x)
    assert 4 * (2 * 3 * 8 * 8 + 2 * 4 * 4 * 4) == saved.total


def test_stride_comes_back():
    """Restored, a layer computes bit for bit what it did."""
    plain, virtual = make(convolution(kernel_size=3, stride=2)), virtually(make(convolution(kernel_size=3, stride=2)))
    restore_stride(virtual[0])
    assert (2, 2) == virtual[0].stride
    assert torch.equal(plain(images((9, 9))), virtual(images((9, 9))))


def test_filtered_layer_is_pooled_virtually():
    """The two compose: the filter's patches lie on the samples, and chains end there."""
    virtual = make(convolution(kernel_size=3, padding=1), norm, nn.ReLU)
    FilteredConv2d.convert(virtual[0], 2)
    x = images((8, 8)).requires_grad_()
    virtually(virtual)(x).sum().backward()
    gradient = virtual[0].weight.grad
    assert (2, 3, 8, 8) == tuple(x.grad.shape)
    assert torch.equal(gradient[..., :1, :1].expand_as(gradient), gradient)


def test_what_cannot_be_pooled_says_why():
    """A second time, a subclass, and padding that PyTorch does not compute with a stride."""

    class Other(nn.Conv2d):
        pass

    once = nn.Conv2d(1, 1, 3)
    pool_virtually(once)
    assert "already" in virtual_problem(once)
    assert "it is a Other" in virtual_problem(Other(1, 1, 1))
    assert "'same'" in virtual_problem(nn.Conv2d(1, 1, 3, padding="same"))
    assert "" == virtual_problem(nn.Conv2d(4, 4, 3, groups=4, dilation=2, padding=2))
