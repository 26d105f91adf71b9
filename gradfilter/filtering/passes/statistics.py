"""Mean and standard deviation of every channel of a map, as BatchNorm takes them from a batch."""

from typing import Optional, Tuple

from torch import Tensor

from gradfilter.filtering.native import pooling
from gradfilter.filtering.passes.normal import wide
from gradfilter.filtering.patches import memory_format

Running = Tuple[Optional[Tensor], Optional[Tensor]]


def batch_statistics(
    y: Tensor, running: Running = (None, None), momentum: float = 0.0, eps: float = 0.0
) -> Tuple[Tensor, Tensor]:
    """Mean and 1/σ of each channel of (N, C, H, W), eps added to σ²: twice (C,), in the type of y.

    running: a mean and an unbiased variance (C,) that move by the share momentum towards those of y, in place.
    Not a number where a channel has no pixels.
    """
    statistics = pooling.batch_statistics(y, running, momentum, eps, memory_format(y))
    return batch_statistics_aten(y, running, momentum, eps) if statistics is None else statistics


def batch_statistics_aten(
    y: Tensor, running: Running = (None, None), momentum: float = 0.0, eps: float = 0.0
) -> Tuple[Tensor, Tensor]:
    """The same from PyTorch's operators."""
    # The variance around the mean, not the difference of two large sums.
    mean = wide(y).mean((0, 2, 3))
    variance = (wide(y) - mean.view(1, -1, 1, 1)).square().mean((0, 2, 3))
    values = y.numel() // max(y.size(1), 1)
    for numbers, observed in zip(running, (mean, variance * (values / max(values - 1, 1)))):
        if numbers is not None:
            numbers.lerp_(observed.to(numbers.dtype), momentum)
    return mean.to(y.dtype), (variance + eps).rsqrt().to(y.dtype)
