"""Weights through the kernels for maps: their taps summed, and one value for every tap."""

import pytest
import torch

from gradfilter.filtering import FilteredConv2d
from gradfilter.filtering.native.taps import every_tap, tap_sums

FORMATS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}
SHAPES = [(5, 1, 3, 3), (3, 3, 1, 5), (2, 16, 7, 7), (4, 70, 3, 3), (1, 300, 2, 2)]

pytestmark = pytest.mark.usefixtures("c_compiler")


@pytest.mark.parametrize("layout", FORMATS.values(), ids=FORMATS.keys())
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_taps_are_summed_and_filled(shape, dtype, layout):
    """Both are what PyTorch's operators give."""
    torch.manual_seed(0)
    weight = torch.randn(shape, dtype=dtype).contiguous(memory_format=layout)
    expected = weight.sum((2, 3), keepdim=True)
    sums = tap_sums(weight, layout)
    assert float((expected - sums).abs().max()) <= 1e-5
    filled = every_tap(sums[:, :, 0, 0], shape[2:], layout)
    assert torch.equal(sums.expand(shape), filled)
    assert filled.is_contiguous(memory_format=layout)


@pytest.mark.parametrize("layout", FORMATS.values(), ids=FORMATS.keys())
def test_weight_gradient_is_laid_out_as_the_weight(layout):
    """Otherwise autograd would copy it."""
    layer = FilteredConv2d(4, 6, 3, padding=1, patch_size=2).to(memory_format=layout)
    layer(torch.randn(2, 4, 9, 9).contiguous(memory_format=layout)).sum().backward()
    assert layer.weight.stride() == layer.weight.grad.stride()
