"""Every pass against the slow reference: both layouts, odd sizes, patches that do not divide, one image and none."""

from math import inf

import pytest
import torch

from gradfilter.filtering.native import native_facts
from gradfilter.filtering.passes import (
    IDENTITY,
    KINDS,
    Activation,
    Normal,
    Open,
    Wanted,
    activate,
    batch_statistics,
    extend_mask,
    max_pool,
    unpool,
    unpool_averages,
)
from gradfilter.filtering.passes.activate import activate_aten
from gradfilter.filtering.patches import PatchAxis, PatchGrid, memory_format

EXACT = {torch.float64: 1e-12, torch.float32: 1e-6}
EVERYTHING = Wanted(*[True] * 6)
OF_ONE_MAP = EVERYTHING._replace(slope_addend_normal=False, addend_normal=False)
# (N, C, H, W), and the patches of rows and columns
CASES = [
    ((2, 3, 8, 8), (PatchAxis(8, 2, 4), PatchAxis(8, 4, 2))),
    ((1, 5, 7, 9), (PatchAxis(7, 2, 4), PatchAxis(9, 4, 3))),
    ((3, 17, 5, 14), (PatchAxis(5, 4, 2, 2), PatchAxis(14, 4, 4, 1))),
    ((2, 35, 9, 35), (PatchAxis(9, 2, 3, -1), PatchAxis(35, 3, 12))),
    ((1, 1, 3, 1), (PatchAxis(3, 2, 5, 4), PatchAxis(1, 1, 1))),
    ((2, 16, 1, 7), (PatchAxis(1, 1, 1), PatchAxis(7, 9, 1))),
]


def drawn(shape, layout, dtype=torch.float64, scale=2.0):
    return (torch.randn(shape).double() * scale).to(dtype).contiguous(memory_format=layout)


def drawn_normal(channels, dtype=torch.float64):
    """Mean, rstd, weight and bias; some weights are negative, and one is zero."""
    numbers = [torch.randn(channels), torch.rand(channels) + 0.5, torch.randn(channels), torch.randn(channels)]
    numbers[2][0] = 0.0
    return Normal(*[n.to(dtype) for n in numbers])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("function", [activate, activate_aten], ids=["fused", "aten"])
def test_activate_follows_its_definition(reference, layout, function, case, kind):
    """The map and all six averages, with and without normalising and adding."""
    torch.manual_seed(0)
    shape, axes = case
    grid, activation = PatchGrid(*axes), Activation(kind, 0.25)
    for normal, adds, addend_normal in (
        (False, False, False),
        (True, False, False),
        (True, True, False),
        (True, True, True),
    ):
        y, addend = drawn(shape, layout), drawn(shape, layout) if adds else None
        normals = [drawn_normal(shape[1]) if has else None for has in (normal, addend_normal)]
        wanted = EVERYTHING if adds else OF_ONE_MAP
        expected = reference.activate(
            reference.array(y),
            normals[0],
            addend if addend is None else reference.array(addend),
            normals[1],
            activation,
            grid,
        )
        got = function(y, normals[0], addend, normals[1], activation, grid, wanted)
        assert got.a.data_ptr() != y.data_ptr()
        for want, result, has in zip(expected, got, (True, *wanted)):
            assert has == (result is not None)
            if has:
                assert memory_format(y) == memory_format(result) or 1 in result.shape
                averages = result.double() / (grid.area if result.dtype == torch.uint8 else 1)
                assert reference.distance(want, averages) <= EXACT[torch.float64]


def test_activate_makes_only_what_is_wanted(layout):
    """What is not wanted is None, and what is wanted does not depend on the rest."""
    torch.manual_seed(0)
    grid = PatchGrid(PatchAxis(7, 2, 4), PatchAxis(9, 4, 3))
    y, addend, numbers = drawn((2, 5, 7, 9), layout), drawn((2, 5, 7, 9), layout), drawn_normal(5)
    whole = activate(y, numbers, addend, numbers, Activation("relu"), grid, EVERYTHING)
    for i in range(6):
        wanted = Wanted(*[i == j for j in range(6)])
        part = activate(y, numbers, addend, numbers, Activation("relu"), grid, wanted)
        assert list(wanted) == [result is not None for result in part[1:]]
        assert torch.equal(whole[1 + i], part[1 + i])


