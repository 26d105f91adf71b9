"""A map from its samples at even rows and columns: z (N, C, ⌈H/2⌉, ⌈W/2⌉) → (N, C, H, W).

    a[2i, 2j] = z[i, j]            a[2i+1, 2j] = (z[i, j] + z[i+1, j]) / 2            and so along columns

An even map's last row has no sample behind it and repeats the row before; the last column likewise. The backward
pass is autograd's: the exact adjoint, which keeps nothing.
"""

from typing import Tuple

import torch
import torch.nn.functional as F
from torch import Tensor

from gradfilter.filtering.patches import memory_format

Pair = Tuple[int, int]


def sampled_size(size: Pair) -> Pair:
    """How many samples a map of this size has."""
    height, width = size
    return (height + 1) // 2, (width + 1) // 2


def interpolate(samples: Tensor, size: Pair) -> Tensor:
    """The map of this size, between its samples linear along rows and columns.

    Raises:
        ValueError: the samples are not those of a map of this size.
    """
    if tuple(samples.shape[2:]) != sampled_size(size):
        raise ValueError(
            "a map of %d×%d has %d×%d samples at its even rows and columns, got %d×%d."
            % (*size, *sampled_size(size), *samples.shape[2:])
        )
    layout = memory_format(samples)
    for axis in (2, 3):
        if size[axis - 2] % 2 == 0:
            last = samples.narrow(axis, samples.shape[axis] - 1, 1)
            samples = torch.cat([samples, last], axis)
    odd = [2 * count - 1 for count in samples.shape[2:]]
    # With both ends aligned every second output falls on a sample, and its weight is exactly 1.
    full = F.interpolate(samples, size=odd, mode="bilinear", align_corners=True)
    return full[:, :, : size[0], : size[1]].contiguous(memory_format=layout)
