"""Averages over patches, values spread back over them, and statistics of batches: the kernels' calls.

Each answers None where the maps need PyTorch's operators.
"""

from typing import TYPE_CHECKING, Optional, Sequence, Tuple

import torch
from torch import Tensor

from gradfilter.filtering.native.arguments import (
    averaging,
    changed,
    dense,
    empty,
    patches,
    pointer,
    present,
    scratch,
    shape,
    threads,
)
from gradfilter.filtering.native.library import kernel

if TYPE_CHECKING:
    from gradfilter.filtering.patches import PatchGrid


def averages(maps: Tensor, grid: "PatchGrid", layout: torch.memory_format) -> Optional[Tensor]:
    """PatchGrid.averages."""
    run = kernel("averages", maps)
    if run is None:
        return None
    maps, out = dense(maps, layout), empty(maps, grid.patch_counts, layout)
    run(maps.data_ptr(), out.data_ptr(), *shape(maps, layout), *averaging(grid), threads())
    return out


def spread(values: Tensor, grid: "PatchGrid", layout: torch.memory_format) -> Optional[Tensor]:
    """PatchGrid.spread."""
    run = kernel("spread", values)
    if run is None:
        return None
    values, out = dense(values, layout), empty(values, [axis.pixels for axis in grid], layout)
    run(values.data_ptr(), out.data_ptr(), *shape(values, layout), *patches(grid), threads())
    return out


def batch_statistics(
    y: Tensor, running: Sequence[Optional[Tensor]], momentum: float, eps: float, layout: torch.memory_format
) -> Optional[Tuple[Tensor, Tensor]]:
    """Mean and 1/σ of each channel; running mean and variance, where there are any, move towards those of y."""
    run, known = kernel("statistics", y, *running), present(running)
    if run is None or not all(numbers.is_contiguous() for numbers in known):
        return None
    y = dense(y, layout)
    images, channels, height, width = y.shape
    mean, rstd = torch.empty(channels, dtype=y.dtype), torch.empty(channels, dtype=y.dtype)
    results = mean.data_ptr(), rstd.data_ptr(), *map(pointer, running)
    sizes = layout == torch.channels_last, images, channels, height * width
    run(y.data_ptr(), *results, momentum, eps, *sizes, scratch(2 * channels * threads()), threads())
    changed(known)
    return mean, rstd
