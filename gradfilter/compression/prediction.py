"""Lorenzo prediction: whole numbers minus what their neighbours foretell, without any loss.

Source: the predictors of the SZ family of compressors, on numbers that are quantised already, so that encoding and
decoding are differences and running sums.
"""

from typing import Sequence

import torch
from torch import Tensor


def residuals(numbers: Tensor, axes: Sequence[int]) -> Tensor:
    """What each number differs by from its Lorenzo prediction along these axes; a line's first is foretold as 0.

    Along one axis d[i] = q[i] - q[i-1]; along two d[i,j] = q[i,j] - q[i-1,j] - q[i,j-1] + q[i-1,j-1].
    """
    for axis in axes:
        first = numbers.narrow(axis, 0, 1)
        rest = numbers.narrow(axis, 1, numbers.shape[axis] - 1) - numbers.narrow(axis, 0, numbers.shape[axis] - 1)
        numbers = torch.cat([first, rest], axis)
    return numbers


def numbers_of(differences: Tensor, axes: Sequence[int]) -> Tensor:
    """The reverse of residuals, exact."""
    for axis in axes:
        differences = differences.cumsum(axis, dtype=differences.dtype)
    return differences


def unsigned(numbers: Tensor) -> Tensor:
    """Whole numbers of either sign as numbers from 0: 0, -1, 1, -2, 2 become 0, 1, 2, 3, 4. int32."""
    return (numbers << 1) ^ (numbers >> 31)


def signed(numbers: Tensor) -> Tensor:
    """The reverse of unsigned."""
    return (numbers >> 1) ^ -(numbers & 1)
