"""The way back through a normalisation on patch grids, against autograd at full resolution and its own twin."""

import pytest
import torch

from gradfilter.filtering.passes import Normal, Wanted, activate, batch_statistics
from gradfilter.filtering.passes.activation import Activation
from gradfilter.filtering.passes.unnormalise import (
    channel_products,
    channel_products_aten,
    unnormalise,
    unnormalise_aten,
)
from gradfilter.filtering.patches import PatchAxis, PatchGrid

LAYOUTS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}
GRIDS = [
    PatchGrid(PatchAxis(8, 2, 4), PatchAxis(8, 4, 2)),
    PatchGrid(PatchAxis(7, 4, 2), PatchAxis(9, 2, 5)),
    PatchGrid(PatchAxis(5, 5, 1), PatchAxis(3, 3, 1)),
    PatchGrid(PatchAxis(6, 4, 2, 1), PatchAxis(11, 3, 4, 1)),
]


@pytest.fixture(params=[1, 2], ids=["1 thread", "2 threads"], autouse=True)
def threads(request):
    torch.manual_seed(0)
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def difference(one, other):
    return float((one - other).norm() / other.norm())


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS.keys())
@pytest.mark.parametrize("kind", ["identity", "relu", "silu"])
@pytest.mark.parametrize("training", [True, False], ids=["batch statistics", "given statistics"])
@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_autograd_finds_the_same(grid, training, kind, layout):
    """Means of the gradient at full resolution, and exact gradients of weight and bias, to 1e-10."""
    size = (3, 5, grid.rows.pixels, grid.columns.pixels)
    y = torch.randn(size, dtype=torch.float64).contiguous(memory_format=layout).requires_grad_()
    weight, bias = (torch.randn(5, dtype=torch.float64).requires_grad_() for _ in range(2))
    gradient = torch.randn(3, 5, *grid.patch_counts, dtype=torch.float64).contiguous(memory_format=layout)

    mean, rstd = batch_statistics(y.detach())
    if not training:
        mean, rstd = mean + 0.1, rstd * 0.9
    activation = torch.relu if kind == "relu" else torch.nn.functional.silu if kind == "silu" else torch.Tensor.clone
    out = torch.nn.functional.batch_norm(y, mean.clone(), rstd.pow(-2), weight, bias, training, eps=1e-30)
    activation(out).backward(grid.spread(gradient, layout))

    normal = Normal(mean, rstd, weight.detach(), bias.detach())
    sums = activate(
        y.detach(), normal, None, None, Activation(kind), grid, Wanted(slope=True, slope_normal=True, normal=True)
    )
    found = unnormalise(
        gradient,
        None if kind == "identity" else sums.slope,
        sums.slope_normal,
        sums.normal,
        (normal.rstd, normal.weight),
        grid,
        y.numel() // 5 if training else 0,
    )
    expected = grid.means(grid.averages(y.grad))
    for one, other in zip(found, (expected, weight.grad, bias.grad)):
        assert difference(one, other) < 1e-10


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS.keys())
@pytest.mark.parametrize("given", range(8))
@pytest.mark.parametrize("values", [0, 77])
@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_twin_computes_the_same(grid, values, given, layout, dtype):
    """Whatever is given and wanted, with or without 1/σ and a weight."""
    maps = [torch.randn(3, 5, *grid.patch_counts, dtype=dtype).contiguous(memory_format=layout) for _ in range(4)]
    gradient, slope, slope_normal, normal = [
        each if k < 0 or given >> k & 1 else None for k, each in enumerate(maps, -1)
    ]
    scaling = [torch.rand(5, dtype=dtype) if given & flag else None for flag in (1, 2)]
    arguments = gradient, slope, slope_normal, normal, scaling, grid, values
    found, twin = unnormalise(*arguments), unnormalise_aten(*arguments)
    for one, other in zip(found, twin):
        assert (one is None) == (other is None)
        assert one is None or difference(one, other) < (1e-5 if dtype == torch.float32 else 1e-12)
    assert unnormalise(*arguments, wants_map=False).map is None


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS.keys())
@pytest.mark.parametrize("values", [0, 77])
@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_factors_of_the_gradient(grid, values, layout):
    """As if the gradient had been multiplied before."""
    gradient, *averages = (
        torch.randn(3, 5, *grid.patch_counts).double().contiguous(memory_format=layout) for _ in range(4)
    )
    factors, rest = torch.randn(5).double(), (*averages, (torch.rand(5).double(), None), grid, values)
    expected = unnormalise_aten(gradient * factors.view(1, -1, 1, 1), *rest)
    assert all(difference(*pair) < 1e-12 for pair in zip(unnormalise(gradient, *rest, factors=factors), expected))


@pytest.mark.parametrize("function", [unnormalise, unnormalise_aten], ids=["fused", "aten"])
@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS.keys())
@pytest.mark.parametrize("values", [0, 77])
@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_counted_pixels_are_averages(grid, values, layout, function):
    """Of a derivative that is 0 or 1, with and without x̂; the gradient may be laid out otherwise."""
    size = 3, 5, *grid.patch_counts
    gradient, slope_normal, normal = (torch.randn(size).double().contiguous(memory_format=layout) for _ in range(3))
    opened = torch.randint(0, grid.area + 1, size, dtype=torch.uint8).contiguous(memory_format=torch.channels_last)
    for x_averages in (normal, None):
        rest = slope_normal, x_averages, (torch.rand(5).double(), None), grid, values
        found = function(gradient, opened, *rest)
        expected = unnormalise_aten(gradient, opened.double() / grid.area, *rest)
        assert all(difference(one, other) < 1e-12 for one, other in zip(found, expected))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS.keys())
@pytest.mark.parametrize("other_layout", LAYOUTS.values(), ids=LAYOUTS.keys())
def test_products_are_summed_for_every_channel(layout, other_layout, dtype):
    """As PyTorch's operators sum them, whatever layout each map has."""
    one = torch.randn(3, 5, 4, 7, dtype=dtype).contiguous(memory_format=layout)
    other = torch.randn(3, 5, 4, 7, dtype=dtype).contiguous(memory_format=other_layout)
    expected = 0.5 * channel_products_aten(one, other)
    assert difference(expected, channel_products(one, other, 0.5)) < (1e-5 if dtype == torch.float32 else 1e-12)
