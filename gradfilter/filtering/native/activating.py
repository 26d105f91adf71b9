"""Activating and masking with averages over patches: the kernels' calls.

Each answers None where the maps need PyTorch's operators.
"""

from typing import TYPE_CHECKING, List, Optional, Sequence, Tuple

import torch
from torch import Tensor

from gradfilter.filtering.native.arguments import (
    as_constants,
    averaging,
    changed,
    dense,
    dense_or_none,
    empties,
    empty,
    pointer,
    pointers,
    present,
    shape,
    threads,
)
from gradfilter.filtering.native.library import kernel

if TYPE_CHECKING:
    from gradfilter.filtering.patches import PatchGrid

MOST_NORMALS = 2
Numbers = Sequence[Optional[Tensor]]  # mean, rstd, weight and bias of every channel; or four times None


def activate(  # noqa: PLR0917 - a kernel takes many things
    maps: Tuple[Tensor, Optional[Tensor]],
    numbers: Tuple[Numbers, Numbers],
    function: Tuple[int, float],
    grid: "PatchGrid",
    wanted: Sequence[bool],
    layout: torch.memory_format,
    *,
    overwrite: bool,
    counts: bool,
) -> Optional[List[Optional[Tensor]]]:
    """The activated map and its six averages, each where wanted.

    maps: y, and what is added to it, with the numbers of each. function: its place in KINDS, and its parameter.
    overwrite: the activated map is y itself where that is dense. counts: the first average is a number of pixels, in
    bytes; in channels_last only.
    """
    y, addend = maps[0], dense_or_none(maps[1], layout)
    constants = as_constants((*numbers[0], *numbers[1]), y)
    run = kernel("activate", y, addend, *constants)
    if run is None:
        return None
    y = dense(y, layout)
    a = y if overwrite else torch.empty_like(y)
    opened = empty(y, grid.patch_counts, layout, torch.uint8) if counts and wanted[0] else None
    sums = empties(y, grid.patch_counts, layout, (wanted[0] and not counts, *wanted[1:]))
    sources = pointer(y), pointer(addend), pointers(constants), pointer(a), pointers(sums), pointer(opened)
    run(*sources, *function, *shape(y, layout), *averaging(grid), threads())
    if overwrite:
        changed([a])
    return [a, *([opened, *sums[1:]] if counts else sums)]


def extend_mask(
    previous: Tuple[Optional[Tensor], Optional[Tensor], float],
    activated: Tuple[Tensor, float],
    normals: Sequence[Tuple[Tensor, Numbers]],
    grid: "PatchGrid",
    layout: torch.memory_format,
) -> Optional[Tuple[Tensor, List[Tensor]]]:
    """The mask, and averages of it and of it times each normalised map; at most two of these.

    previous: a mask, and a map with its limit; either may be None.
    """
    mask, opened = (dense_or_none(map_or_none, layout) for map_or_none in previous[:2])
    a, limit = dense(activated[0], layout), activated[1]
    maps: List[Optional[Tensor]] = []
    for y, numbers in normals:
        maps += [dense(y, layout), *as_constants(numbers[:2], a)]
    run = kernel("mask", a, opened, *maps)
    if run is None or len(normals) > MOST_NORMALS:
        return None
    out = empty(a, a.shape[2:], layout, torch.uint8)
    sums = present(empties(a, grid.patch_counts, layout, [True] * (1 + len(normals))))
    missing = [None] * (MOST_NORMALS - len(normals))
    sources = pointer(mask), pointer(opened), previous[2], pointer(a), limit, pointers([*maps, *missing * 3])
    run(*sources, pointer(out), pointers([*sums, *missing]), *shape(a, layout), *averaging(grid), threads())
    return out, sums
