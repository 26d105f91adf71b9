"""Patch grids on a map: sums over patches, and values spread back over their pixels.

Patches start at pixel 0 ("corner" alignment), so the grids of consecutive layers nest. The last
patch of an axis takes what is left: fewer pixels where the map ends early, more where a
convolution without padding reads beyond the last full patch of its input.
"""

from typing import List, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor


class PatchAxis(NamedTuple):
    """One axis of `pixels` pixels, cut into `patches` patches of nominally `patch` pixels."""

    pixels: int
    patch: int
    patches: int

    @property
    def full(self) -> int:
        """How many leading patches have exactly `patch` pixels, the last patch not counted."""
        return min(self.patches - 1, self.pixels // self.patch)

    def sizes(self) -> List[int]:
        """Pixels in each patch. Padding wider than a patch leaves the last ones empty."""
        rest = self.pixels - self.full * self.patch
        return [self.patch] * self.full + [rest] + [0] * (self.patches - self.full - 1)


class PatchGrid(NamedTuple):
    """The patches of one map: rows × columns."""

    rows: PatchAxis
    columns: PatchAxis

    def sums(self, maps: Tensor) -> Tensor:
        """Sum over each patch: (N, C, H, W) → (N, C, P_h, P_w), memory format kept."""
        # No window needs to be larger than the map, and avg_pool2d counts in 32 bits.
        window = [min(axis.patch, axis.pixels) for axis in self]
        pooled = F.avg_pool2d(maps, window, ceil_mode=True, divisor_override=1)
        return _fit(_fit(pooled, 2, self.rows.patches), 3, self.columns.patches)

    def pixels(self, like: Tensor) -> Tensor:
        """Pixels in each patch, (P_h, P_w), with the type and device of like."""
        rows, columns = (like.new_tensor(axis.sizes()) for axis in self)
        return rows[:, None] * columns

    def spread(self, values: Tensor, memory_format: torch.memory_format) -> Tensor:
        """Give every pixel the value of its patch: (N, C, P_h, P_w) → (N, C, H, W)."""
        # Columns first: the intermediate map is small, and the rows are then copied as wholes.
        widened = _spread_axis(values, 3, self.columns, memory_format)
        return _spread_axis(widened, 2, self.rows, memory_format)


def _fit(pooled: Tensor, dim: int, count: int) -> Tensor:
    """Fold patches beyond the last one into it, or append empty ones, until there are `count`."""
    extra = pooled.size(dim) - count
    if extra > 0:
        last = pooled.narrow(dim, count - 1, extra + 1).sum(dim, keepdim=True)
        return torch.cat([pooled.narrow(dim, 0, count - 1), last], dim)
    if extra < 0:
        shape = list(pooled.shape)
        shape[dim] = -extra
        return torch.cat([pooled, pooled.new_zeros(shape)], dim)
    return pooled


def _spread_axis(values: Tensor, dim: int, axis: PatchAxis, memory_format: torch.memory_format) -> Tensor:
    """Repeat each patch's entry along one axis as often as the patch has pixels."""
    if axis.pixels == axis.patches == axis.full + 1:
        return values  # one pixel a patch
    shape = list(values.shape)
    shape[dim] = axis.pixels
    spread = torch.empty(shape, dtype=values.dtype, device=values.device, memory_format=memory_format)
    covered = axis.full * axis.patch
    if covered:
        repeated = [*shape[:dim], axis.full, axis.patch, *shape[dim + 1 :]]
        spread.narrow(dim, 0, covered).view(repeated).copy_(values.narrow(dim, 0, axis.full).unsqueeze(dim + 1))
    if covered < axis.pixels:
        spread.narrow(dim, covered, axis.pixels - covered).copy_(values.narrow(dim, axis.full, 1))
    return spread
