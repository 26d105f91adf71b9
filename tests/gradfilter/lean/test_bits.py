"""Masks of one bit per value."""

import pytest
import torch

from gradfilter.lean.bits import pack, unpack


@pytest.mark.parametrize("count", [0, 1, 7, 8, 9, 64, 1001])
def test_mask_comes_back(count):
    """What was packed is unpacked, whatever the length; it takes an eighth of a byte per value, rounded up."""
    mask = torch.rand(count, generator=torch.Generator().manual_seed(count)) > 0.5
    packed = pack(mask)
    assert (torch.uint8, -(-count // 8)) == (packed.dtype, packed.numel())
    assert torch.equal(mask, unpack(packed, count))


def test_bytes_hold_stretches_of_the_mask():
    """With two bytes for sixteen values, a byte's lowest bit is of the first two values and its highest of the last."""
    mask = torch.zeros(16, dtype=torch.bool)
    mask[[0, 3, 15]] = True
    assert [0b00000001, 0b10000010] == pack(mask).tolist()