@pytest.mark.parametrize("dtype", EXACT, ids=str)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("case", CASES)
def test_activate_over_its_input_gives_the_same(reference, layout, dtype, case, kind):
    """The map takes the place of y where the kernel runs, and averages are as without; sizes are no whole vectors."""
    torch.manual_seed(0)
    shape, axes = case
    grid, activation, numbers = PatchGrid(*axes), Activation(kind, 0.25), drawn_normal(shape[1], dtype)
    y = drawn(shape, layout, dtype)
    for arguments in (
        (numbers, None, None, activation, grid, OF_ONE_MAP),
        (numbers, drawn(shape, layout, dtype), numbers, activation, grid, EVERYTHING),
    ):
        expected, written = activate(y, *arguments), y.clone()
        got = activate(written, *arguments, overwrite=True)
        native = native_facts()["passes"] == "native"
        assert native == (got.a.data_ptr() == written.data_ptr())
        for want, result in zip(expected, got):
            assert (want is None) == (result is None)
            if want is not None:
                assert reference.distance(want.double(), result) <= EXACT[dtype]


def test_autograd_sees_that_a_map_was_written_over(layout):
    """What it kept of it before is refused in a backward pass; without the kernel nothing is written over."""
    y, grid = torch.randn(1, 2, 4, 4).contiguous(memory_format=layout), PatchGrid(*[PatchAxis(4, 2, 2)] * 2)
    loss = (torch.ones(2, 4, 4, requires_grad=True) * y).sum()
    a = activate(y, None, None, None, Activation("relu"), grid, Wanted(), overwrite=True).a
    if a is y:
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            loss.backward()
    else:
        loss.backward()


def test_activate_refuses_what_it_cannot_average():
    """Averages of an addend need one, and an activation has to be known."""
    y, grid = torch.zeros(1, 1, 2, 2), PatchGrid(PatchAxis(2, 2, 1), PatchAxis(2, 2, 1))
    with pytest.raises(ValueError, match="there is no addend"):
        activate(y, None, None, None, Activation("relu"), grid, Wanted(addend_normal=True))
    with pytest.raises(ValueError, match="no activation 'sine'"):
        activate(y, None, None, None, Activation("sine"), grid, Wanted())


@pytest.mark.parametrize("case", CASES)
def test_averages_and_spreading_follow_their_definition(reference, layout, case):
    """Sums over each patch, and the value of its patch for every pixel."""
    torch.manual_seed(0)
    shape, axes = case
    grid, maps = PatchGrid(*axes), drawn(shape, layout)
    averages = grid.averages(maps)
    assert reference.distance(reference.averages(reference.array(maps), grid), averages) <= EXACT[torch.float64]
    spread = grid.spread(averages, layout)
    assert spread.is_contiguous(memory_format=layout)
    assert reference.distance(reference.spread(reference.array(averages), grid), spread) == 0


@pytest.mark.parametrize("case", CASES)
def test_masks_follow_their_definition(reference, layout, case):
    """A mask is extended by the next activation, and averaged with each normalised map."""
    torch.manual_seed(0)
    shape, axes = case
    grid, numbers = PatchGrid(*axes), drawn_normal(shape[1])
    a, b, y = (drawn(shape, layout) for _ in range(3))
    first, first_b = reference.let_through(reference.array(a), 1.5), reference.let_through(reference.array(b))
    mask = torch.from_numpy(first).byte().contiguous(memory_format=layout)
    for previous, expected in ((None, first_b), (mask, first & first_b), (Open(a, 1.5), first & first_b)):
        for normals in ([], [(y, numbers)], [(y, numbers), (a, None)]):
            got = extend_mask(previous, b, inf, grid, normals)
            assert (torch.uint8, True) == (got.mask.dtype, got.mask.is_contiguous(memory_format=layout))
            assert expected.tolist() == got.mask.bool().tolist()
            assert (
                reference.distance(reference.averages(expected.astype(float), grid), got.slope) <= EXACT[torch.float64]
            )
            assert len(normals) == len(got.slope_normals)
            for (maps, normal), result in zip(normals, got.slope_normals):
                x, _ = reference.normalised(reference.array(maps), normal)
                assert reference.distance(reference.averages(expected * x, grid), result) <= EXACT[torch.float64]


