"""Patch grids: how an axis is cut, and what averages and spreading do with the cut."""

import pytest
import torch

from gradfilter.filtering.patches import PatchAxis, PatchGrid

CUTS = [
    (PatchAxis(8, 2, 4), [2, 2, 2, 2]),
    (PatchAxis(7, 2, 4), [2, 2, 2, 1]),
    (PatchAxis(8, 2, 3), [2, 2, 4]),
    (PatchAxis(3, 8, 1), [3]),
    (PatchAxis(12, 8, 1), [12]),
    (PatchAxis(3, 2, 5), [2, 1, 0, 0, 0]),
    (PatchAxis(4, 2, 4), [2, 2, 0, 0]),
    (PatchAxis(1, 1, 1), [1]),
    # Offset: the first patch lacks pixels, or has more, or is empty with those after it.
    (PatchAxis(7, 2, 4, 1), [1, 2, 2, 2]),
    (PatchAxis(5, 4, 2, 2), [2, 3]),
    (PatchAxis(2, 4, 2, 3), [1, 1]),
    (PatchAxis(6, 4, 2, 1), [3, 3]),
    (PatchAxis(5, 9, 2, 4), [5, 0]),
    (PatchAxis(8, 10, 2, 5), [5, 3]),
    (PatchAxis(9, 2, 3, -1), [3, 2, 4]),
    (PatchAxis(9, 2, 3, -2), [4, 2, 3]),
    (PatchAxis(2, 2, 5, 4), [0, 0, 2, 0, 0]),
    (PatchAxis(3, 2, 5, 4), [0, 0, 2, 1, 0]),
    (PatchAxis(9, 4, 1, -2), [9]),
]


@pytest.mark.parametrize(("axis", "expected"), CUTS)
def test_axis_is_cut_into_patches(axis, expected):
    """Patches start at minus the offset; the outer ones take what is left over or stay empty."""
    one, ones = PatchAxis(1, 1, 1), torch.ones(1, 1, axis.pixels, 1)
    assert expected == axis.sizes()
    for grid, maps in ((PatchGrid(axis, one), ones), (PatchGrid(one, axis), ones.transpose(2, 3))):
        assert expected == pytest.approx((grid.averages(maps) * grid.area).flatten().tolist())


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last], ids=["contiguous", "last"])
def test_spread_is_the_transpose_of_sums(memory_format):
    """For any map and any values, sums(map) · values equals map · spread(values)."""
    torch.manual_seed(0)
    for (rows, _), (columns, _) in zip(CUTS, CUTS[1:] + CUTS[:1]):
        grid = PatchGrid(rows, columns)
        maps = torch.randn(2, 3, rows.pixels, columns.pixels).double().contiguous(memory_format=memory_format)
        values = torch.randn(2, 3, rows.patches, columns.patches).double()
        spread = grid.spread(values, memory_format)
        assert spread.shape == maps.shape
        total = float((grid.averages(maps) * values).sum()) * grid.area
        assert float((maps * spread).sum()) == pytest.approx(total)


def test_mean_counts_the_real_pixels_only():
    """The mean of a constant map is the constant, in the smaller border patches and the larger ones too."""
    for axis, sizes in CUTS:
        grid, maps = PatchGrid(axis, PatchAxis(3, 2, 2)), torch.full((1, 1, axis.pixels, 3), 7.0).double()
        if all(sizes):
            assert grid.means(grid.averages(maps)).flatten().tolist() == pytest.approx([7.0] * 2 * axis.patches)


def test_average_of_large_numbers_stays_in_half_precision():
    """The sum of this patch would be infinite in float16; its average is not."""
    maps = torch.full((1, 1, 8, 8), 2000.0).half()
    grid = PatchGrid(PatchAxis(8, 8, 1), PatchAxis(8, 8, 1))
    assert [2000.0] == grid.averages(maps).flatten().tolist()
