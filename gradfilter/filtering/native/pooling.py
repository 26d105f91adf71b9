"""Averages over patches, values spread back over them, and statistics of channels: the kernels' calls.

Each answers None where the maps need PyTorch's operators.
"""

from typing import TYPE_CHECKING, Optional, Tuple

import torch
from torch import Tensor

from gradfilter.filtering.native.arguments import counts, dense, empty, patches, pointer, shape, threads
from gradfilter.filtering.native.library import kernel

if TYPE_CHECKING:
    from gradfilter.filtering.patches import PatchGrid


def averages(maps: Tensor, grid: "PatchGrid", layout: torch.memory_format) -> Optional[Tensor]:
    """PatchGrid.averages."""
    run = kernel("averages", maps)
    if run is None:
        return None
    maps, out = dense(maps, layout), empty(maps, counts(grid), layout)
    run(maps.data_ptr(), pointer(out), *shape(maps, layout), *patches(grid), 1 / grid.area, threads())
    return out


def spread(values: Tensor, grid: "PatchGrid", layout: torch.memory_format) -> Optional[Tensor]:
    """PatchGrid.spread."""
    run = kernel("spread", values)
    if run is None:
        return None
    values, out = dense(values, layout), empty(values, [axis.pixels for axis in grid], layout)
    run(values.data_ptr(), pointer(out), *shape(values, layout), *patches(grid), threads())
    return out


def channel_statistics(y: Tensor, layout: torch.memory_format) -> Optional[Tuple[Tensor, Tensor]]:
    """Mean and biased variance of each channel."""
    run = kernel("statistics", y)
    if run is None:
        return None
    y, channels = dense(y, layout), y.size(1)
    means, variances = (torch.empty(channels, dtype=y.dtype) for _ in range(2))
    room = torch.empty(2 * channels * threads(), dtype=torch.float64)
    pixels = y.size(2) * y.size(3)
    run(*map(pointer, (y, means, variances)), *shape(y, layout), pixels, pointer(room), threads())
    return means, variances