def test_sizes_that_do_not_match_are_refused():
    """A kernel reads as far as it is told, so what does not belong together never reaches one."""
    y, other = torch.zeros(1, 2, 4, 4), torch.zeros(1, 2, 4, 5)
    grid = PatchGrid(PatchAxis(4, 2, 2), PatchAxis(4, 2, 2))
    with pytest.raises(ValueError, match="grid is for maps of 4×4 pixels, got 4×5"):
        grid.averages(other)
    with pytest.raises(ValueError, match="grid is for maps of 4×4 pixels, got 4×5"):
        activate(other, None, None, None, IDENTITY, grid, Wanted())
    with pytest.raises(ValueError, match="addend is"):
        activate(y, None, other, None, IDENTITY, grid, Wanted())
    with pytest.raises(ValueError, match="as many of each number as channels: 2"):
        activate(y, drawn_normal(3, torch.float32), None, None, IDENTITY, grid, Wanted())
    with pytest.raises(ValueError, match="as large as the activated one"):
        extend_mask(None, y, inf, grid, [(other, None)])
    with pytest.raises(ValueError, match="does not belong to this pooling"):
        unpool_averages(y, torch.zeros(1, 2, 4, 4).byte(), (2, 2), (2, 2), (0, 0), (4, 4), grid)
    with pytest.raises(ValueError, match="values for 2×2 patches"):
        grid.spread(other, torch.contiguous_format)


WINDOWS = [
    ((3, 3), (2, 2), (1, 1)),
    ((2, 2), (2, 2), (0, 0)),
    ((3, 2), (1, 3), (1, 0)),
    ((5, 3), (3, 1), (2, 1)),
    ((1, 1), (2, 1), (0, 0)),
    ((11, 23), (1, 2), (5, 11)),
]


