"""Max pooling and the way back to averages over patches: the kernels' calls.

Each answers None where the maps need PyTorch's operators.
"""

import ctypes
from typing import TYPE_CHECKING, Any, Optional, Sequence, Tuple

import torch
from torch import Tensor

from gradfilter.filtering.native.arguments import (
    as_constants,
    dense,
    empty,
    owners,
    pointer,
    pointers,
    shape,
    threads,
)
from gradfilter.filtering.native.library import kernel

if TYPE_CHECKING:
    from gradfilter.filtering.patches import PatchGrid

Windows = Tuple[Tuple[int, int], Tuple[int, int], Tuple[int, int]]  # size, stride and padding


def max_pool(  # noqa: PLR0917
    y: Tensor,
    numbers: Sequence[Optional[Tensor]],
    clamp: Tuple[float, float],
    windows: Windows,
    output_size: Sequence[int],
    layout: torch.memory_format,
) -> Optional[Tuple[Tensor, Tensor, Tensor]]:
    """Maxima of the clamped, normalised y, their places and their x̂."""
    constants = as_constants(numbers, y)
    run = kernel("max_pool", y, *constants)
    if run is None:
        return None
    y = dense(y, layout)
    output, normal = (empty(y, output_size, layout) for _ in range(2))
    index = empty(y, output_size, layout, torch.uint8)
    sizes = _sizes(y.shape[2:], windows, output_size)
    results = pointer(output), pointer(index), pointer(normal)
    run(pointer(y), pointers(constants), *clamp, *results, *shape(y, layout), sizes, threads())
    return output, index, normal


def unpool_averages(
    maps: Tuple[Tensor, Tensor],
    windows: Windows,
    input_size: Sequence[int],
    grid: "PatchGrid",
    layout: torch.memory_format,
) -> Optional[Tensor]:
    """Averages over the pooled map's patches of what unpooling a gradient gives; maps are it and the places."""
    run = kernel("unpool_averages", maps[0])
    if run is None:
        return None
    gradient, index = (dense(tensor, layout) for tensor in maps)
    out, sizes = empty(gradient, grid.patch_counts, layout), _sizes(input_size, windows, gradient.shape[2:])
    sources = pointer(gradient), pointer(index), pointer(out), *shape(gradient, layout), sizes
    run(*sources, owners(grid.rows), owners(grid.columns), *grid.patch_counts, 1 / grid.area, threads())
    return out


def _sizes(input_size: Sequence[int], windows: Windows, output_size: Sequence[int]) -> Any:
    numbers = [*input_size, *[number for pair in windows for number in pair], *output_size]
    return (ctypes.c_int64 * len(numbers))(*numbers)
