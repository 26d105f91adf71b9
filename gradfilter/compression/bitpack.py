"""Whole numbers in as few bits as each block of them needs.

A block's width is the bit length of its largest number. The numbers are cut into planes of whole bytes and of
4, 2 and 1 bits, which together make up any width; each plane of all blocks that have it is stored in one piece,
so that a handful of passes over the data does all of it, whatever the widths are.
"""

from typing import Iterator, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

BLOCK = 128  # numbers with one width: smaller blocks fit better and hold more widths
LARGEST = (1 << 24) - 1  # of the numbers

_BYTE = 8


class Bits(NamedTuple):
    """Packed numbers: the width of each block and the planes of all of them, both uint8, and how many there are."""

    widths: Tensor
    planes: Tensor
    total: int


class _Plane(NamedTuple):
    """So many bits of the numbers of some blocks, from another bit on in each."""

    bits: int
    blocks: Tensor  # their positions
    shifts: Tensor  # (blocks, 1)


def pack_bits(numbers: Tensor) -> Bits:
    """Pack whole numbers between 0 and LARGEST; one dimension, int32, at least one of them."""
    count = numbers.numel()
    blocks = F.pad(numbers, (0, -count % BLOCK)).view(-1, BLOCK)
    widths = _bit_lengths(blocks.max(1)[0])
    if int(widths.max()) <= _BYTE:
        blocks = blocks.to(torch.uint8)  # a quarter of the memory to go through
    parts = [
        _fold((blocks.index_select(0, plane.blocks) >> plane.shifts.to(blocks.dtype)) & ((1 << plane.bits) - 1), plane)
        for plane in _planes(widths)
    ]
    return Bits(widths, torch.cat([widths.new_empty(0), *parts]), count)


def unpack_bits(packed: Bits) -> Tensor:
    """The numbers, int32."""
    widths, planes, count = packed
    narrow = int(widths.max()) <= _BYTE
    blocks = planes.new_zeros(widths.numel(), BLOCK, dtype=torch.uint8 if narrow else torch.int32)
    start = 0
    for plane in _planes(widths):
        size = plane.blocks.numel() * BLOCK * plane.bits // _BYTE
        part = _unfold(planes[start : start + size], plane).to(blocks.dtype)
        blocks.index_add_(0, plane.blocks, part << plane.shifts.to(blocks.dtype))
        start += size
    return blocks.flatten()[:count].to(torch.int32)


def _planes(widths: Tensor) -> Iterator[_Plane]:
    """Every plane that any block has, in the order in which they are stored."""
    whole = widths >> 3  # bytes
    masks = [(_BYTE, whole > byte, torch.full_like(widths, _BYTE * byte)) for byte in range(3)]
    masks += [(bits, (widths & bits) != 0, (whole << 3) + (widths & (bits - 1))) for bits in (4, 2, 1)]
    for bits, has, shifts in masks:
        blocks = has.nonzero(as_tuple=True)[0]
        if blocks.numel():
            yield _Plane(bits, blocks, shifts[blocks].unsqueeze(1))


def _fold(values: Tensor, plane: _Plane) -> Tensor:
    """(blocks, BLOCK) numbers of so many bits, several to a byte."""
    per_byte = _BYTE // plane.bits
    parts = values.to(torch.uint8).view(-1, per_byte, BLOCK // per_byte)
    folded = parts[:, 0].clone()
    for position in range(1, per_byte):
        folded |= parts[:, position] << (position * plane.bits)
    return folded.flatten()


def _unfold(folded: Tensor, plane: _Plane) -> Tensor:
    """The reverse of _fold."""
    per_byte = _BYTE // plane.bits
    parts = folded.view(-1, 1, BLOCK // per_byte)
    mask = (1 << plane.bits) - 1
    return torch.cat([(parts >> (position * plane.bits)) & mask for position in range(per_byte)], 1).view(-1, BLOCK)


def _bit_lengths(numbers: Tensor) -> Tensor:
    """How many bits each number takes, uint8; exact, as a float's exponent is."""
    return torch.frexp(numbers.to(torch.float32))[1].to(torch.uint8)
