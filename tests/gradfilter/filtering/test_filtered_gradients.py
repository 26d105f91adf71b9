"""The filtered convolution against the slow reference, on shapes that need no library to draw."""

import random

import pytest
import torch
import torch.nn.functional as F

from gradfilter.filtering import filtered_conv2d

# One case per corner of the rules: x, weight, patch size, and what differs from stride 1 without padding.
NAMED = {
    "plain": ((2, 3, 6, 8), (4, 3, 3, 3), 2, {"padding": (1, 1)}),
    "odd map": ((1, 2, 7, 5), (3, 2, 3, 3), 4, {"padding": (1, 1)}),
    "stride": ((2, 2, 9, 8), (3, 2, 3, 3), 2, {"stride": (2, 2), "padding": (1, 1)}),
    "uneven stride": ((1, 2, 9, 11), (2, 2, 3, 3), 2, {"stride": (1, 3), "padding": (1, 1)}),
    "no padding": ((2, 2, 9, 9), (3, 2, 3, 3), 2, {}),
    "large kernel, no padding": ((1, 2, 12, 11), (2, 2, 7, 5), 2, {}),
    "one patch": ((2, 3, 5, 4), (2, 3, 3, 3), 7, {"padding": (1, 1)}),
    "padding wider than a patch": ((1, 2, 3, 2), (2, 2, 1, 1), 2, {"padding": (5, 4)}),
    "depthwise": ((2, 4, 7, 6), (4, 1, 3, 3), 2, {"padding": (1, 1), "groups": 4}),
    "depthwise, multiplier 2": ((2, 3, 6, 7), (6, 1, 3, 3), 2, {"stride": (2, 2), "padding": (1, 1), "groups": 3}),
    "groups": ((2, 4, 6, 6), (6, 2, 3, 3), 2, {"padding": (1, 1), "groups": 2}),
    "asymmetric kernel": ((1, 2, 6, 7), (2, 2, 1, 5), 2, {"padding": (0, 2)}),
    "even kernel": ((1, 2, 7, 7), (2, 2, 2, 4), 2, {"padding": (1, 1)}),
    "near taps": ((1, 2, 9, 9), (2, 2, 3, 3), 3, {"padding": (2, 2), "dilation": (2, 2)}),
    "distant taps": ((2, 4, 9, 10), (4, 2, 3, 3), 2, {"padding": (4, 4), "dilation": (4, 4), "groups": 2}),
    "distant taps on one axis": (
        (1, 2, 9, 10),
        (2, 2, 3, 5),
        2,
        {"stride": (2, 1), "padding": (1, 6), "dilation": (1, 3)},
    ),
    "same": ((1, 2, 7, 7), (2, 2, 3, 3), 2, {"padding": "same", "dilation": (3, 3)}),
    "valid": ((1, 2, 7, 7), (2, 2, 3, 3), 2, {"padding": "valid"}),
    "one pixel": ((1, 2, 1, 1), (2, 2, 3, 3), 4, {"padding": (1, 1)}),
}

CHOICES = ("alignment", "stride_correction")


def check(reference, x, weight, patch_size, numbers):
    """Forward is F.conv2d's, and every gradient is the reference's."""
    bias = torch.randn(weight.size(0), dtype=torch.float64, requires_grad=True)
    x, weight = x.double().requires_grad_(), weight.double().requires_grad_()
    y = filtered_conv2d(x, weight, bias, patch_size=patch_size, **numbers)
    plain = {name: value for name, value in numbers.items() if name not in CHOICES}
    assert torch.equal(F.conv2d(x, weight, bias, **plain), y)
    dy = torch.randn_like(y)
    gradients = torch.autograd.grad(y, (x, weight, bias), dy)
    geometry = {"stride": (1, 1), "dilation": (1, 1), "groups": 1, **numbers}
    geometry.pop("padding", None)
    expected = reference(x.detach(), weight.detach(), dy, patch_size=patch_size, **geometry)
    for wanted, got in zip(expected, gradients):
        assert wanted.shape == got.shape
        assert float((wanted - got).norm()) <= 1e-10 * float(wanted.norm())


@pytest.mark.parametrize("alignment", ["corner", "centred"])
@pytest.mark.parametrize("case", NAMED.values(), ids=NAMED.keys())
def test_named_shape_matches_the_slow_reference(case, alignment, slow_reference):
    """Each rule's corner case gives the gradients of the explicit loops."""
    torch.manual_seed(0)
    x_shape, weight_shape, patch_size, numbers = case
    numbers = {**numbers, "alignment": alignment}
    check(slow_reference, torch.randn(x_shape), torch.randn(weight_shape), patch_size, numbers)


def draw_choices(draw):
    return {"alignment": draw.choice(["corner", "centred"]), "stride_correction": draw.random() < 0.5}


@pytest.mark.parametrize("seed", range(160))
def test_random_shape_matches_the_slow_reference(seed, slow_reference):
    """Any stride, padding, kernel, grouping and map size, patches beyond the map too."""
    draw = random.Random(seed)
    torch.manual_seed(seed)
    groups = draw.choice([1, 1, 2, 3])
    x_shape = (draw.randint(1, 3), groups * draw.randint(1, 2), draw.randint(5, 11), draw.randint(5, 11))
    weight_shape = (groups * draw.randint(1, 2), x_shape[1] // groups, draw.randint(1, 5), draw.randint(1, 5))
    stride, padding = [(draw.randint(low, low + 2), draw.randint(low, low + 2)) for low in (1, 0)]
    numbers = {"stride": stride, "padding": padding, "groups": groups, **draw_choices(draw)}
    check(slow_reference, torch.randn(x_shape), torch.randn(weight_shape), draw.randint(2, 13), numbers)


@pytest.mark.parametrize("seed", range(60))
def test_random_dilation_matches_the_slow_reference(seed, slow_reference):
    """Taps nearer than a patch and taps further apart, each axis by itself."""
    draw = random.Random(seed)
    torch.manual_seed(seed)
    groups = draw.choice([1, 2])
    kernel, dilation = [(draw.choice(sizes), draw.choice(sizes)) for sizes in ((1, 3, 5), (1, 2, 3, 4, 5))]
    padding = tuple(d * (k - 1) // 2 for d, k in zip(dilation, kernel))
    numbers = {"padding": padding, "dilation": dilation, "groups": groups, **draw_choices(draw)}
    x, weight = torch.randn(2, groups * 2, draw.randint(1, 10), draw.randint(1, 10)), torch.randn(groups, 2, *kernel)
    check(slow_reference, x, weight, draw.randint(2, 5), numbers)
