"""The fused passes beside their twins from PyTorch's operators: both types, more than one thread, long rows."""

from math import inf

import pytest
import torch

from gradfilter.filtering.passes import (
    KINDS,
    Activation,
    Normal,
    Open,
    Wanted,
    activate,
    batch_statistics,
    extend_mask,
    max_pool,
    unpool_averages,
)
from gradfilter.filtering.passes.activate import activate_aten
from gradfilter.filtering.passes.masks import extend_mask_aten
from gradfilter.filtering.passes.max_pooling import max_pool_aten, unpool_averages_aten
from gradfilter.filtering.passes.statistics import batch_statistics_aten
from gradfilter.filtering.patches import PatchAxis, PatchGrid

BOUNDS = {torch.float32: 1e-6, torch.float64: 1e-12}
GRIDS = [
    PatchGrid(PatchAxis(6, 2, 3), PatchAxis(1100, 4, 275)),
    PatchGrid(PatchAxis(14, 4, 4), PatchAxis(14, 4, 4)),
    PatchGrid(PatchAxis(13, 2, 7, 1), PatchAxis(28, 4, 8, 2)),
    PatchGrid(PatchAxis(9, 4, 2), PatchAxis(600, 550, 1)),
    PatchGrid(PatchAxis(7, 2, 4), PatchAxis(3, 2, 2)),
    PatchGrid(PatchAxis(3, 1, 3), PatchAxis(21, 7, 3)),
]


@pytest.fixture(params=[1, 2], ids=["1 thread", "2 threads"], autouse=True)
def threads(request):
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


@pytest.fixture(params=BOUNDS, ids=str)
def dtype(request):
    torch.manual_seed(0)
    return request.param


def drawn(grid, dtype, layout, channels=6):
    """A map of which nothing lies near a kink of an activation."""
    maps = torch.randn(2, channels, grid.rows.pixels, grid.columns.pixels, dtype=dtype)
    kinks = torch.tensor([-3.0, 0.0, 3.0, 6.0], dtype=dtype)
    near = (maps[..., None] - kinks).abs().min(-1)[0] < 1e-3
    return torch.where(near, maps + 0.01, maps).contiguous(memory_format=layout)


def numbers(dtype, channels=6):
    return Normal(*[torch.rand(channels, dtype=dtype) + 0.5 for _ in range(4)])


def assert_equal(reference, dtype, expected, got):
    for want, result in zip(expected, got):
        assert want.dtype == result.dtype
        assert reference.distance(want, result) <= BOUNDS[dtype]


@pytest.mark.parametrize("grid", GRIDS)
def test_averages_and_spreading_equal_their_twins(reference, layout, dtype, grid):
    """The same numbers, whatever the patches."""
    maps = drawn(grid, dtype, layout)
    averages = grid.averages(maps)
    assert_equal(reference, dtype, [grid.averages_aten(maps)], [averages])
    assert torch.equal(grid.spread_aten(averages, layout), grid.spread(averages, layout))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("grid", GRIDS[:3])
def test_activate_equals_its_twin(reference, layout, dtype, grid, kind):
    """Every activation; without normalising, so that both see the same side of a kink."""
    y, wanted = drawn(grid, dtype, layout), Wanted(slope=True, slope_normal=True, normal=True, output=True)
    arguments = y, None, None, None, Activation(kind, 0.2), grid, wanted
    assert_equal(reference, dtype, *[filter(torch.is_tensor, f(*arguments)) for f in (activate_aten, activate)])


def test_activate_with_an_addend_equals_its_twin(reference, layout, dtype):
    """Both maps normalised, all averages."""
    grid = GRIDS[2]
    arguments = drawn(grid, dtype, layout), numbers(dtype), drawn(grid, dtype, layout), numbers(dtype)
    for activation in (Activation("silu"), Activation("gelu")):
        results = [f(*arguments, activation, grid, Wanted(*[True] * 6)) for f in (activate_aten, activate)]
        assert_equal(reference, dtype, *results)


def test_statistics_equal_their_twin(reference, layout, dtype):
    """Means, standard deviations, and how running statistics move."""
    y = drawn(GRIDS[0], dtype, layout) + 3
    for missing in (None, 0, 1):
        running = [[None if i == missing else torch.ones(y.size(1), dtype=dtype) for i in range(2)] for _ in range(2)]
        expected, got = (f(y, r, 0.1, 1e-3) for f, r in zip((batch_statistics_aten, batch_statistics), running))
        pairs = [pair for pair in zip(*running) if pair[0] is not None]
        assert_equal(reference, dtype, [*expected, *(pair[0] for pair in pairs)], [*got, *(pair[1] for pair in pairs)])


@pytest.mark.parametrize("grid", GRIDS)
def test_masks_equal_their_twin(reference, layout, dtype, grid):
    """The bytes are the same, and so are their averages."""
    a, b, y = (drawn(grid, dtype, layout) for _ in range(3))
    for previous in (None, Open(b, 1.0), (b > 0).byte()):
        arguments = previous, a, inf, grid, [(y, numbers(dtype)), (a, None)]
        expected, got = extend_mask_aten(*arguments), extend_mask(*arguments)
        assert torch.equal(expected.mask, got.mask)
        assert_equal(reference, dtype, [expected.slope, *expected.slope_normals], [got.slope, *got.slope_normals])


@pytest.mark.parametrize("grid", GRIDS)
def test_max_pooling_equals_its_twin(reference, layout, dtype, grid):
    """Maxima, places and the way back."""
    windows = (3, 3), (2, 2), (1, 1)
    y = drawn(grid, dtype, layout)
    for normal, activation in ((None, Activation("relu6")), (numbers(dtype), Activation("identity"))):
        expected, got = (f(y, normal, activation, *windows) for f in (max_pool_aten, max_pool))
        assert torch.equal(expected.index, got.index)
        assert_equal(reference, dtype, expected[::2], got[::2])
    size = (grid.rows.pixels, grid.columns.pixels)
    arguments = got.output, got.index, *windows, size, grid
    assert_equal(reference, dtype, [unpool_averages_aten(*arguments)], [unpool_averages(*arguments)])


def test_maps_that_are_dense_in_neither_way_are_taken(reference, dtype):
    """Slices and transposed maps are made contiguous first."""
    maps = torch.randn(2, 3, 8, 20, dtype=dtype)
    grid = PatchGrid(PatchAxis(8, 2, 4), PatchAxis(10, 2, 5))
    for view in (maps[..., ::2], maps[..., :10], maps[:, :, :, 10:].transpose(0, 0)):
        assert_equal(reference, dtype, [grid.averages_aten(view.contiguous())], [grid.averages(view)])


def test_averages_of_what_wants_a_gradient_are_differentiable(dtype):
    """Where autograd watches, the operators are used."""
    maps = torch.randn(1, 1, 4, 4, dtype=dtype, requires_grad=True)
    grid = PatchGrid(PatchAxis(4, 2, 2), PatchAxis(4, 2, 2))
    grid.averages(maps).sum().backward()
    assert [[0.25] * 4] * 4 == maps.grad[0, 0].tolist()
