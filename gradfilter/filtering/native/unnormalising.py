"""The way back through a normalisation on patch grids, and sums of products: the kernels' calls.

Each answers None where the maps need PyTorch's operators.
"""

from functools import lru_cache
from typing import TYPE_CHECKING, Optional, Sequence, Tuple

import torch
from torch import Tensor

from gradfilter.filtering.native.arguments import (
    as_constants,
    dense,
    dense_or_none,
    pointer,
    pointers,
    scratch,
    shape,
    threads,
)
from gradfilter.filtering.native.library import kernel

if TYPE_CHECKING:
    from gradfilter.filtering.patches import PatchGrid

Gradients = Tuple[Optional[Tensor], Tensor, Tensor]


def unnormalise(  # noqa: PLR0917 - a kernel takes many things
    gradient: Tensor,
    averages: Sequence[Optional[Tensor]],
    scaling: Sequence[Optional[Tensor]],
    grid: "PatchGrid",
    values: int,
    layout: torch.memory_format,
    wants_map: bool,
) -> Optional[Gradients]:
    """The gradients in front of the normalisation, or None, of its weight and of its bias.

    averages: slope, slope_normal and normal, or None; slope may count pixels, in bytes. scaling: 1/σ, weight and what
    the gradient is to be multiplied with, or None. values: of a statistic of the batch, else 0.
    """
    scaling, opened = as_constants(scaling, gradient), None
    if averages[0] is not None and averages[0].dtype is torch.uint8:
        layout = torch.channels_last  # what they are counted in
        opened, averages = dense(averages[0], layout), (None, *averages[1:])
    run = kernel("unnormalise", gradient, *averages, *scaling)
    if run is None:
        return None
    maps = [dense_or_none(each, layout) for each in (gradient, *averages)]
    channels, (counts, shares) = gradient.size(1), _of_patches(grid, gradient.dtype)
    dweight, dbias = torch.empty(channels, dtype=gradient.dtype), torch.empty(channels, dtype=gradient.dtype)
    out = torch.empty_like(maps[0]) if wants_map else None  # type: ignore[arg-type]
    sources = pointers([*maps, counts, shares])
    results = dweight.data_ptr(), dbias.data_ptr(), *map(pointer, (out, *scaling))
    sizes = *shape(gradient, layout), counts.numel(), grid.area, values
    run(sources, pointer(opened), *results, *sizes, scratch((2 * threads() + 3) * channels), threads())
    return out, dweight, dbias


@lru_cache(maxsize=None)
def _of_patches(grid: "PatchGrid", dtype: torch.dtype) -> Tuple[Tensor, Tensor]:
    """The pixels of each patch, and those of a full patch beside them."""
    like = torch.empty(0, dtype=dtype)
    return grid.counts(like), grid.shares(like)


def products(one: Tensor, other: Tensor, scale: float, layout: torch.memory_format) -> Optional[Tensor]:
    """The sum of one map (N, C, P_h, P_w) times another for every channel, times scale: (C,)."""
    run = kernel("products", one, other)
    if run is None:
        return None
    one, other = dense(one, layout), dense(other, layout)
    channels = one.size(1)
    out = torch.empty(channels, dtype=one.dtype)
    patches = one.size(2) * one.size(3)
    maps = one.data_ptr(), other.data_ptr(), out.data_ptr()
    run(*maps, *shape(one, layout), patches, scale, scratch(2 * channels * threads()), threads())
    return out
