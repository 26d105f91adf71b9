"""The way back through a normalisation on patch grids, and sums of products: the kernels' calls.

Each answers None where the maps need PyTorch's operators.
"""

from typing import TYPE_CHECKING, Optional, Sequence, Tuple

import torch
from torch import Tensor

from gradfilter.filtering.native.arguments import (
    as_constants,
    dense,
    dense_or_none,
    pointer,
    pointers,
    present,
    shape,
    threads,
)
from gradfilter.filtering.native.library import kernel

if TYPE_CHECKING:
    from gradfilter.filtering.patches import PatchGrid

Gradients = Tuple[Optional[Tensor], Tensor, Tensor]


def unnormalise(  # noqa: PLR0917 - a kernel takes many things
    maps: Sequence[Optional[Tensor]],
    scaling: Sequence[Optional[Tensor]],
    grid: "PatchGrid",
    values: int,
    layout: torch.memory_format,
    wants_map: bool,
) -> Optional[Gradients]:
    """The gradients in front of the normalisation, or None, of its weight and of its bias.

    maps: gradient, and slope, slope_normal and normal or None. scaling: 1/σ and weight, or None. values: of a statistic
    of the batch, else 0.
    """
    scaling = as_constants(scaling, present(maps)[0])
    run = kernel("unnormalise", *present([*maps, *scaling]))
    if run is None:
        return None
    gradient, *others = [dense_or_none(each, layout) for each in maps]
    if gradient is None:
        return None
    channels, dtype = gradient.size(1), gradient.dtype
    dweight, dbias, numbers = (torch.empty(size, dtype=dtype) for size in (channels, channels, 3 * channels))
    work = torch.empty(2 * channels * threads(), dtype=torch.float64)
    out = torch.empty_like(gradient) if wants_map else None
    counts = grid.counts(gradient)
    sources = pointers([gradient, *others, counts, grid.shares(gradient)])
    run(
        sources,
        *map(pointer, (dweight, dbias, out, *scaling)),
        *shape(gradient, layout),
        counts.numel(),
        grid.area,
        values,
        pointer(work),
        pointer(numbers),
        threads(),
    )
    return out, dweight, dbias


def products(one: Tensor, other: Tensor, layout: torch.memory_format) -> Optional[Tensor]:
    """The sum of one map (N, C, P_h, P_w) times another for every channel: (C,)."""
    run = kernel("products", one, other)
    if run is None:
        return None
    one, other = dense(one, layout), dense(other, layout)
    channels = one.size(1)
    out, work = torch.empty(channels, dtype=one.dtype), torch.empty(2 * channels * threads(), dtype=torch.float64)
    patches = one.size(2) * one.size(3)
    run(*map(pointer, (one, other, out)), *shape(one, layout), patches, pointer(work), threads())
    return out
