"""The published operator: centred patches without stride correction are it, and go on where it stops."""

import random

import pytest
import torch

from gradfilter.filtering import filtered_conv2d

PUBLISHED = {"alignment": "centred", "stride_correction": False}


def tensors(*shapes):
    return [torch.randn(shape, dtype=torch.float64, requires_grad=True) for shape in shapes]


def draw_near(draw):
    """Any stride, padding and kernel whose taps count as one."""
    kernel, stride = [(draw.randint(1, most), draw.randint(1, most)) for most in (5, 3)]
    padding = tuple(draw.randint(0, size // 2 + 1) for size in kernel)
    return kernel, {"patch_size": draw.randint(2, 7), "stride": stride, "padding": padding, "dilation": 1}


def draw_distant(draw):
    """3×3 kernels whose taps lie a patch or more apart, with any padding."""
    patch_size = draw.randint(2, 4)
    dilation = draw.randint(patch_size, 6)
    padding = (dilation, dilation) if draw.random() < 0.5 else (draw.randint(0, 7), draw.randint(0, 7))
    return (3, 3), {"patch_size": patch_size, "stride": (1, 1), "padding": padding, "dilation": dilation}


def draw_until_it_runs(draw, numbers_of, published):
    """(x, weight, y, dy, numbers, published gradients) of the first drawn case that the published operator can take."""
    while True:
        kernel, numbers = numbers_of(draw)
        channels, outputs, size = draw.randint(1, 3), draw.randint(1, 3), (draw.randint(3, 13), draw.randint(3, 13))
        reach = [numbers["dilation"] * (k - 1) + 1 for k in kernel]
        if any(pixels + 2 * pad < r for pixels, pad, r in zip(size, numbers["padding"], reach)):
            continue
        x, weight = tensors((draw.randint(1, 2), channels, *size), (outputs, channels, *kernel))
        given = {**numbers, "dilation": (numbers["dilation"],) * 2}
        y = filtered_conv2d(x, weight, **given, **PUBLISHED)
        dy = torch.randn_like(y)
        numbers.pop("padding")
        expected = published(x.detach(), weight.detach(), dy, **numbers)
        if expected is not None:
            return expected, torch.autograd.grad(y, (x, weight), dy)


@pytest.mark.parametrize("numbers_of", [draw_near, draw_distant], ids=["near taps", "distant taps"])
@pytest.mark.parametrize("seed", range(40))
def test_equals_the_published_operator_wherever_it_runs(seed, numbers_of, published_operator):
    """Both choices together give the gradients of padding, pooling, upsampling and cropping."""
    torch.manual_seed(seed)
    expected, got = draw_until_it_runs(random.Random(seed), numbers_of, published_operator)
    for wanted, gradient in zip(expected, got):
        assert float((wanted - gradient).norm()) <= 1e-10 * float(wanted.norm())


@pytest.mark.parametrize(
    ("size", "numbers"),
    [
        ((9, 9), {"patch_size": 2}),  # without padding the input goes on beyond its patches
        ((14, 13), {"patch_size": 3, "stride": (2, 2)}),
        ((3, 2), {"patch_size": 2, "padding": (5, 4)}),  # with more padding than map the outer patches are empty
    ],
)
def test_goes_on_where_the_published_operator_stops(size, numbers, published_operator, slow_reference):
    """Where its padding would be refused, the same formulas hold for patches clipped to the map."""
    torch.manual_seed(0)
    x, weight = tensors((2, 2, *size), (3, 2, 3, 3))
    y = filtered_conv2d(x, weight, **numbers, **PUBLISHED)
    dy = torch.randn_like(y)
    shape = {"patch_size": 2, "stride": (1, 1), **numbers}
    shape.pop("padding", None)
    assert published_operator(x.detach(), weight.detach(), dy, dilation=1, **shape) is None
    expected = slow_reference(x.detach(), weight.detach(), dy, dilation=(1, 1), groups=1, **shape, **PUBLISHED)
    for wanted, gradient in zip(expected, torch.autograd.grad(y, (x, weight), dy)):
        assert torch.allclose(wanted, gradient, rtol=1e-10, atol=1e-10)


def test_distant_taps_need_no_padding_when_centred():
    """Centred maps share their middle, so only the corner needs an output as large as the input."""
    x, weight = tensors((1, 1, 12, 12), (1, 1, 3, 3))
    numbers = {"patch_size": 2, "dilation": (2, 2)}
    assert (1, 1, 8, 8) == filtered_conv2d(x, weight, alignment="centred", **numbers).shape
    with pytest.raises(ValueError, match="padded to keep the map's size"):
        filtered_conv2d(x, weight, **numbers)
    with pytest.raises(ValueError, match="needs stride 1 and an odd kernel\\."):
        filtered_conv2d(x, weight, alignment="centred", stride=(2, 2), **numbers)
