"""The filtered convolution against the slow reference, on shapes that hypothesis draws."""

import pytest
import torch

from gradfilter.filtering import filtered_conv2d

hypothesis = pytest.importorskip("hypothesis", reason="hypothesis is not installed for this Python")
st = pytest.importorskip("hypothesis.strategies", reason="hypothesis is not installed for this Python")


def choices():
    return st.fixed_dictionaries(
        {"alignment": st.sampled_from(["corner", "centred"]), "stride_correction": st.booleans()}
    )


@st.composite
def convolutions(draw):
    """Shapes and numbers of a convolution whose output has at least one pixel."""
    groups = draw(st.integers(1, 3))
    group_inputs, group_outputs = draw(st.integers(1, 2)), draw(st.integers(1, 2))
    kernel, stride, dilation, padding, pixels = [
        tuple(draw(st.integers(*bounds)) for _ in "hw") for bounds in ((1, 4), (1, 3), (1, 2), (0, 4), (1, 10))
    ]
    reach = [d * (k - 1) + 1 for d, k in zip(dilation, kernel)]
    hypothesis.assume(all(p + 2 * pad >= r for p, pad, r in zip(pixels, padding, reach)))
    patch_size = draw(st.integers(max(*dilation, 1) + 1, 12))
    x = (draw(st.integers(1, 2)), groups * group_inputs, *pixels)
    numbers = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups, **draw(choices())}
    return x, (groups * group_outputs, group_inputs, *kernel), patch_size, numbers


@st.composite
def distant_taps(draw):
    """Convolutions that keep the map's size, with taps at least a patch apart."""
    patch_size = draw(st.integers(2, 3))
    kernel = tuple(draw(st.sampled_from([1, 3, 5])) for _ in "hw")
    dilation = tuple(draw(st.integers(patch_size, 6)) for _ in "hw")
    padding = tuple(d * (k - 1) // 2 for d, k in zip(dilation, kernel))
    groups, pixels = draw(st.integers(1, 2)), tuple(draw(st.integers(1, 9)) for _ in "hw")
    numbers = {"stride": (1, 1), "padding": padding, "dilation": dilation, "groups": groups, **draw(choices())}
    return (1, 2 * groups, *pixels), (groups, 2, *kernel), patch_size, numbers


def check(reference, seed, case):
    """The filtered gradients of a drawn case are the reference's, norm-relative to 1e-10."""
    x_shape, weight_shape, patch_size, numbers = case
    torch.manual_seed(seed)
    x, weight = (torch.randn(shape, dtype=torch.float64, requires_grad=True) for shape in (x_shape, weight_shape))
    y = filtered_conv2d(x, weight, patch_size=patch_size, **numbers)
    dy = torch.randn_like(y)
    geometry = {name: value for name, value in numbers.items() if name != "padding"}
    expected = reference(x.detach(), weight.detach(), dy, patch_size=patch_size, **geometry)
    for wanted, got in zip(expected, torch.autograd.grad(y, (x, weight), dy)):
        assert float((wanted - got).norm()) <= 1e-10 * max(1.0, float(wanted.norm()))


@hypothesis.given(case=convolutions(), seed=st.integers(0, 2**32 - 1))
@hypothesis.settings(deadline=None, max_examples=60)
def test_drawn_convolution_matches_the_slow_reference(slow_reference, case, seed):
    """Any stride, padding, kernel, grouping and map size gives the gradients of the explicit loops."""
    check(slow_reference, seed, case)


@hypothesis.given(case=distant_taps(), seed=st.integers(0, 2**32 - 1))
@hypothesis.settings(deadline=None, max_examples=30)
def test_drawn_distant_taps_match_the_slow_reference(slow_reference, case, seed):
    """With taps a patch or more apart, each tap's gradient reaches the patch it reads from."""
    check(slow_reference, seed, case)
