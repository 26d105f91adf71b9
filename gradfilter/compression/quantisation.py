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
    largest = float(x.abs().max())
    rounding = 2 * largest * torch.finfo(x.dtype).eps  # of the division, the product and x's own type together
    step = 2 * (bound - rounding)
    if not (step >= torch.finfo(x.dtype).tiny and largest <= step * _FINEST):  # never so with NaN
        return None
    return Grid((x.to(_computed_in(x.dtype)) / step).round_().to(torch.int32), step)


def dequantise(grid: Grid, dtype: torch.dtype) -> Tensor:
    """The grid's points in this type."""
    return (grid.numbers.to(_computed_in(dtype)) * grid.step).to(dtype)


def _computed_in(dtype: torch.dtype) -> torch.dtype:
    return torch.float64 if dtype == torch.float64 else torch.float32
