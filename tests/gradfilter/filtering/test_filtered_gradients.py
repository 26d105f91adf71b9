"""The filtered convolution against the slow reference, on named shapes and on drawn ones."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

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


@st.composite
def axes(draw, patch_size, alignment):
    """(kernel, stride, dilation, padding, pixels) of one spatial axis whose output has a pixel.

    Taps a patch or more apart need what shape_problem asks for: stride 1, an odd kernel and, for corner, "same".
    """
    dilation, stride, padding = draw(st.integers(1, 6)), draw(st.integers(1, 3)), draw(st.integers(0, 4))
    distant = dilation > 1 and dilation >= patch_size
    kernel = draw(st.sampled_from([1, 3, 5])) if distant else draw(st.integers(1, 5))
    if distant and kernel > 1:
        stride = 1
        padding = dilation * (kernel - 1) // 2 if alignment == "corner" else padding
    fewest = max(1, dilation * (kernel - 1) + 1 - 2 * padding)
    return kernel, stride, dilation, padding, fewest + draw(st.integers(0, 10))


@st.composite
def convolutions(draw):
    """Shapes and numbers of any convolution that can be filtered; taps near on one axis may be distant on the other."""
    patch_size = draw(st.integers(2, 5) | st.integers(2, 13))
    numbers = {"alignment": draw(st.sampled_from(["corner", "centred"])), "stride_correction": draw(st.booleans())}
    both = [draw(axes(patch_size, numbers["alignment"])) for _ in "hw"]
    kernel, numbers["stride"], numbers["dilation"], numbers["padding"], pixels = zip(*both)
    numbers["groups"], inputs, outputs = draw(st.integers(1, 3)), draw(st.integers(1, 2)), draw(st.integers(1, 2))
    x_shape = (draw(st.integers(1, 3)), numbers["groups"] * inputs, *pixels)
    return x_shape, (numbers["groups"] * outputs, inputs, *kernel), patch_size, numbers


@given(case=convolutions(), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=300)
def test_drawn_shape_matches_the_slow_reference(case, seed, slow_reference):
    """Any stride, padding, kernel, dilation, grouping and map size, patches beyond the map too."""
    torch.manual_seed(seed)
    x_shape, weight_shape, patch_size, numbers = case
    check(slow_reference, torch.randn(x_shape), torch.randn(weight_shape), patch_size, numbers)


@pytest.mark.parametrize("outputs", [2, 3])
def test_threads_that_share_the_patches_find_the_same_gradient(outputs):
    """Of many patches and few channels every thread takes its own patches."""
    torch.manual_seed(0)
    x, weight = torch.randn(2, 2, 32, 32).double(), torch.randn(outputs, 2, 3, 3).double().requires_grad_()
    x, threads, gradients = x.contiguous(memory_format=torch.channels_last), torch.get_num_threads(), []
    try:
        for count in (1, 2):
            torch.set_num_threads(count)
            y = filtered_conv2d(x, weight, patch_size=2, padding=(1, 1))
            gradients.append(torch.autograd.grad((y * y.detach()).sum(), weight)[0])
    finally:
        torch.set_num_threads(threads)
    assert float((gradients[0] - gradients[1]).norm()) <= 1e-12 * float(gradients[0].norm())
