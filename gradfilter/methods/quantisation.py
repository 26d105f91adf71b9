"""Numbers in few bits: codes from 0 on, evenly spaced between a tensor's least and greatest value.

step = (max − min) / 2^bits        code = round((x − min) / step), at most 2^bits − 1        x ≈ min + code · step
"""

from typing import NamedTuple

import torch
from torch import Tensor

EXACT_BITS = 32  # so many bits leave a tensor as it is
_BYTE = 8


class Quantised(NamedTuple):
    """Codes with the least value and the step between two codes; bytes where a byte holds them."""

    codes: Tensor
    low: Tensor
    step: Tensor
    bits: int

    def values(self) -> Tensor:
        """The numbers that the codes stand for."""
        return self.codes if self.bits == EXACT_BITS else self.codes.to(self.step.dtype) * self.step + self.low

    def most_significant(self, bits: int) -> "Quantised":
        """The same codes rounded to their highest bits."""
        if bits >= self.bits:
            return self
        unit = 2 ** (self.bits - bits)
        return self._replace(codes=torch.round(self.codes / unit) * unit)


def quantise(x: Tensor, bits: int) -> Quantised:
    """A tensor in so many bits; EXACT_BITS keeps the tensor itself."""
    if bits == EXACT_BITS:
        return Quantised(x, x.new_zeros(()), x.new_ones(()), bits)
    low = x.min()
    step = ((x.max() - low) / 2**bits).clamp(min=torch.finfo(x.dtype).tiny)
    codes = torch.round((x - low) / step).clamp(max=2**bits - 1)
    return Quantised(codes.to(torch.uint8) if bits <= _BYTE else codes, low, step, bits)
