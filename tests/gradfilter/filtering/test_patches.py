"""Patch grids: how an axis is cut, and what sums and spreading do with the cut."""

import pytest
import torch

from gradfilter.filtering.patches import PatchAxis, PatchGrid


@pytest.mark.parametrize(
    ("pixels", "patch", "patches", "expected"),
    [
        (8, 2, 4, [2, 2, 2, 2]),
        (7, 2, 4, [2, 2, 2, 1]),
        (8, 2, 3, [2, 2, 4]),
        (3, 8, 1, [3]),
        (12, 8, 1, [12]),
        (3, 2, 5, [2, 1, 0, 0, 0]),
        (4, 2, 4, [2, 2, 0, 0]),
        (1, 1, 1, [1]),
    ],
)
def test_axis_is_cut_from_pixel_zero(pixels, patch, patches, expected):
    """Patches start at 0; the last takes what is left over, and empty ones may follow the map's end."""
    axis = PatchAxis(pixels, patch, patches)
    assert expected == axis.sizes()
    ones = torch.ones(1, 1, pixels, 1)
    assert expected == PatchGrid(axis, PatchAxis(1, 1, 1)).sums(ones).flatten().tolist()
    assert expected == PatchGrid(PatchAxis(1, 1, 1), axis).sums(ones.transpose(2, 3)).flatten().tolist()


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last], ids=["contiguous", "last"])
def test_spread_is_the_transpose_of_sums(memory_format):
    """For any map and any values, sums(map) · values equals map · spread(values)."""
    torch.manual_seed(0)
    for rows, columns in [
        ((9, 4, 3), (7, 2, 3)),
        ((8, 4, 2), (10, 2, 4)),
        ((3, 2, 5), (4, 4, 1)),
        ((5, 9, 1), (5, 1, 5)),
    ]:
        grid = PatchGrid(PatchAxis(*rows), PatchAxis(*columns))
        maps = torch.randn(2, 3, rows[0], columns[0]).double().contiguous(memory_format=memory_format)
        values = torch.randn(2, 3, rows[2], columns[2]).double()
        spread = grid.spread(values, memory_format)
        assert spread.shape == maps.shape
        assert float((grid.sums(maps) * values).sum()) == pytest.approx(float((maps * spread).sum()))
        assert grid.pixels(maps).tolist() == grid.sums(torch.ones_like(maps))[0, 0].tolist()
