"""The report on what virtual pooling does to maps: errors, beside their bound."""

import pytest
import torch
from torch import nn

from gradfilter.virtual.reconstruction import reconstructions

NAMES = ["stem.0", "block.depthwise", "block.pointwise", "last"]


def test_errors_stand_beside_their_bounds(small_network):
    """Each layer's activated map, measured on images: errors are there, below the bound, which is within the range."""
    x = torch.randn(2, 3, 20, 20, generator=torch.Generator().manual_seed(0))
    model = small_network().eval()
    found = reconstructions(model, NAMES, x)
    assert NAMES == [layer.name for layer in found]
    for layer in found:
        assert 0 < layer.mean_error < layer.largest_error <= layer.largest_bound <= layer.range * (1 + 1e-6)


def test_smooth_maps_are_reconstructed_better(small_network):
    """A constant image gives maps whose errors lie at the border alone."""
    one = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())
    (flat,) = reconstructions(one, ["0"], torch.ones(1, 3, 9, 9))
    assert 0 == pytest.approx(flat.largest_error, abs=1e-6)
    with pytest.raises(ValueError, match=r"modules that the model does not have: 1\.conv"):
        reconstructions(one, ["1.conv"], torch.ones(1, 3, 9, 9))
