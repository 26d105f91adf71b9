"""Interpolation between samples: by hand, against a slow reference, its adjoint, and what bounds its errors."""

import pytest
import torch
from torch.autograd import gradcheck

from gradfilter.virtual import interpolate, sampled_size
from gradfilter.virtual.reconstruction import error_bounds, errors

SIZES = pytest.mark.parametrize("size", [(1, 1), (2, 2), (3, 3), (4, 4), (5, 8), (7, 2), (6, 9), (17, 16)], ids=str)


def slowly(z, size):
    """The formulas, number by number, on nested lists."""
    rows, columns = len(z), len(z[0])

    def row(i, j):
        return z[min(i, rows - 1)][min(j, columns - 1)]

    def at(y, x):
        i, j = y // 2, x // 2
        corners = [(i + a, j + b) for a in range(y % 2 + 1) for b in range(x % 2 + 1)]
        return sum(row(*corner) for corner in corners) / len(corners)

    return [[at(y, x) for x in range(size[1])] for y in range(size[0])]


def samples_of(size, dtype=torch.float64):
    return torch.randn(2, 3, *sampled_size(size), generator=torch.Generator().manual_seed(0), dtype=dtype)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((4, 4), [[0, 1, 2, 2], [2, 3, 4, 4], [4, 5, 6, 6], [4, 5, 6, 6]]),
        ((3, 3), [[0, 1, 2], [2, 3, 4], [4, 5, 6]]),
    ],
    ids=["even", "odd"],
)
def test_hand_case(size, expected):
    """An even map repeats its last row and column, an odd one ends on a sample."""
    z = torch.tensor([[0.0, 2], [4, 6]]).view(1, 1, 2, 2)
    assert torch.equal(torch.tensor(expected, dtype=torch.float32), interpolate(z, size)[0, 0])


@SIZES
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last], ids=["contiguous", "channels_last"])
def test_every_number_is_the_written_formula(size, layout):
    """Against the slow reference, in both layouts; samples stay bit for bit where they were."""
    z = samples_of(size).contiguous(memory_format=layout)
    full = interpolate(z, size)
    expected = [[slowly(channel, size) for channel in image] for image in z.tolist()]
    assert torch.allclose(torch.tensor(expected, dtype=torch.float64), full, rtol=1e-12)
    assert torch.equal(z, full[:, :, ::2, ::2])


@SIZES
def test_gradient_is_exact(size):
    """Numerically differentiated in float64, even sizes included, whose repeated rows send their gradient back."""
    z = samples_of(size)[:1, :1].requires_grad_()
    assert gradcheck(lambda samples: interpolate(samples, size), (z,))


@SIZES
def test_backward_is_the_adjoint(size):
    """<interpolate z, v> = <z, adjoint v> for every v."""
    z = samples_of(size).requires_grad_()
    v = torch.randn(2, 3, *size, dtype=torch.float64)
    full = interpolate(z, size)
    full.backward(v)
    assert float((full * v).sum().detach()) == pytest.approx(float((z * z.grad).sum().detach()), rel=1e-10)


def test_adjoint_of_ones():
    """Odd: an interior sample counts 4 times, at an edge 3, in a corner 2.25. Even: the last ones more, in all H·W."""
    for size, corners in (((7, 7), (2.25, 2.25)), ((8, 8), (2.25, 6.25))):
        z = torch.zeros(1, 1, 4, 4, requires_grad=True)
        interpolate(z, size).sum().backward()
        assert corners == (z.grad[0, 0, 0, 0].item(), z.grad[0, 0, 3, 3].item())
        assert (4, size[0] * size[1]) == (z.grad[0, 0, 1, 1].item(), z.grad.sum().item())
    odd = torch.zeros(1, 1, 4, 4, requires_grad=True)
    interpolate(odd, (7, 7)).sum().backward()
    assert 3 == odd.grad[0, 0, 0, 1].item()


@pytest.mark.parametrize("size", [(7, 9), (8, 6)], ids=["odd", "even"])
def test_planes_are_reconstructed(size):
    """A constant map comes back; one that rises evenly too, but for an even map's repeated last row and column."""
    rows, columns = (torch.arange(count, dtype=torch.float64) for count in size)
    plane = (3 * rows[:, None] + 2 * columns[None, :]).expand(1, 1, *size)
    assert 0 == errors(torch.full((1, 1, *size), 5.0)).max()
    off = errors(plane)[0, 0]
    if size[0] % 2:
        assert 0 == off.max()
    else:
        assert 0 == off[:-1, :-1].max()
        assert (3, 2, 5) == (off[-1, 0].item(), off[0, -1].item(), off[-1, -1].item())


@SIZES
def test_errors_stay_within_their_bounds(size):
    """Number by number; between two samples of a row the error is half of the second difference."""
    exact = torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    error = errors(exact)
    assert (error <= error_bounds(exact) + 1e-12).all()
    assert 0 == error[:, :, ::2, ::2].max()
    if size[0] > 2:
        behind = exact[:, :, 2::2, ::2]
        before, middle = (part[:, :, : behind.shape[2]] for part in (exact[:, :, ::2, ::2], exact[:, :, 1::2, ::2]))
        second = (before - 2 * middle + behind).abs() / 2
        assert torch.allclose(second, error[:, :, 1 : 2 * behind.shape[2] : 2, ::2])


def test_samples_of_another_size_are_refused():
    """A wrong size is an error in words, not a map cut short."""
    with pytest.raises(ValueError, match="a map of 8×8 has 4×4 samples at its even rows and columns, got 3×4"):
        interpolate(torch.zeros(1, 1, 3, 4), (8, 8))
