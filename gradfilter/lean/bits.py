"""Masks of one bit per value.

Eight stretches of the mask lie above one another in each byte, so that packing and unpacking run over memory in
order, whatever the machine's byte order.
"""

import torch
from torch import Tensor

_BITS = 8


def pack(mask: Tensor) -> Tensor:
    """A mask (n,) of booleans as (⌈n / 8⌉,) bytes."""
    size = packed_size(mask.numel())
    packed = torch.zeros(size, dtype=torch.uint8, device=mask.device)
    for bit in range(_BITS):
        stretch = mask[bit * size : (bit + 1) * size].to(torch.uint8)
        packed[: stretch.numel()] |= stretch << bit
    return packed


def unpack(packed: Tensor, count: int) -> Tensor:
    """The first count booleans of what pack made."""
    size = packed.numel()
    mask = torch.empty(_BITS, size, dtype=torch.bool, device=packed.device)
    for bit in range(_BITS):
        torch.ne(packed & (1 << bit), 0, out=mask[bit])
    return mask.view(-1)[:count]


def packed_size(count: int) -> int:
    """Bytes that so many bits take."""
    return (count + _BITS - 1) // _BITS
