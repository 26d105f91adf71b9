"""The exact gradients of a convolution, outside autograd: given an output gradient, an input and a weight."""

from typing import Any, List, Optional, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from gradfilter.filtering.precision import can_transpose
from gradfilter.lean.convolution import Geometry, transposed


def convolution_gradients(
    dy: Tensor, x: Tensor, weight: Tensor, geometry: Geometry, wanted: Sequence[bool]
) -> List[Optional[Tensor]]:
    """Gradients of input, weight and bias, each None unless it is wanted.

    dy (N, C_out, H_out, W_out), x (N, C_in, H, W), weight (C_out, C_in / groups, K_h, K_w). From torch 1.11 on bit for
    bit what autograd computes, on any device; before, to rounding.
    """
    operator = _backward_operator()
    if operator is None:
        return _by_parts(dy, x, weight, geometry, wanted)
    stride, padding, dilation, groups = geometry
    found = operator(
        dy,
        x,
        weight,
        bias_sizes=[weight.shape[0]],
        stride=stride,
        padding=padding,
        dilation=dilation,
        transposed=False,
        output_padding=[0, 0],
        groups=groups,
        output_mask=list(wanted),
    )
    return list(found)


def _backward_operator() -> Any:
    """Torch's own backward pass of a convolution, the one that autograd runs; None where torch is too old."""
    try:
        return torch.ops.aten.convolution_backward
    except (AttributeError, RuntimeError):  # RuntimeError: how old torch says that there is none
        return None


def _by_parts(
    dy: Tensor, x: Tensor, weight: Tensor, geometry: Geometry, wanted: Sequence[bool]
) -> List[Optional[Tensor]]:
    """The same from operators that every torch has; in float32 where those do not take the type."""
    if not can_transpose(dy.device.type, dy.dtype):
        dy, x, weight = dy.float(), x.float(), weight.float()
    return [
        transposed(dy, weight, geometry, x.shape[2:]) if wanted[0] else None,
        _weight_gradient(dy, x, weight, geometry) if wanted[1] else None,
        dy.sum((0, 2, 3)) if wanted[2] else None,
    ]


def _weight_gradient(dy: Tensor, x: Tensor, weight: Tensor, geometry: Geometry) -> Tensor:
    """Image by image, so that only one image's windows are laid out at a time."""
    stride, padding, dilation, groups = geometry
    total = weight.new_zeros(groups, weight.shape[0] // groups, weight[0].numel())
    for image, gradient in zip(x, dy):
        windows = F.unfold(image.unsqueeze(0), weight.shape[2:], dilation, padding, stride)
        windows = windows.view(groups, total.shape[2], -1).transpose(1, 2)
        total.baddbmm_(gradient.reshape(groups, total.shape[1], -1), windows)
    return total.view_as(weight)
