"""Patch grids inside one another: the patches of one layer made of whole patches of another.

A convolution's own grid lies on its output. The next convolution's grid on the same map has patches as large
(stride 1, same patch size) or a whole number of times larger. What is kept for each fine patch then tells what a
coarse patch needs, and a gradient that is constant on coarse patches is constant on fine ones.
"""

from functools import lru_cache
from itertools import accumulate
from typing import List, NamedTuple, Optional, Sequence

import torch
from torch import Tensor

from gradfilter.filtering.patches import PatchAxis, PatchGrid


class Nesting(NamedTuple):
    """How coarse patches are made of fine ones: patches is the coarse grid on the map that has a pixel per fine patch.

    scale turns sums of fine averages into coarse averages, as each is divided by the area of its own full patch.
    is_identity: the two grids cut the map alike; their full patches may differ in size all the same.
    """

    patches: PatchGrid
    scale: float
    is_identity: bool

    def coarsen(self, averages: Tensor) -> Tensor:
        """Averages over fine patches → averages over coarse ones."""
        coarse = averages if self.is_identity else self.patches.averages(averages)
        return coarse if self.scale == 1 else coarse * self.scale

    def refine(self, values: Tensor, layout: torch.memory_format) -> Tensor:
        """Give every fine patch the value of its coarse patch."""
        return values.contiguous(memory_format=layout) if self.is_identity else self.patches.spread(values, layout)


@lru_cache(maxsize=None)
def nesting(fine: PatchGrid, coarse: PatchGrid) -> Optional[Nesting]:
    """How the patches of coarse are made of those of fine, or None where one of them cuts through a fine patch."""
    axes = [_nested_axis(*pair) for pair in zip(fine, coarse)]
    if None in axes:
        return None
    patches = PatchGrid(*axes)  # type: ignore[arg-type]
    alike = all(axis.pixels == axis.patches for axis in patches)
    return Nesting(patches, patches.area * fine.area / coarse.area, alike)


def whole_map(size: Sequence[int]) -> PatchGrid:
    """The grid of a single patch."""
    return PatchGrid(*[PatchAxis(pixels, pixels, 1) for pixels in size])


def _nested_axis(fine: PatchAxis, coarse: PatchAxis) -> Optional[PatchAxis]:
    if fine.sizes() == coarse.sizes():
        return PatchAxis(fine.patches, 1, fine.patches)
    ends = list(accumulate(fine.sizes()))
    if 0 in fine.sizes() or ends[-1] != coarse.pixels:
        return None  # of empty patches it would have to be said to which coarse patch they belong
    axis = PatchAxis(
        fine.patches, max(coarse.patch // fine.patch, 1), coarse.patches, (coarse.offset - fine.offset) // fine.patch
    )
    return axis if _ends_in_pixels(axis, ends) == list(accumulate(coarse.sizes())) else None


def _ends_in_pixels(axis: PatchAxis, ends: List[int]) -> List[int]:
    """Where the patches of an axis of fine patches end on the map; ends: where the fine ones do."""
    return [ends[count - 1] if count else 0 for count in accumulate(axis.sizes())]
