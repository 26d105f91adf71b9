"""The three gradients of a filtered convolution, from patch averages.

Source: Yang, Li, Marculescu, Efficient On-device Training via Gradient Filtering, CVPR 2023,
arXiv 2301.00330. With r the patch size, s the stride, S the sum over a patch, M the mean over a
patch (real pixels only), a patch of r × r outputs belonging to r·s × r·s inputs, and Θ the kernel
summed over its taps:

    dx   = Θᵀ M(dy) / s²              the same value on every pixel of an input patch
    dΘ   = Σ S(x) M(dy) / s²          over batch and patches, the same value for every tap
    db   = Σ dy                       exact

s² is stride height × stride width: an input patch has that many times more pixels than its output
patch has samples. The published operator leaves it out and so scales both gradients up. S(x) is
kept as an average over the pixels of a full patch, and multiplied by their number at the end.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from gradfilter.filtering.shape import FilterShape


def patch_input_gradient(dy_means: Tensor, weight: Tensor, shape: FilterShape) -> Tensor:
    """The input gradient on the patch grid: (N, C_out, P_h, P_w) → (N, C_in, P_h, P_w), in the type of dy_means."""
    kernel = tuple(weight.shape[2:])
    steps = [shape.tap_step(axis, kernel) for axis in (0, 1)]
    merged = [2 + axis for axis in (0, 1) if not steps[axis]]
    taps = weight.sum(merged, keepdim=True) if merged else weight
    if shape.stride_area != 1:
        taps = taps / shape.stride_area
    taps = taps.to(dy_means.dtype)
    if any(steps):
        steps = [max(step, 1) for step in steps]
        padding = [step * (size - 1) // 2 for step, size in zip(steps, taps.shape[2:])]
        return F.conv_transpose2d(dy_means, taps, padding=padding, dilation=steps, groups=shape.groups)
    dy_rows, taps = _grouped_rows(dy_means, shape.groups), taps.view(shape.groups, -1, taps.size(1))
    if taps.size(2) == 1:  # depthwise: a matrix product per channel would be all overhead
        dx_rows = (dy_rows * taps[:, :, 0]).sum(2, keepdim=True)
    else:
        dx_rows = torch.bmm(dy_rows.transpose(0, 1), taps).transpose(0, 1)
    images, _, height, width = dy_means.shape
    channels = shape.groups * weight.size(1)
    return dx_rows.reshape(images, height, width, channels).permute(0, 3, 1, 2)


def tap_gradient(x_averages: Tensor, dy_means: Tensor, patch_area: int, shape: FilterShape) -> Tensor:
    """The gradient that every tap of the kernel shares: (C_out, C_in / groups).

    patch_area: the pixels that x_averages was divided by.
    """
    x_rows, dy_rows = _grouped_rows(x_averages, shape.groups), _grouped_rows(dy_means, shape.groups)
    if x_rows.size(2) == 1:  # depthwise
        product = (dy_rows * x_rows).sum(0).view(-1, 1)
    else:
        product = torch.bmm(dy_rows.permute(1, 2, 0), x_rows.transpose(0, 1)).view(-1, x_rows.size(2))
    return product * (patch_area / shape.stride_area)


def _grouped_rows(maps: Tensor, groups: int) -> Tensor:
    """A row per patch: (N, C, P_h, P_w) → (N·P_h·P_w, groups, C / groups); a view in channels_last."""
    channels = maps.size(1)
    return maps.permute(0, 2, 3, 1).reshape(-1, groups, channels // groups)
