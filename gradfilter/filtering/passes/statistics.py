"""Mean and variance of every channel of a map."""

from typing import Tuple

from torch import Tensor

from gradfilter.filtering.native import pooling
from gradfilter.filtering.passes.normal import wide
from gradfilter.filtering.patches import memory_format


def channel_statistics(y: Tensor) -> Tuple[Tensor, Tensor]:
    """Mean and biased variance of each channel of (N, C, H, W): twice (C,), in the type of y.

    Not a number where a channel has no pixels.
    """
    statistics = pooling.channel_statistics(y, memory_format(y))
    return channel_statistics_aten(y) if statistics is None else statistics


def channel_statistics_aten(y: Tensor) -> Tuple[Tensor, Tensor]:
    """The same from PyTorch's operators."""
    # The variance around the mean, not the difference of two large sums.
    means = wide(y).mean((0, 2, 3))
    variances = (wide(y) - means.view(1, -1, 1, 1)).square().mean((0, 2, 3))
    return means.to(y.dtype), variances.to(y.dtype)
