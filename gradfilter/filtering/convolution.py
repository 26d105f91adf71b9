"""The filtered convolution: nn.Conv2d forward, gradient filtering backward.

    y = conv(x)    as it is, bit for bit; of x only its averages over patches are kept

The gradients stand in gradients.py, the patches in shape.py and patches.py.
"""

from typing import Any, Optional, cast

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd import Function

from gradfilter.filtering.gradients import filtered_gradients, of_every_tap
from gradfilter.filtering.operators import compiled_convolution, compiling
from gradfilter.filtering.patches import memory_format
from gradfilter.filtering.precision import without_autocast
from gradfilter.filtering.second_derivative import Gradients, differentiated_once
from gradfilter.filtering.shape import FilterShape, Padding, Pair, shape_problem


def filtered_conv2d(
    x: Tensor,
    weight: Tensor,
    bias: Optional[Tensor] = None,
    *,
    patch_size: int,
    stride: Pair = (1, 1),
    padding: Padding = (0, 0),
    dilation: Pair = (1, 1),
    groups: int = 1,
    alignment: str = "corner",
    stride_correction: bool = True,
) -> Tensor:
    """F.conv2d, bit for bit, whose gradients are filtered with patches of patch_size outputs.

    x (N, C_in, H, W) or (C_in, H, W); weight (C_out, C_in / groups, K_h, K_w). patch_size 1 means
    that the filter is off: the gradients are then exact, which the formula at 1 is only for 1×1
    kernels without stride. alignment and stride_correction: see FilterShape; "centred" without the
    correction is the published operator wherever that runs, and its formulas continued elsewhere.

    Raises:
        ValueError: the alignment is unknown, or the dilation needs a rule that is defined only for
            stride 1 and odd kernels (with alignment "corner", padded to keep the map's size).
        NoSecondDerivative: in a second backward pass through the first.
    """
    shape = FilterShape(patch_size, stride, padding, dilation, groups, alignment, stride_correction)
    return convolve(x, weight, bias, shape)


def convolve(x: Tensor, weight: Tensor, bias: Optional[Tensor], shape: FilterShape) -> Tensor:
    """filtered_conv2d with its numbers in a FilterShape."""
    if shape.patch_size == 1 or not torch.is_grad_enabled():
        return plain_convolution(x, weight, bias, shape)
    problem = shape_problem(shape, tuple(weight.shape[2:]))
    if problem:
        raise ValueError("patch_size %d cannot be used: %s." % (shape.patch_size, problem))
    if x.dim() == 3:  # noqa: PLR2004 - a single image
        return _filtered(x.unsqueeze(0), weight, bias, shape).squeeze(0)
    return _filtered(x, weight, bias, shape)


def plain_convolution(x: Tensor, weight: Tensor, bias: Optional[Tensor], shape: FilterShape) -> Tensor:
    """The convolution as torch computes it, filter or not."""
    return F.conv2d(x, weight, bias, shape.stride, shape.padding, shape.dilation, shape.groups)


def _filtered(x: Tensor, weight: Tensor, bias: Optional[Tensor], shape: FilterShape) -> Tensor:
    if compiling():
        return compiled_convolution(x, weight, bias, shape)
    return cast("Tensor", FilteredConvolution.apply(x, weight, bias, shape))  # type: ignore[no-untyped-call]


class FilteredConvolution(Function):
    """The formulas at any patch size, 1 included."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Optional[Tensor], shape: FilterShape) -> Tensor:
        """Convolve, and keep the patch averages of x where the weight wants a gradient."""
        y = plain_convolution(x, weight, bias, shape)
        ctx.shape, ctx.grids = shape, shape.grids(x.shape[2:], y.shape[2:])
        ctx.kernel, ctx.weight_format = weight.shape[2:], memory_format(weight)
        ctx.memory_format = memory_format(x)
        ctx.types = x.dtype, weight.dtype
        # Under autocast y has the type that the convolution was computed in, and x need not have it.
        x_averages = ctx.grids[0].averages(x).to(y.dtype) if ctx.needs_input_grad[1] else None
        # The weight is a parameter, so keeping it costs nothing; its tap sums are made in backward.
        ctx.save_for_backward(x_averages, weight if ctx.needs_input_grad[0] else None)
        return y

    @staticmethod
    @differentiated_once
    def backward(ctx: Any, dy: Tensor) -> Gradients:
        """Gradients of x, weight and bias, each only if asked for."""
        with without_autocast(dy.device.type):
            dx, dtap, dbias = filtered_gradients(dy, ctx.saved_tensors, ctx.shape, ctx.grids, ctx.needs_input_grad)
            if dx is not None:
                dx = ctx.grids[0].spread(dx.to(ctx.types[0]), ctx.memory_format)
            if dtap is not None:
                dtap = of_every_tap(dtap.to(ctx.types[1]), ctx.kernel, ctx.weight_format)
        return dx, dtap, dbias, None
