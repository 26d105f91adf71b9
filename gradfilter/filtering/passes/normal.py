"""A map normalised per channel, as BatchNorm does it: x̂ = (y − mean) · rstd, then weight · x̂ + bias."""

from typing import NamedTuple, Optional

import torch
from torch import Tensor


class Normal(NamedTuple):
    """The numbers of one normalisation, each (C,): BatchNorm's, whether from the batch or from running statistics.

    rstd is the reciprocal of the standard deviation, epsilon included.
    """

    mean: Tensor
    rstd: Tensor
    weight: Tensor
    bias: Tensor


NO_NORMAL = (None, None, None, None)


def normalised(y: Tensor, normal: Optional[Normal]) -> Tensor:
    """x̂, without weight and bias; y itself where there is nothing to normalise."""
    if normal is None:
        return y
    mean, rstd = (_per_channel(y, numbers) for numbers in normal[:2])
    return (y - mean) * rstd


def scaled(x: Tensor, normal: Optional[Normal]) -> Tensor:
    """Weight and bias applied to x̂."""
    if normal is None:
        return x
    weight, bias = (_per_channel(x, numbers) for numbers in normal[2:])
    return torch.addcmul(bias, weight, x)


def wide(maps: Tensor) -> Tensor:
    """Maps in a type that arithmetic may be done in: 16-bit numbers become float32."""
    return maps.float() if maps.dtype in (torch.bfloat16, torch.float16) else maps


def _per_channel(like: Tensor, numbers: Tensor) -> Tensor:
    return numbers.to(like.dtype).view(1, -1, 1, 1)
