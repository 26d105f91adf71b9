"""The filtered convolution: nn.Conv2d forward, gradient filtering backward.

Source: Yang, Li, Marculescu, Efficient On-device Training via Gradient Filtering, CVPR 2023,
arXiv 2301.00330. With r the patch size, s the stride, S the sum over a patch, M the mean over a
patch (real pixels only), a patch of r × r outputs belonging to r·s × r·s inputs, and Θ the kernel
summed over its taps:

    y    = conv(x)                    as it is; of x only S(x) is kept
    dx   = Θᵀ M(dy) / s²              the same value on every pixel of an input patch
    dΘ   = Σ S(x) M(dy) / s²          over batch and patches, the same value for every tap
    db   = Σ dy                       exact

s² is stride height × stride width: an input patch has that many times more pixels than its output
patch has samples. The published operator leaves it out and so scales both gradients up.
"""

from typing import Any, List, NamedTuple, Optional, Tuple, Union, cast

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd import Function

from gradfilter.errors import NoSecondDerivative
from gradfilter.filtering.patches import PatchAxis, PatchGrid

Pair = Tuple[int, int]
Padding = Union[str, Pair]


class FilterShape(NamedTuple):
    """What is fixed before a map is seen: the patch size and the convolution's own numbers."""

    patch_size: int
    stride: Pair
    padding: Padding
    dilation: Pair
    groups: int

    def tap_step(self, axis: int, kernel: Tuple[int, ...]) -> int:
        """How many patches lie between neighbouring taps of a spatial axis; 0: all taps count as one."""
        if kernel[axis] == 1 or self.dilation[axis] == 1:
            return 0
        return self.dilation[axis] // self.patch_size

    def keeps_size(self, axis: int, kernel: Tuple[int, ...]) -> bool:
        """Whether output pixel i has its middle tap on input pixel i, so that both maps share their patches."""
        if self.stride[axis] != 1 or kernel[axis] % 2 == 0 or self.padding == "valid":
            return False
        return self.padding == "same" or self.padding[axis] == self.dilation[axis] * (kernel[axis] - 1) // 2

    def grids(self, x: Tensor, y: Tensor) -> Tuple[PatchGrid, PatchGrid]:
        """The matching patch grids of input and output; the grid is laid out on the output."""
        r = self.patch_size
        counts = [-(-size // r) for size in y.shape[2:]]
        outputs = [PatchAxis(size, r, count) for size, count in zip(y.shape[2:], counts)]
        inputs = [PatchAxis(size, r * s, count) for size, s, count in zip(x.shape[2:], self.stride, counts)]
        return PatchGrid(*inputs), PatchGrid(*outputs)


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
) -> Tensor:
    """F.conv2d, bit for bit, whose gradients are filtered with patches of patch_size outputs.

    x (N, C_in, H, W) or (C_in, H, W); weight (C_out, C_in / groups, K_h, K_w). patch_size 1 means
    that the filter is off: the gradients are then exact, which the formula at 1 is only for 1×1
    kernels without stride.

    Raises:
        ValueError: the dilation needs a rule that is defined only for stride 1 and odd kernels
            padded to keep the map's size.
        NoSecondDerivative: in a second backward pass through the first.
    """
    if patch_size == 1 or not torch.is_grad_enabled():
        return F.conv2d(x, weight, bias, stride, padding, dilation, groups)
    shape = FilterShape(patch_size, stride, padding, dilation, groups)
    problem = dilation_problem(shape, tuple(weight.shape[2:]))
    if problem:
        raise ValueError("patch_size %d cannot be used: %s." % (patch_size, problem))
    if x.dim() == 3:  # noqa: PLR2004 - a single image
        return _filtered(x.unsqueeze(0), weight, bias, shape).squeeze(0)
    return _filtered(x, weight, bias, shape)


def _filtered(x: Tensor, weight: Tensor, bias: Optional[Tensor], shape: FilterShape) -> Tensor:
    return cast("Tensor", FilteredConvolution.apply(x, weight, bias, shape))  # type: ignore[no-untyped-call]


def dilation_problem(shape: FilterShape, kernel: Tuple[int, ...]) -> str:
    """Why the dilation cannot be handled, or ''.

    Where taps lie a patch or more apart, the input gradient is a transposed convolution of the
    pooled map, and that needs input and output maps whose patches coincide.
    """
    for axis in (0, 1):
        if shape.tap_step(axis, kernel) and not shape.keeps_size(axis, kernel):
            return (
                "dilation %d is not smaller than patch_size %d, which needs stride 1 and an odd kernel "
                "padded to keep the map's size" % (shape.dilation[axis], shape.patch_size)
            )
    return ""


class FilteredConvolution(Function):
    """The formulas at the head of this file, at any patch size, 1 included."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Optional[Tensor], shape: FilterShape) -> Tensor:
        """Convolve, and keep the patch sums of x where the weight wants a gradient."""
        y = F.conv2d(x, weight, bias, shape.stride, shape.padding, shape.dilation, shape.groups)
        ctx.shape = shape
        ctx.kernel = tuple(weight.shape[2:])
        ctx.input_grid, ctx.output_grid = shape.grids(x, y)
        ctx.memory_format = _memory_format(x)
        x_sums = ctx.input_grid.sums(x) if ctx.needs_input_grad[1] else None
        # The weight is a parameter, so keeping it costs nothing; its tap sums are made in backward.
        ctx.save_for_backward(x_sums, weight if ctx.needs_input_grad[0] else None)
        return y

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> Tuple[Optional[Tensor], ...]:
        """Gradients of x, weight and bias, each only if asked for."""
        with torch.no_grad():
            gradients = _filtered_gradients(ctx, dy)
        if torch.is_grad_enabled():  # create_graph: what is built on these gradients must not pass for a derivative
            gradients = [None if gradient is None else _once_only(gradient) for gradient in gradients]
        return (*gradients, None)


def _filtered_gradients(ctx: Any, dy: Tensor) -> List[Optional[Tensor]]:
    x_sums, weight = ctx.saved_tensors
    shape: FilterShape = ctx.shape
    dy_sums = ctx.output_grid.sums(dy)
    dy_means = dy_sums / (ctx.output_grid.pixels(dy) * (shape.stride[0] * shape.stride[1]))
    dx = dweight = dbias = None
    if ctx.needs_input_grad[0]:
        dx = ctx.input_grid.spread(_patch_input_gradient(dy_means, weight, shape), ctx.memory_format)
    if ctx.needs_input_grad[1]:
        dweight = _tap_gradient(x_sums, dy_means, shape.groups)[:, :, None, None].expand(-1, -1, *ctx.kernel)
    if ctx.needs_input_grad[2]:
        dbias = dy_sums.sum((0, 2, 3))
    return [dx, dweight, dbias]


def _patch_input_gradient(dy_means: Tensor, weight: Tensor, shape: FilterShape) -> Tensor:
    """Input gradient on the patch grid: (N, C_out, P_h, P_w) → (N, C_in, P_h, P_w)."""
    kernel = tuple(weight.shape[2:])
    steps = [shape.tap_step(axis, kernel) for axis in (0, 1)]
    if any(steps):
        near = [2 + axis for axis in (0, 1) if not steps[axis]]
        taps = weight.sum(near, keepdim=True) if near else weight
        steps = [max(step, 1) for step in steps]
        padding = [step * (size - 1) // 2 for step, size in zip(steps, taps.shape[2:])]
        return F.conv_transpose2d(dy_means, taps, padding=padding, dilation=steps, groups=shape.groups)
    dy_rows, taps = _grouped_rows(dy_means, shape.groups), weight.sum((2, 3))
    taps = taps.view(shape.groups, -1, taps.size(1))
    if taps.size(2) == 1:  # depthwise: a matrix product per channel would be all overhead
        dx_rows = (dy_rows * taps[:, :, 0]).sum(2, keepdim=True)
    else:
        dx_rows = torch.bmm(dy_rows.transpose(0, 1), taps).transpose(0, 1)
    images, _, height, width = dy_means.shape
    channels = shape.groups * weight.size(1)
    return dx_rows.reshape(images, height, width, channels).permute(0, 3, 1, 2)


def _tap_gradient(x_sums: Tensor, dy_means: Tensor, groups: int) -> Tensor:
    """The gradient that every tap of the kernel shares: (C_out, C_in / groups)."""
    x_rows, dy_rows = _grouped_rows(x_sums, groups), _grouped_rows(dy_means, groups)
    if x_rows.size(2) == 1:  # depthwise
        return (dy_rows * x_rows).sum(0).view(-1, 1)
    return torch.bmm(dy_rows.permute(1, 2, 0), x_rows.transpose(0, 1)).view(-1, x_rows.size(2))


def _grouped_rows(maps: Tensor, groups: int) -> Tensor:
    """A row per patch: (N, C, P_h, P_w) → (N·P_h·P_w, groups, C / groups); a view in channels_last."""
    channels = maps.size(1)
    return maps.permute(0, 2, 3, 1).reshape(-1, groups, channels // groups)


def _memory_format(x: Tensor) -> torch.memory_format:
    if x.is_contiguous(memory_format=torch.channels_last) and not x.is_contiguous():
        return torch.channels_last
    return torch.contiguous_format


def _once_only(gradient: Tensor) -> Tensor:
    # The anchor makes the result differentiable whatever the gradient was computed from.
    anchor = torch.empty(0, device=gradient.device, dtype=gradient.dtype, requires_grad=True)
    return cast("Tensor", _RefuseSecondDerivative.apply(gradient, anchor))  # type: ignore[no-untyped-call]


class _RefuseSecondDerivative(Function):
    """Passes a gradient through, and raises when it is differentiated."""

    @staticmethod
    def forward(ctx: Any, gradient: Tensor, anchor: Tensor) -> Tensor:  # noqa: ARG004 - see _once_only
        return gradient.view_as(gradient)

    @staticmethod
    def backward(ctx: Any, *_: Tensor) -> None:  # noqa: ARG004
        raise NoSecondDerivative(
            "a filtered convolution cannot be differentiated twice: its backward pass is an approximation. "
            "Use the plain layer (patch_size=1) where second derivatives are needed."
        )
