"""Where a chain of activations lets a gradient through: masks of a byte per pixel, and their averages over patches.

Inside a residual stage the gradient of one block passes the activations of all later ones, so what the backward
pass needs are averages of products of masks.
"""

from math import inf
from typing import List, NamedTuple, Optional, Sequence, Tuple, Union

import torch
from torch import Tensor

from gradfilter.filtering.native import activating
from gradfilter.filtering.native.arguments import present
from gradfilter.filtering.passes.normal import NO_NORMAL, Normal, normalised, wide
from gradfilter.filtering.patches import PatchGrid, memory_format


class Open(NamedTuple):
    """An activated map as a mask: it lets through where 0 < map < limit."""

    map: Tensor
    limit: float


class Masked(NamedTuple):
    """A mask (N, C, H, W) of zeros and ones in uint8, and averages of it and of it times each x̂ over patches."""

    mask: Tensor
    slope: Tensor
    slope_normals: List[Tensor]


def extend_mask(
    previous: Union[Tensor, Open, None],
    activated: Tensor,
    limit: float,
    grid: PatchGrid,
    normals: Sequence[Tuple[Tensor, Optional[Normal]]] = (),
) -> Masked:
    """The mask that is one where previous lets through and 0 < activated < limit, in the layout of activated.

    previous: a mask, an activated map with its own limit, or None, which lets everything through. limit: 6 for
    ReLU6, infinite for ReLU. normals: maps with the numbers that make x̂ of them.

    Raises:
        ValueError: the maps or the grid are not all of one size.
    """
    layout = memory_format(activated)
    grid.require(activated.shape[2:])
    mask, opened, open_limit = None, None, inf
    if isinstance(previous, Open):
        opened, open_limit = previous
    else:
        mask = previous
    maps = [*present([mask, opened]), *(y for y, _ in normals)]
    if any(other.shape != activated.shape for other in maps):
        raise ValueError("all maps must be as large as the activated one: %s." % list(activated.shape))
    numbered = [(y, normal or NO_NORMAL) for y, normal in normals]
    results = activating.extend_mask((mask, opened, open_limit), (activated, limit), numbered, grid, layout)
    if results is None:
        return extend_mask_aten(previous, activated, limit, grid, normals)
    extended, (slope, *slope_normals) = results
    return Masked(extended, slope, slope_normals)


def extend_mask_aten(
    previous: Union[Tensor, Open, None],
    activated: Tensor,
    limit: float,
    grid: PatchGrid,
    normals: Sequence[Tuple[Tensor, Optional[Normal]]] = (),
) -> Masked:
    """The same from PyTorch's operators."""
    layout = memory_format(activated)
    mask = _lets_through(activated, limit)
    if isinstance(previous, Open):
        mask = mask & _lets_through(*previous)
    elif previous is not None:
        mask = mask & previous.bool()
    mask = mask.contiguous(memory_format=layout)
    factor = mask.to(wide(activated).dtype)
    averages = [factor, *(factor * normalised(wide(y), normal) for y, normal in normals)]
    slope, *slope_normals = [grid.averages(t).to(activated.dtype).contiguous(memory_format=layout) for t in averages]
    return Masked(mask.to(torch.uint8), slope, slope_normals)


def _lets_through(maps: Tensor, limit: float) -> Tensor:
    return (maps > 0) & (maps < limit)
