"""The way back through a normalisation, on a patch grid.

With A the gradient behind the activation, constant inside each patch, S sums and M means over patches, m the number
of values that a statistic of the batch was taken over, and factor what every channel is scaled with, 1/σ · weight:

    dbias   = Σ A · S(f′)          dweight = Σ A · S(f′ · x̂)
    out     = factor · (A · M(f′) − dbias/m − M(x̂) · dweight/m)      the last two only for statistics of the batch

Source: BatchNorm's backward pass, averaged over patches.
"""

from typing import NamedTuple, Optional, Sequence

import torch
from torch import Tensor

from gradfilter.filtering.native import unnormalising
from gradfilter.filtering.patches import PatchGrid, memory_format


class Unnormalised(NamedTuple):
    """Gradients: in front of the normalisation, where it was wanted, and of every channel's weight and bias.

    That of weight is None where there was no slope_normal.
    """

    map: Optional[Tensor]
    weight: Optional[Tensor]
    bias: Tensor


def unnormalise(  # noqa: PLR0917 - a gradient and three averages
    gradient: Tensor,
    slope: Optional[Tensor],
    slope_normal: Optional[Tensor],
    normal: Optional[Tensor],
    scaling: Sequence[Optional[Tensor]],
    grid: PatchGrid,
    values: int = 0,
    *,
    wants_map: bool = True,
    factors: Optional[Tensor] = None,
) -> Unnormalised:
    """All (N, C, P_h, P_w) but scaling: averages of f′ (None: 1 everywhere), f′ · x̂ and x̂ over the grid's patches.

    slope: in bytes it is the number of each patch's pixels where f′ is 1. scaling: 1/σ and weight, each (C,), or None
    for 1. values: m, or 0 where the statistics were given. factors: what every channel's gradient is to be multiplied
    with (C,), or None for 1.
    """
    layout = memory_format(gradient)
    averages = slope, slope_normal, normal if values else None
    native = unnormalising.unnormalise(gradient, averages, (*scaling, factors), grid, values, layout, wants_map)
    if native is None:
        gradient = gradient if factors is None else gradient * _channels(factors)
        return unnormalise_aten(gradient, slope, slope_normal, normal, scaling, grid, values, wants_map=wants_map)
    out, dweight, dbias = native
    return Unnormalised(out, None if slope_normal is None else dweight, dbias)


def unnormalise_aten(  # noqa: PLR0917
    gradient: Tensor,
    slope: Optional[Tensor],
    slope_normal: Optional[Tensor],
    normal: Optional[Tensor],
    scaling: Sequence[Optional[Tensor]],
    grid: PatchGrid,
    values: int = 0,
    *,
    wants_map: bool = True,
) -> Unnormalised:
    """The same from PyTorch's operators."""
    if slope is not None and slope.dtype is torch.uint8:
        slope = slope.to(gradient.dtype) / grid.area
    means = gradient if slope is None else gradient * grid.means(slope)
    dbias = (means * grid.counts(means)).sum((0, 2, 3))
    dweight = None if slope_normal is None else (gradient * slope_normal).sum((0, 2, 3)) * grid.area
    out = front_of(means, normal, dweight, dbias, scaling, grid, values) if wants_map else None
    return Unnormalised(out, dweight, dbias)


def channel_products(one: Tensor, other: Tensor, scale: float = 1.0) -> Tensor:
    """The sum of one map (N, C, P_h, P_w) times another for every channel, times scale: (C,)."""
    found = unnormalising.products(one, other, scale, memory_format(one))
    return channel_products_aten(one, other, scale) if found is None else found


def channel_products_aten(one: Tensor, other: Tensor, scale: float = 1.0) -> Tensor:
    """The same from PyTorch's operators."""
    return (one * other).sum((0, 2, 3)) * scale


def front_of(  # noqa: PLR0917
    means: Tensor,
    normal: Optional[Tensor],
    dweight: Optional[Tensor],
    dbias: Optional[Tensor],
    scaling: Sequence[Optional[Tensor]],
    grid: PatchGrid,
    values: int,
) -> Tensor:
    """The gradient in front of the normalisation, from the means of the one behind it and the channels' sums."""
    if values and dbias is not None:
        means = means - _channels(dbias / values)
        if normal is not None and dweight is not None:
            means = means - grid.means(normal) * _channels(dweight / values)
    rstd, weight = scaling
    means = means if rstd is None else means * _channels(rstd)
    return means if weight is None else means * _channels(weight)


def _channels(numbers: Tensor) -> Tensor:
    return numbers.view(1, -1, 1, 1)
