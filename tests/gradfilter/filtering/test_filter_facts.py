"""Facts about gradient filtering that can be told without a reference: where it is exact, and where it cannot be."""

import pytest
import torch
import torch.nn.functional as F

from gradfilter.filtering import filtered_conv2d
from gradfilter.filtering.convolution import FilteredConvolution
from gradfilter.filtering.shape import FilterShape


def tensors(*shapes):
    torch.manual_seed(0)
    return [torch.randn(shape, dtype=torch.float64, requires_grad=True) for shape in shapes]


def gradients(y, inputs, dy):
    return torch.autograd.grad(y, inputs, dy, retain_graph=True)


def relative_error(expected, got):
    return float((expected - got).norm() / expected.norm())


def test_formula_at_patch_size_1_is_exact_for_1x1_kernels():
    """A 1×1 convolution without stride has no taps to merge, so patches of one pixel lose nothing."""
    x, weight, bias = inputs = tensors((2, 3, 5, 6), (4, 3, 1, 1), (4,))
    shape = FilterShape(1, (1, 1), (0, 0), (1, 1), 1)
    y = FilteredConvolution.apply(x, weight, bias, shape)
    dy = torch.randn_like(y)
    for exact, filtered in zip(gradients(F.conv2d(*inputs), inputs, dy), gradients(y, inputs, dy)):
        assert relative_error(exact, filtered) < 1e-12


def test_formula_at_patch_size_1_is_not_exact_for_3x3_kernels():
    """The formula merges the taps of a kernel even when a patch is one pixel."""
    x, weight = inputs = tensors((2, 3, 8, 8), (4, 3, 3, 3))
    y = FilteredConvolution.apply(x, weight, None, FilterShape(1, (1, 1), (1, 1), (1, 1), 1))
    dy = torch.randn_like(y)
    exact = gradients(F.conv2d(x, weight, padding=1), inputs, dy)
    assert all(relative_error(*pair) > 0.5 for pair in zip(exact, gradients(y, inputs, dy)))


def test_patch_size_1_turns_the_filter_off():
    """What a user gets at patch_size 1 is the exact gradient, bit for bit."""
    x, weight = inputs = tensors((2, 3, 8, 8), (4, 3, 3, 3))
    y = filtered_conv2d(x, weight, patch_size=1, padding=(1, 1))
    dy = torch.randn_like(y)
    exact = gradients(F.conv2d(x, weight, padding=1), inputs, dy)
    assert all(torch.equal(*pair) for pair in zip(exact, gradients(y, inputs, dy)))


def test_patch_constant_gradients_are_exact_for_1x1_kernels():
    """Averaging a gradient that is constant in each patch changes nothing, whatever the input."""
    x, weight = inputs = tensors((2, 3, 8, 6), (4, 3, 1, 1))
    y = filtered_conv2d(x, weight, patch_size=2)
    dy = F.interpolate(torch.randn(2, 4, 4, 3).double(), scale_factor=2.0)
    for exact, filtered in zip(gradients(F.conv2d(*inputs), inputs, dy), gradients(y, inputs, dy)):
        assert relative_error(exact, filtered) < 1e-12


def test_constant_gradient_is_exact_inside_the_map():
    """Under a constant gradient the merged taps all see the same value, except at the zero padding."""
    x, weight = tensors((1, 3, 8, 8), (4, 3, 3, 3))
    dy = torch.full((1, 4, 8, 8), 0.7).double()
    (exact,) = gradients(F.conv2d(x, weight, padding=1), (x,), dy)
    (filtered,) = gradients(filtered_conv2d(x, weight, patch_size=2, padding=(1, 1)), (x,), dy)
    assert relative_error(exact[..., 1:-1, 1:-1], filtered[..., 1:-1, 1:-1]) < 1e-12
    assert relative_error(exact, filtered) > 0.1


