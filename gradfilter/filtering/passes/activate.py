"""The fused forward pass: normalise, add, activate, and what the backward pass will need, averaged over patches.

    x̂ = (y − mean) · rstd      z = weight · x̂ + bias  [+ weight₂ · x̂₂ + bias₂]      a = f(z)

Source of what is kept: with A the gradient of a, constant inside each patch, and M an average over a patch,
the gradients of weight, bias and y need no more of this map than M(f′), M(f′ · x̂) and M(x̂).
"""

from functools import reduce
from typing import NamedTuple, Optional, cast

import torch
from torch import Tensor

from gradfilter.filtering.native import activating
from gradfilter.filtering.passes.activation import STEPPED, Activation, activated, place, slope
from gradfilter.filtering.passes.normal import NO_NORMAL, Normal, normalised, scaled, wide
from gradfilter.filtering.patches import PatchGrid, memory_format


class Wanted(NamedTuple):
    """Which averages activate() is to make; the names are those of Activated."""

    slope: bool = False
    slope_normal: bool = False
    slope_addend_normal: bool = False
    normal: bool = False
    addend_normal: bool = False
    output: bool = False


class Activated(NamedTuple):
    """The activated map, and averages over the patches of a grid, each (N, C, P_h, P_w) or None.

    The averages are those of f′(z), f′(z) · x̂, f′(z) · x̂₂, x̂, x̂₂ and a. That of f′(z) is a number of pixels, in bytes,
    where counts_opened says so.
    """

    a: Tensor
    slope: Optional[Tensor] = None
    slope_normal: Optional[Tensor] = None
    slope_addend_normal: Optional[Tensor] = None
    normal: Optional[Tensor] = None
    addend_normal: Optional[Tensor] = None
    output: Optional[Tensor] = None


def activate(  # noqa: PLR0917 - a map and its numbers, twice
    y: Tensor,
    normal: Optional[Normal],
    addend: Optional[Tensor],
    addend_normal: Optional[Normal],
    activation: Activation,
    grid: PatchGrid,
    wanted: Wanted,
    *,
    overwrite: bool = False,
) -> Activated:
    """Activate (N, C, H, W) and average over patches, in the layout and type of y.

    normal None: x̂ = z = y. addend: a second map of the same shape, which is added to z; itself normalised
    where addend_normal is given. overwrite: nobody needs y again, so that a may take its memory; PyTorch's operators
    make a new map all the same.

    Raises:
        ValueError: the activation is unknown, the sizes do not match, or something of an addend is wanted and there
            is none.
    """
    if addend is None and (wanted.slope_addend_normal or wanted.addend_normal):
        raise ValueError("an average of the addend is wanted, and there is no addend.")
    if addend is not None and addend.shape != y.shape:
        raise ValueError("the addend is %s, and must be as large as the map: %s." % (list(addend.shape), list(y.shape)))
    grid.require(y.shape[2:])
    numbers = normal or NO_NORMAL, addend_normal or NO_NORMAL
    function, layout = (place(activation), activation.parameter), memory_format(y)
    counts = counts_opened(activation, grid, layout)
    maps = y, addend
    results = activating.activate(maps, numbers, function, grid, wanted, layout, overwrite=overwrite, counts=counts)
    if results is None:
        return activate_aten(y, normal, addend, addend_normal, activation, grid, wanted)
    a, *averages = results
    return Activated(cast("Tensor", a), *averages)


def activate_aten(  # noqa: PLR0917
    y: Tensor,
    normal: Optional[Normal],
    addend: Optional[Tensor],
    addend_normal: Optional[Normal],
    activation: Activation,
    grid: PatchGrid,
    wanted: Wanted,
) -> Activated:
    """The same from PyTorch's operators, for every device and type."""
    layout = memory_format(y)
    x, x2 = normalised(wide(y), normal), []
    z = scaled(x, normal)
    if addend is not None:
        x2 = [normalised(wide(addend), addend_normal)]
        z = z + scaled(x2[0], addend_normal)
    a, derivative = activated(z, activation), slope(z, activation)
    factors = ([derivative], [derivative, x], [derivative, *x2], [x], x2, [a])
    averages = [
        grid.averages(reduce(torch.mul, maps)).to(y.dtype).contiguous(memory_format=layout) if want else None
        for want, maps in zip(wanted, factors)
    ]
    if averages[0] is not None and counts_opened(activation, grid, layout):
        averages[0] = (averages[0] * grid.area).round().to(torch.uint8)
    return Activated(a.to(y.dtype).contiguous(memory_format=layout), *averages)


def counts_opened(activation: Activation, grid: PatchGrid, layout: torch.memory_format) -> bool:
    """Whether of f′ the pixels of each patch are counted where it is 1: a quarter of an average's memory.

    Where it is 0 or 1, and channels come last.
    """
    return layout == torch.channels_last and activation.kind in STEPPED and grid.is_counted_in_bytes
