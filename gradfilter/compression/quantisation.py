"""Numbers on a grid whose step is twice the error bound, so that none moves by more than the bound."""

from typing import NamedTuple, Optional

import torch
from torch import Tensor

_FINEST = 1 << 20  # steps from 0 to the largest number: beyond this the numbers' own rounding counts


class Grid(NamedTuple):
    """x ≈ step · numbers; the numbers are int32."""

    numbers: Tensor
    step: float


def quantise(x: Tensor, bound: float) -> Optional[Grid]:
    """The nearest points of the grid: |x - dequantise(...)| ≤ bound for every number, and 0 stays 0.

    None where that cannot be had: the bound is 0 or within x's own rounding, or x is empty or holds an infinity or NaN.
    """
    if x.numel() == 0:
        return None
    largest, own = float(x.abs().max()), torch.finfo(x.dtype)
    step = 2 * (bound - _rounding(largest, bound, x.dtype))
    # Never so with NaN or an infinity, nor where a point of the grid could become one.
    if not (step >= own.tiny and largest <= step * _FINEST and largest + bound <= own.max):
        return None
    return Grid((x.to(_computed_in(x.dtype)) / step).round_().to(torch.int32), step)


def dequantise(grid: Grid, dtype: torch.dtype) -> Tensor:
    """The grid's points in this type."""
    return (grid.numbers.to(_computed_in(dtype)) * grid.step).to(dtype)


def _rounding(largest: float, bound: float, dtype: torch.dtype) -> float:
    """What arithmetic adds to the grid's own error: the division and the product, then half an ulp of the type."""
    arithmetic = 2 * largest * torch.finfo(_computed_in(dtype)).eps
    own = torch.finfo(dtype)
    return arithmetic + max(largest + bound, own.tiny) * own.eps / 2


def _computed_in(dtype: torch.dtype) -> torch.dtype:
    return torch.float64 if dtype == torch.float64 else torch.float32
