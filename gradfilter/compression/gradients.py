"""The exact gradients of a convolution, outside autograd: given an output gradient, an input and a weight."""

from typing import Any, List, NamedTuple, Optional, Sequence, Tuple

import torch
import torch.nn.functional as F
from torch import Tensor

Pair = Tuple[int, int]


class Geometry(NamedTuple):
    """How a kernel moves over a map: (height, width) each."""

    stride: Pair
    padding: Pair
    dilation: Pair
    groups: int


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
    """The same from operators that every torch has."""
    return [
        _input_gradient(dy, weight, x.shape, geometry) if wanted[0] else None,
        _weight_gradient(dy, x, weight, geometry) if wanted[1] else None,
        dy.sum((0, 2, 3)) if wanted[2] else None,
    ]


def _input_gradient(dy: Tensor, weight: Tensor, shape: torch.Size, geometry: Geometry) -> Tensor:
    stride, padding, dilation, groups = geometry
    # Rows and columns at the end of the input that no window reached.
    rest = [(shape[2 + a] + 2 * padding[a] - dilation[a] * (weight.shape[2 + a] - 1) - 1) % stride[a] for a in (0, 1)]
    return F.conv_transpose2d(dy, weight, None, stride, padding, rest, groups, dilation)


def _weight_gradient(dy: Tensor, x: Tensor, weight: Tensor, geometry: Geometry) -> Tensor:
    """Image by image, so that only one image's windows are laid out at a time."""
    stride, padding, dilation, groups = geometry
    total = weight.new_zeros(groups, weight.shape[0] // groups, weight[0].numel())
    for image, gradient in zip(x, dy):
        windows = F.unfold(image.unsqueeze(0), weight.shape[2:], dilation, padding, stride)
        windows = windows.view(groups, total.shape[2], -1).transpose(1, 2)
        total.baddbmm_(gradient.reshape(groups, total.shape[1], -1), windows)
    return total.view_as(weight)
