"""The predicted error of a weight gradient, and the bound that is set from it."""

import pytest
import torch
import torch.nn.functional as F

from gradfilter.compression.adaptive import LARGEST_SHARE, SMALLEST_SHARE, AdaptiveCodec, nonzero_share, observe
from gradfilter.compression.error_bounded import ErrorBoundedCodec


def weight_gradient(x, dy):
    """Of a 3×3 convolution with padding 1: (C_out, C_in, 3, 3)."""
    weight = torch.zeros(dy.shape[1], x.shape[1], 3, 3, dtype=x.dtype, requires_grad=True)
    (gradient,) = torch.autograd.grad(F.conv2d(x, weight, padding=1), weight, dy)
    return gradient


def observed(x, dy):
    """Of an input that is known exactly."""
    return observe(nonzero_share(x), x, dy)


def test_weight_gradients_err_as_predicted():
    """Monte Carlo over every tap of 576 kernels: the standard deviation is the predicted one to 5 %."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(4, 24, 32, 32, generator=generator).relu()
    dy = torch.randn(4, 24, 32, 32, generator=generator)
    codec = ErrorBoundedCodec(0.05, relative=False)
    errors = weight_gradient(codec.unpack(codec.pack(x)), dy) - weight_gradient(x, dy)
    assert observed(x, dy).sigma(0.05) == pytest.approx(float(errors.std()), rel=0.05)
    assert abs(float(errors.mean())) < 0.05 * float(errors.std())


def test_errors_of_a_coarse_bound_are_predicted_from_the_unpacked_input():
    """At the widest bound a third of what is not 0 is unpacked as 0, and the prediction holds to 5 % all the same."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(4, 24, 32, 32, generator=generator).relu()
    dy = torch.randn(4, 24, 32, 32, generator=generator)
    bound = LARGEST_SHARE * float(x.max())
    codec = AdaptiveCodec(bound, relative=False)
    codec.collecting = True
    unpacked = codec.unpack(codec.pack(x))
    codec.gradient_seen(unpacked, dy)
    errors = weight_gradient(unpacked, dy) - weight_gradient(x, dy)
    assert codec.observation.sigma(bound) == pytest.approx(float(errors.std()), rel=0.05)


def test_sigma_is_the_written_formula():
    """bound · sqrt(R · S / 3): half of the input is not 0, and each output channel's squared gradients sum to 12."""
    x = torch.tensor([1.0, 0, 2, 0]).view(1, 1, 2, 2)
    dy = torch.full((1, 2, 3, 1), 2.0)
    assert observed(x, dy) == (0.5, 12.0, 2.0)
    assert observed(x, dy).sigma(0.1) == pytest.approx(0.1 * 2**0.5)


def adapted(sigma, x, dy):
    codec = AdaptiveCodec(0.01, relative=True)
    codec.collecting = True
    codec.pack(x)
    codec.gradient_seen(x, dy)
    codec.adapt(sigma)
    return codec


def test_bound_brings_the_error_that_was_asked_for():
    """The bound is what predicts sigma, and half the sigma halves it."""
    x, dy = torch.randn(2, 3, 8, 8), torch.randn(2, 5, 8, 8)
    codec = adapted(0.1, x, dy)
    assert observed(x, dy).sigma(codec.bound) == pytest.approx(0.1)
    assert adapted(0.05, x, dy).bound == pytest.approx(codec.bound / 2)
    assert not codec.relative


def test_bound_stays_within_shares_of_the_range():
    """No momentum gives no bound of 0, no gradient no infinite one."""
    x, dy = torch.randn(2, 3, 8, 8), torch.randn(2, 5, 8, 8)
    spread = float(x.max() - x.min())
    assert adapted(0.0, x, dy).bound == pytest.approx(SMALLEST_SHARE * spread)
    assert adapted(1.0, x, torch.zeros_like(dy)).bound == pytest.approx(LARGEST_SHARE * spread)


def test_bound_is_kept_until_the_next_observation():
    """Without an observation since, adapting changes nothing."""
    x, dy = torch.randn(2, 3, 8, 8), torch.randn(2, 5, 8, 8)
    codec = adapted(0.1, x, dy)
    bound, codec.collecting = codec.bound, False
    codec.gradient_seen(x, 100 * dy)
    codec.adapt(0.1)
    assert bound == codec.bound
