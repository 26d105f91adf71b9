"""The filtered convolution in every number type that torch convolves in, and under autocast."""

import pytest
import torch
import torch.nn.functional as F

from gradfilter.filtering import filtered_conv2d

FORMATS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}
# Half the distance between neighbours of 1: what one rounding can be wrong by.
ROUNDING = {torch.float32: 2.0**-24, torch.bfloat16: 2.0**-8, torch.float16: 2.0**-11}


def skip_unless_convolved(dtype, dilation=1):
    try:
        F.conv2d(torch.zeros(1, 2, 9, 9, dtype=dtype), torch.zeros(2, 2, 3, 3, dtype=dtype), dilation=dilation)
    except RuntimeError:
        pytest.skip(f"this torch has no convolution of {dtype} with dilation {dilation} on a processor")


@pytest.mark.parametrize("memory_format", FORMATS.values(), ids=FORMATS.keys())
@pytest.mark.parametrize("groups", [1, 2, 8])
@pytest.mark.parametrize("dtype", ROUNDING, ids=str)
def test_every_type_follows_double_precision(dtype, groups, memory_format):
    """Gradients differ from float64's by a few roundings: of averages, means, product and scale."""
    skip_unless_convolved(dtype)
    torch.manual_seed(0)
    shapes = ((4, 8, 13, 14), (8, 8 // groups, 3, 3), (8,))
    exact, dy = [torch.randn(shape).to(dtype).double() for shape in shapes], torch.randn(4, 8, 7, 7).to(dtype)
    gradients = []
    for kind in (torch.float64, dtype):
        inputs = [tensor.to(kind).requires_grad_() for tensor in exact]
        x, weight, bias = inputs
        y = filtered_conv2d(
            x.contiguous(memory_format=memory_format),
            weight.contiguous(memory_format=memory_format),
            bias,
            patch_size=4,
            stride=(2, 2),
            padding=(1, 1),
            groups=groups,
        )
        gradients.append(torch.autograd.grad(y, inputs, dy.to(kind)))
    for double, rounded in zip(*gradients):
        assert dtype == rounded.dtype
        assert float((double - rounded.double()).norm()) <= 4 * ROUNDING[dtype] * float(double.norm())


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_distant_taps_have_a_gradient_in_every_type(dtype):
    """The rule for dilated kernels leaves the type as it is."""
    skip_unless_convolved(dtype, dilation=3)
    x, weight = [torch.randn(shape).to(dtype).requires_grad_() for shape in ((1, 2, 9, 9), (2, 2, 3, 3))]
    y = filtered_conv2d(x, weight, patch_size=2, dilation=(3, 3), padding=(3, 3))
    assert [dtype] * 3 == [y.dtype, *[gradient.dtype for gradient in torch.autograd.grad(y.sum(), (x, weight))]]


def under_autocast(convolve, where, inputs):
    """(types of output and gradients, gradients) with autocast on in the named passes."""
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled="forward" in where):
        y = convolve(*inputs)
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled="backward" in where):
        gradients = torch.autograd.grad(y, inputs, torch.ones_like(y))
    return [y.dtype, *[gradient.dtype for gradient in gradients]], gradients


def filtered(x, weight, bias):
    return filtered_conv2d(x, weight, bias, patch_size=2, padding=(1, 1))


def plain(x, weight, bias):
    return F.conv2d(x, weight, bias, padding=1)


@pytest.mark.parametrize("where", ["forward", "backward", "forward and backward"])
def test_autocast_gives_the_types_of_a_plain_convolution(where):
    """Output and gradients have a plain convolution's types, whichever pass autocast is on in."""
    torch.manual_seed(0)
    inputs = [torch.randn(shape, requires_grad=True) for shape in ((2, 4, 9, 9), (4, 4, 3, 3), (4,))]
    types, gradients = under_autocast(filtered, where, inputs)
    assert under_autocast(plain, where, inputs)[0] == types
    _, exact = under_autocast(filtered, "", inputs)
    bound = 4 * ROUNDING[torch.bfloat16] if "forward" in where else 0
    for wanted, got in zip(exact, gradients):
        assert float((wanted - got).norm()) <= bound * float(wanted.norm())


def test_autocast_keeps_averages_in_the_type_of_the_convolution(saved_tensors):
    """What is kept of a float32 input is bfloat16 where the convolution was."""
    x, weight = torch.randn(2, 4, 8, 8), torch.randn(4, 4, 3, 3, requires_grad=True)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        kept, _ = saved_tensors(lambda: filtered(x, weight, None))
    assert [torch.bfloat16] == [tensor.dtype for tensor in kept]