@pytest.mark.parametrize("stride", [(1, 1), (2, 2), (1, 2), (3, 3)])
def test_stride_does_not_scale_the_gradients(stride):
    """With constant input and gradient the filtered gradients have the exact ones' size at every stride."""
    x, dy = torch.ones(1, 2, 24, 24).double().requires_grad_(), torch.ones(1, 3, 24 // stride[0], 24 // stride[1])
    weight = tensors((3, 2, 3, 3))[0]
    y = filtered_conv2d(x, weight, patch_size=2, stride=stride, padding=(1, 1))
    exact = gradients(F.conv2d(x, weight, None, stride, 1), (x, weight), dy.double())
    filtered = gradients(y, (x, weight), dy.double())
    inside = (slice(None), slice(None), slice(6, 18), slice(6, 18))
    ratio = filtered[0][inside].mean((0, 2, 3)) / exact[0][inside].mean((0, 2, 3))
    assert torch.allclose(torch.ones(2).double(), ratio)
    assert torch.allclose(exact[1][..., 1, 1], filtered[1][..., 1, 1])


@pytest.mark.parametrize(("stride", "scale"), [((1, 1), 1), ((2, 2), 4), ((1, 3), 3)])
def test_published_gradients_grow_with_the_stride(stride, scale):
    """Without the correction both gradients are the corrected ones times the stride's area."""
    x, weight = tensors((2, 3, 9, 12), (4, 3, 3, 3))
    y, published = [
        filtered_conv2d(x, weight, patch_size=2, stride=stride, padding=(1, 1), stride_correction=correction)
        for correction in (True, False)
    ]
    dy = torch.randn_like(y)
    for corrected, larger in zip(gradients(y, (x, weight), dy), gradients(published, (x, weight), dy)):
        assert relative_error(scale * corrected, larger) < 1e-12


@pytest.mark.parametrize("numbers", [{"stride": (2, 2)}, {"dilation": (2, 2), "padding": (2, 2)}], ids=str)
def test_gradients_are_linear_in_each_of_what_they_are_made_of(numbers):
    """dweight is additive in dy and in x, dx in dy and in weight, and neither is affected by the third."""
    x, other_x, weight, other_weight = tensors((2, 3, 9, 8), (2, 3, 9, 8), (4, 3, 3, 3), (4, 3, 3, 3))

    def filtered(maps, kernel, dy):
        inputs = maps.detach().requires_grad_(), kernel.detach().requires_grad_()
        return gradients(filtered_conv2d(*inputs, patch_size=2, **numbers), inputs, dy)

    dy, other_dy = torch.randn((2, *filtered_conv2d(x, weight, patch_size=2, **numbers).shape)).double()
    one, second_dy, both_dy = [filtered(x, weight, d) for d in (dy, other_dy, dy + other_dy)]
    second_x, both_x = [filtered(maps, weight, dy) for maps in (other_x, x + other_x)]
    second_weight, both_weight = [filtered(x, kernel, dy) for kernel in (other_weight, weight + other_weight)]
    for part in (0, 1):
        assert relative_error(both_dy[part], one[part] + second_dy[part]) < 1e-12
    assert relative_error(both_x[1], one[1] + second_x[1]) < 1e-12
    assert relative_error(both_weight[0], one[0] + second_weight[0]) < 1e-12
    assert torch.equal(one[0], both_x[0])
    assert torch.equal(one[1], both_weight[1])


def test_every_tap_of_a_kernel_gets_the_same_gradient():
    """The filter keeps a kernel gradient's mean direction only."""
    x, weight = tensors((2, 3, 9, 9), (4, 3, 3, 5))
    y = filtered_conv2d(x, weight, patch_size=4, padding=(1, 2))
    (filtered,) = gradients(y, (weight,), torch.randn_like(y))
    assert torch.equal(filtered[..., :1, :1].expand_as(filtered), filtered)


@pytest.mark.parametrize("stride", [1, 2])
def test_bias_gradient_is_exact(stride):
    """The bias sees the sum of the gradient, border patches and all."""
    x, weight, bias = tensors((2, 3, 9, 7), (4, 3, 3, 3), (4,))
    y = filtered_conv2d(x, weight, bias, patch_size=4, stride=(stride, stride), padding=(1, 1))
    dy = torch.randn_like(y)
    assert relative_error(dy.sum((0, 2, 3)), gradients(y, (bias,), dy)[0]) < 1e-12


def test_alignment_matters_only_where_patches_do_not_fit():
    """On maps that patches cut evenly, centred and corner patches are the same."""
    x, weight = tensors((2, 3, 8, 12), (4, 3, 3, 3))
    dy = torch.randn(2, 4, 8, 12).double()
    centred, corner = [
        gradients(filtered_conv2d(x, weight, patch_size=4, padding=(1, 1), alignment=alignment), (x, weight), dy)
        for alignment in ("centred", "corner")
    ]
    assert all(map(torch.equal, centred, corner))


def test_patch_as_large_as_the_map_spreads_one_value_per_channel():
    """With a single patch the input gradient is the same on all pixels of a channel."""
    x, weight = tensors((2, 3, 5, 6), (4, 3, 3, 3))
    y = filtered_conv2d(x, weight, patch_size=100, padding=(1, 1))
    (filtered,) = gradients(y, (x,), torch.randn_like(y))
    assert torch.equal(filtered[..., :1, :1].expand_as(filtered), filtered)


def test_averaging_keeps_the_sum_of_the_gradient():
    """An identity 1×1 convolution passes on the patch means, whose total is the gradient's."""
    (x,), weight = tensors((2, 3, 8, 12)), torch.eye(3).double().view(3, 3, 1, 1)
    y = filtered_conv2d(x, weight, patch_size=4)
    dy = torch.randn_like(y)
    (filtered,) = gradients(y, (x,), dy)
    assert torch.allclose(dy.sum((2, 3)), filtered.sum((2, 3)))


def test_taps_beyond_the_map_bound_the_cosine():
    """Eight of nine taps read padding only, and the rule gives them the middle one's value: 1/3, not 1."""
    x, dy = torch.ones(2, 3, 8, 8).double(), torch.ones(2, 4, 8, 8).double()
    (weight,) = tensors((4, 3, 3, 3))
    numbers = {"padding": (12, 12), "dilation": (12, 12)}
    (exact,) = gradients(F.conv2d(x, weight, **numbers), (weight,), dy)
    (filtered,) = gradients(filtered_conv2d(x, weight, patch_size=4, **numbers), (weight,), dy)
    assert float(F.cosine_similarity(exact.flatten(), filtered.flatten(), dim=0)) == pytest.approx(1 / 3)
