"""Whole numbers packed in blocks of bits come back, and take the bytes that their blocks' widths say."""

import pytest
import torch

from gradfilter.compression.bitpack import BLOCK, LARGEST, pack_bits, unpack_bits


def drawn(largest, count, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, largest + 1, (count,), generator=generator, dtype=torch.int32)


@pytest.mark.parametrize("largest", [0, 1, 2, 3, 7, 100, 255, 256, 70000, LARGEST])
@pytest.mark.parametrize("count", [1, BLOCK - 1, BLOCK, 3 * BLOCK + 5])
def test_numbers_come_back(largest, count):
    """Every width from nothing to three bytes, and blocks that are not full."""
    numbers = drawn(largest, count)
    assert torch.equal(numbers, unpack_bits(pack_bits(numbers)))


def test_blocks_of_different_widths_come_back():
    """A block has the width of its own largest number, whatever its neighbours hold."""
    numbers = torch.cat([drawn(largest, BLOCK) for largest in (0, 1, 1000, 6, LARGEST, 0, 255)])
    packed = pack_bits(numbers)
    assert [0, 1, 10, 3, 24, 0, 8] == packed.widths.tolist()
    assert BLOCK * sum([0, 1, 10, 3, 24, 0, 8]) // 8 == packed.planes.numel()
    assert torch.equal(numbers, unpack_bits(packed))


def test_widths_are_bit_lengths():
    """A slow reference: Python's own bit length of the largest number of each block."""
    numbers = drawn(LARGEST, 40 * BLOCK) >> torch.arange(40, dtype=torch.int32).repeat_interleave(BLOCK).remainder(25)
    expected = [max(block).bit_length() for block in numbers.view(-1, BLOCK).tolist()]
    assert expected == pack_bits(numbers).widths.tolist()
