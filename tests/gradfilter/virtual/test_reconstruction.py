"""The report on what virtual pooling does to maps: errors, beside their bounds."""

import pytest
import torch
from torch import nn

from gradfilter.virtual.reconstruction import errors, input_bounds, reconstructions

NAMES = ["stem.0", "block.depthwise", "block.pointwise", "last"]


def test_errors_stand_beside_their_bounds(small_network):
    """Each layer's activated map, measured on images: errors are there, below the bounds, the nearer in the range."""
    x = torch.randn(2, 3, 20, 20, generator=torch.Generator().manual_seed(0))
    model = small_network().eval()
    found = reconstructions(model, NAMES, x)
    assert NAMES == [layer.name for layer in found]
    for layer in found:
        assert 0 < layer.mean_error < layer.largest_error <= layer.largest_bound <= layer.range * (1 + 1e-6)
        assert layer.largest_bound <= layer.largest_input_bound < float("inf")


def test_smooth_maps_are_reconstructed_better(small_network):
    """A constant image gives maps whose errors lie at the border alone."""
    one = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())
    (flat,) = reconstructions(one, ["0"], torch.ones(1, 3, 9, 9))
    assert 0 == pytest.approx(flat.largest_error, abs=1e-6)
    with pytest.raises(ValueError, match=r"modules that the model does not have: 1\.conv"):
        reconstructions(one, ["1.conv"], torch.ones(1, 3, 9, 9))


def test_input_bound_by_hand():
    """‖weights‖₁ times the largest change over a stride, each group by itself; the constant part changes nothing."""
    conv = nn.Conv2d(2, 2, 1, groups=2)
    x = torch.tensor([[0.0, 5, 1], [1, 1, -1]]).view(1, 2, 1, 3)
    with torch.no_grad():
        conv.weight.copy_(torch.tensor([2.0, -3]).view(2, 1, 1, 1))
        assert [2 * 5, 3 * 2] == input_bounds(conv, x).tolist()
        assert [10 - 1, 3] == pytest.approx(errors(conv(x))[0, :, 0, 1].tolist(), abs=1e-5)
        assert [0, 0] == input_bounds(conv, x[..., :1]).tolist()


@pytest.mark.parametrize("flipped", [False, True], ids=["up", "down"])
def test_input_bound_counts_diagonals(flipped):
    """A slope that rises by 2 along rows and along columns rises by 4 from corner to corner, on either diagonal."""
    conv = nn.Conv2d(1, 1, 1)
    nn.init.ones_(conv.weight)
    slope = torch.tensor([[2.0, 4], [0, 2]]).view(1, 1, 2, 2)
    with torch.no_grad():
        assert [4] == input_bounds(conv, slope.flip(3) if flipped else slope).tolist()


def test_input_bound_counts_padding_and_strides():
    """Ones change by 1 towards the zeros around them; even steps by two of them over a stride of 2."""
    padded, strided = nn.Conv2d(1, 1, 3, padding=1), nn.Conv2d(1, 1, 3, stride=2)
    for conv in (padded, strided):
        nn.init.constant_(conv.weight, -0.5)
    steps = torch.arange(5.0).view(1, 1, 5, 1).expand(1, 1, 5, 5)
    with torch.no_grad():
        assert [9 * 0.5] == input_bounds(padded, torch.ones(1, 1, 5, 5)).tolist()
        assert [9 * 0.5 * 2] == input_bounds(strided, steps).tolist()


@pytest.mark.parametrize(
    "options",
    [
        {"kernel_size": 1},
        {"kernel_size": 3, "padding": 1},
        {"kernel_size": 3, "stride": 2},
        {"kernel_size": (3, 5), "stride": (1, 2), "padding": (0, 2)},
        {"kernel_size": 3, "padding": 2, "dilation": 2, "groups": 2},
        {"kernel_size": 3, "padding": 1, "padding_mode": "reflect"},
    ],
    ids=str,
)
@pytest.mark.parametrize("size", [(6, 9), (7, 5), (16, 8)], ids=str)
def test_errors_stay_within_the_bound_from_the_input(options, size):
    """In every channel, of the convolution's own output and behind a ReLU, on random weights and images."""
    torch.manual_seed(0)
    conv = nn.Conv2d(4, 6, **options).double()
    x = torch.randn(2, 4, *size, dtype=torch.float64)
    with torch.no_grad():
        bounds = input_bounds(conv, x)
        for exact in (conv(x), conv(x).relu()):
            assert (errors(exact).amax((0, 2, 3)) <= bounds).all()


@pytest.mark.parametrize("training", [False, True], ids=["given statistics", "batch statistics"])
def test_input_bound_goes_through_normalisation(training):
    """A BatchNorm that stretches a channel stretches its bound as much; the sign does not count."""
    norm = nn.BatchNorm2d(1, eps=1e-12).train(training)
    nn.init.constant_(norm.weight, -4)
    network = nn.Sequential(nn.Conv2d(1, 1, 1), norm, nn.ReLU())
    nn.init.constant_(network[0].weight, 2)
    x = torch.tensor([-1.0, 1, -1, 1]).view(1, 1, 1, 4)  # the convolution's output deviates by 2
    (found,) = reconstructions(network, ["0"], x)
    assert 2 * 2 * (4 / 2 if training else 4) == pytest.approx(found.largest_input_bound, rel=1e-5)
    assert found.largest_error <= found.largest_input_bound * (1 + 1e-6)


def test_steep_activations_have_no_bound_from_the_input():
    """SiLU is steeper than 1 in places: no finite bound is claimed."""
    (found,) = reconstructions(nn.Sequential(nn.Conv2d(3, 4, 3), nn.SiLU()), ["0"], torch.randn(1, 3, 9, 9))
    assert float("inf") == found.largest_input_bound