@pytest.mark.parametrize("numbers", WINDOWS)
@pytest.mark.parametrize("kind", ["identity", "relu", "relu6"])
def test_max_pooling_follows_its_definition(reference, layout, kind, numbers):
    """Maxima, places, x̂ there; and the gradient goes to those pixels and is averaged over patches."""
    torch.manual_seed(0)
    for (n, c, h, w), normal in (((2, 3, 9, 11), None), ((1, 18, 13, 35), drawn_normal(18))):
        # Whole and half numbers have many equal maxima.
        y = torch.randn(n, c, h, w).double().mul(8).round().div(2).contiguous(memory_format=layout)
        expected = reference.max_pool(reference.array(y), normal, kind, numbers)
        got = max_pool(y, normal, Activation(kind), *numbers)
        assert torch.uint8 == got.index.dtype
        assert expected[1].tolist() == got.index.double().tolist()
        for want, result in zip(expected[::2], got[::2]):
            assert memory_format(y) == memory_format(result)
            assert reference.distance(want, result) <= EXACT[torch.float64]
        gradient = drawn(got.output.shape, layout)
        grid = PatchGrid(PatchAxis(h, 2, -(-h // 2)), PatchAxis(w, 4, -(-w // 4), 1))
        full = reference.unpool(reference.array(gradient), expected[1], numbers, (h, w))
        assert reference.distance(full, unpool(gradient, got.index, *numbers, (h, w))) <= EXACT[torch.float64]
        averages = unpool_averages(gradient, got.index, *numbers, (h, w), grid)
        assert memory_format(y) == memory_format(averages)
        assert reference.distance(reference.averages(full, grid), averages) <= EXACT[torch.float64]


def test_max_pooling_refuses_what_a_byte_or_a_maximum_cannot_hold():
    """Activations that are not monotone, and windows of more than 254 places."""
    with pytest.raises(ValueError, match="identity, relu, relu6, got 'silu'"):
        max_pool(torch.zeros(1, 1, 4, 4), None, Activation("silu"), (2, 2), (2, 2), (0, 0))
    with pytest.raises(ValueError, match="254 places, and 15×17 has more"):
        max_pool(torch.zeros(1, 1, 40, 40), None, Activation("relu"), (15, 17), (2, 2), (0, 0))


@pytest.mark.parametrize("dtype", EXACT, ids=str)
@pytest.mark.parametrize("shape", [(4, 3, 33, 31), (2, 37, 5, 5), (1, 1, 1, 1), (3, 2, 300, 1)])
def test_statistics_are_exact_far_from_zero(reference, layout, dtype, shape):
    """The deviation is right though the mean is a hundred times as large."""
    torch.manual_seed(0)
    y = (torch.randn(shape).double() + 100).to(dtype).contiguous(memory_format=layout)
    mean, rstd = batch_statistics(y, eps=1e-2)
    assert [(dtype, (shape[1],))] * 2 == [(t.dtype, tuple(t.shape)) for t in (mean, rstd)]
    exact = y.double()
    assert reference.distance(exact.mean((0, 2, 3)), mean) <= EXACT[dtype]
    variance = exact.transpose(0, 1).flatten(1).var(1, unbiased=False)
    assert reference.distance((variance + 1e-2).rsqrt(), rstd) <= 10 * EXACT[dtype]


def test_autograd_sees_that_running_statistics_moved(layout):
    """What it kept of them before is refused in a backward pass."""
    running = torch.zeros(3), torch.ones(3)
    kept = [(torch.ones(3, requires_grad=True) * numbers).sum() for numbers in running]
    batch_statistics(torch.randn(2, 3, 4, 4).contiguous(memory_format=layout), running, 0.1, 1e-5)
    for loss in kept:
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            loss.backward()


def test_empty_batches_have_empty_results(layout):
    """No image gives maps and averages of no image."""
    y, numbers = torch.zeros(0, 3, 8, 9).contiguous(memory_format=layout), drawn_normal(3, torch.float32)
    grid = PatchGrid(PatchAxis(8, 2, 4), PatchAxis(9, 2, 5))
    assert (0, 3, 4, 5) == grid.averages(y).shape
    assert (0, 3, 8, 9) == grid.spread(grid.averages(y), layout).shape
    activated = activate(y, numbers, y, numbers, Activation("relu"), grid, EVERYTHING)
    assert [(0, 3, 8, 9)] + [(0, 3, 4, 5)] * 6 == [tuple(t.shape) for t in activated]
    masked = extend_mask(None, y, inf, grid, [(y, numbers)])
    assert [(0, 3, 8, 9), (0, 3, 4, 5)] == [tuple(t.shape) for t in masked[:2]]
    pooled = max_pool(y, numbers, Activation("relu"), (3, 3), (2, 2), (1, 1))
    assert [(0, 3, 4, 5)] * 3 == [tuple(t.shape) for t in pooled]
    back = unpool_averages(pooled.output, pooled.index, (3, 3), (2, 2), (1, 1), (8, 9), grid)
    assert (0, 3, 4, 5) == back.shape


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_sixteen_bits_are_kept_and_computed_in_more(reference, layout, dtype):
    """Results have the type of the map, and err by its rounding only."""
    torch.manual_seed(0)
    y, numbers = drawn((2, 3, 7, 9), layout, dtype), drawn_normal(3, torch.float32)
    grid = PatchGrid(PatchAxis(7, 2, 4), PatchAxis(9, 4, 3))
    exact = activate(
        y.double(), drawn_like(numbers), None, None, Activation("silu"), grid, Wanted(slope=True, slope_normal=True)
    )
    got = activate(y, numbers, None, None, Activation("silu"), grid, Wanted(slope=True, slope_normal=True))
    for want, result in zip(exact[:3], got[:3]):
        assert dtype == result.dtype
        assert reference.distance(want, result) <= 2.0**-8


def drawn_like(normal):
    return Normal(*[n.double() for n in normal])
