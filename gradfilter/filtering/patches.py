"""Patch grids on a map: averages over patches, and values spread back over their pixels.

A grid starts at pixel 0, or `offset` pixels before it, so that its first patch lacks that many. The
first and the last patch take what is left over: fewer pixels where the map ends early, more where it
goes on beyond them, as the input of a convolution without padding does.
"""

from functools import lru_cache
from itertools import groupby
from typing import List, NamedTuple, Sequence, Tuple

import torch
import torch.nn.functional as F
from torch import Tensor

from gradfilter.filtering.native import pooling
from gradfilter.filtering.precision import can_pool

_MOST_IN_A_BYTE = 255


class PatchAxis(NamedTuple):
    """One axis of `pixels` pixels, cut into `patches` patches of nominally `patch` pixels.

    Patch i begins at pixel i · patch − offset; a negative offset gives the first patch more pixels.
    """

    pixels: int
    patch: int
    patches: int
    offset: int = 0

    def sizes(self) -> List[int]:
        """Pixels in each patch. Padding wider than a patch leaves the outer ones empty."""
        inner = [i * self.patch - self.offset for i in range(1, self.patches)]
        ends = [min(max(end, 0), self.pixels) for end in inner] + [self.pixels]
        return [end - start for start, end in zip([0, *ends], ends)]

    @property
    def nominal(self) -> int:
        """Pixels of a full patch on this axis: no patch is larger than the map."""
        return min(self.patch, self.pixels)

    @property
    def pools(self) -> bool:
        """Whether pooling makes the patches; it cannot begin more than half a window before the map, nor inside."""
        return self.patches == 1 or 0 <= self.offset <= self.patch // 2

    @property
    def window(self) -> Tuple[int, int]:
        """Size and padding of the pooling along this axis."""
        if not self.pools:
            return 1, 0
        if self.patches == 1 or self.patch - self.offset >= self.pixels:
            return self.nominal, 0  # the first patch has it all, and avg_pool2d counts in 32 bits
        return self.patch, self.offset


class PatchGrid(NamedTuple):
    """The patches of one map: rows × columns."""

    rows: PatchAxis
    columns: PatchAxis

    @property
    def area(self) -> int:
        """What averages divides by: the pixels of a full patch."""
        return _area(self)

    @property
    def patch_counts(self) -> Tuple[int, int]:
        """Patches along each axis."""
        return self.rows.patches, self.columns.patches

    @property
    def is_counted_in_bytes(self) -> bool:
        """Whether a byte holds the number of any patch's pixels."""
        return _largest_patch(self) <= _MOST_IN_A_BYTE

    def counts(self, like: Tensor) -> Tensor:
        """The real pixels of each patch, (P_h, P_w), in the type of another tensor."""
        return _counts(self, like.dtype, like.device)

    def shares(self, like: Tensor) -> Tensor:
        """The pixels of a full patch beside those of each, (P_h, P_w): what makes means of averages."""
        return _shares(self, like.dtype, like.device)

    def require(self, size: Sequence[int]) -> None:
        """Refuse maps whose (H, W) is not the grid's, with a ValueError."""
        pixels = self.rows.pixels, self.columns.pixels
        if tuple(size) != pixels:
            raise ValueError("this grid is for maps of %d×%d pixels, got %d×%d." % (*pixels, *size))

    def averages(self, maps: Tensor) -> Tensor:
        """Each patch's sum over the pixels of a full one: (N, C, H, W) → (N, C, P_h, P_w).

        Memory format and type are kept; an average has the map's range, which a sum in 16 bits would leave.

        Raises:
            ValueError: the maps are of another size than the grid's.
        """
        self.require(maps.shape[2:])
        averages = pooling.averages(maps, self, memory_format(maps))
        return self.averages_aten(maps) if averages is None else averages

    def averages_aten(self, maps: Tensor) -> Tensor:
        """The same from PyTorch's operators, for every device and type."""
        if not can_pool(maps.device.type, maps.dtype):
            return self.averages_aten(maps.float()).to(maps.dtype)
        windows, padding = zip(*[axis.window for axis in self])
        pooled = F.avg_pool2d(maps, windows, padding=padding, ceil_mode=True, divisor_override=self.area)
        return _fit(_fit(pooled, 2, self.rows), 3, self.columns)

    def means(self, averages: Tensor) -> Tensor:
        """The mean over the real pixels of each patch, none of which may be empty, from its average."""
        return averages if _all_full(self) else averages * self.shares(averages)

    def spread(self, values: Tensor, layout: torch.memory_format) -> Tensor:
        """Give every pixel the value of its patch: (N, C, P_h, P_w) → (N, C, H, W).

        Raises:
            ValueError: there are not as many values as patches.
        """
        if tuple(values.shape[2:]) != (self.rows.patches, self.columns.patches):
            counts = self.rows.patches, self.columns.patches, *values.shape[2:]
            raise ValueError("this grid spreads values for %d×%d patches, got %d×%d." % counts)
        spread = pooling.spread(values, self, layout)
        return self.spread_aten(values, layout) if spread is None else spread

    def spread_aten(self, values: Tensor, layout: torch.memory_format) -> Tensor:
        """The same from PyTorch's operators."""
        # Columns first: the intermediate map is small, and the rows are then copied as wholes.
        return _spread_axis(_spread_axis(values, 3, self.columns, layout), 2, self.rows, layout)


def memory_format(maps: Tensor) -> torch.memory_format:
    """How maps are laid out; what is neither way counts as contiguous."""
    if maps.is_contiguous(memory_format=torch.channels_last) and not maps.is_contiguous():
        return torch.channels_last
    return torch.contiguous_format


@lru_cache(maxsize=None)
def _all_full(grid: PatchGrid) -> bool:
    return all(set(axis.sizes()) == {axis.nominal} for axis in grid)


@lru_cache(maxsize=None)
def _largest_patch(grid: PatchGrid) -> int:
    rows, columns = (max(axis.sizes()) for axis in grid)
    return rows * columns


@lru_cache(maxsize=None)
def _area(grid: PatchGrid) -> int:
    return grid.rows.nominal * grid.columns.nominal


@lru_cache(maxsize=None)
def _counts(grid: PatchGrid, dtype: torch.dtype, device: torch.device) -> Tensor:
    rows, columns = (torch.tensor(axis.sizes(), dtype=dtype, device=device) for axis in grid)
    return rows[:, None] * columns


@lru_cache(maxsize=None)
def _shares(grid: PatchGrid, dtype: torch.dtype, device: torch.device) -> Tensor:
    return grid.area / _counts(grid, dtype, device)


def _fit(pooled: Tensor, dim: int, axis: PatchAxis) -> Tensor:
    """Make one entry per patch out of the pooled windows along dim."""
    if not axis.pools:
        patches = [pixels.sum(dim, keepdim=True) for pixels in torch.split(pooled, axis.sizes(), dim)]
        return torch.cat(patches, dim)
    extra = pooled.size(dim) - axis.patches
    if extra > 0:  # what lies beyond the last patch belongs to it
        last = pooled.narrow(dim, axis.patches - 1, extra + 1).sum(dim, keepdim=True)
        return torch.cat([pooled.narrow(dim, 0, axis.patches - 1), last], dim)
    if extra < 0:
        shape = list(pooled.shape)
        shape[dim] = -extra
        return torch.cat([pooled, pooled.new_zeros(shape)], dim)
    return pooled


def _spread_axis(values: Tensor, dim: int, axis: PatchAxis, layout: torch.memory_format) -> Tensor:
    """Repeat each patch's entry along one axis as often as the patch has pixels."""
    if axis.pixels == axis.patches and set(axis.sizes()) == {1}:
        return values
    shape = list(values.shape)
    shape[dim] = axis.pixels
    spread = torch.empty(shape, dtype=values.dtype, device=values.device, memory_format=layout)
    pixel = patch = 0
    for size, run in groupby(axis.sizes()):  # neighbours of one size are copied at once
        count = len(list(run))
        if size:
            repeated = [*shape[:dim], count, size, *shape[dim + 1 :]]
            entries = values.narrow(dim, patch, count).unsqueeze(dim + 1)
            spread.narrow(dim, pixel, count * size).view(repeated).copy_(entries)
        pixel, patch = pixel + count * size, patch + count
    return spread
