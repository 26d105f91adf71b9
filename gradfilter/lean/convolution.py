"""A convolution that keeps its input only where its weight is trained.

dx = Wᵀ · dy        dbias = Σ dy        neither needs x
"""

from typing import Any, List, NamedTuple, Optional, Sequence, Tuple, cast

import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd import Function

from gradfilter.extended import Extension
from gradfilter.filtering.precision import can_transpose, without_autocast
from gradfilter.lean.inputs import is_batch_of_maps

Pair = Tuple[int, int]


class Geometry(NamedTuple):
    """How a kernel moves over a map: (height, width) each."""

    stride: Pair
    padding: Pair
    dilation: Pair
    groups: int


class FrozenConvolution(Function):
    """F.conv2d with a weight that gets no gradient; keeps a reference to that weight and nothing of x."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Optional[Tensor], geometry: Geometry) -> Tensor:
        """(N, C_in, H, W) → (N, C_out, H_out, W_out)."""
        ctx.geometry, ctx.input_size, ctx.types = geometry, x.shape[2:], (x.dtype, weight.dtype)
        ctx.save_for_backward(weight)
        return F.conv2d(x, weight, bias, *geometry)

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> Tuple[Optional[Tensor], ...]:
        """Gradients of x and bias, each only if asked for; both can be differentiated again."""
        (weight,) = ctx.saved_tensors
        dx, dbias = None, None
        with without_autocast(dy.device.type):
            if ctx.needs_input_grad[0]:
                full = dy if can_transpose(dy.device.type, dy.dtype) else dy.float()
                dx = transposed(full, weight.to(full.dtype), ctx.geometry, ctx.input_size).to(ctx.types[0])
            if ctx.needs_input_grad[2]:
                dbias = dy.sum((0, 2, 3)).to(ctx.types[1])
        return dx, None, dbias, None


def transposed(dy: Tensor, weight: Tensor, geometry: Geometry, input_size: Sequence[int]) -> Tensor:
    """The transposed convolution of dy, as large as the input was."""
    stride, padding, dilation, groups = geometry
    # Rows and columns at the end of the input that no window reached.
    rest: List[int] = [
        (input_size[i] + 2 * padding[i] - dilation[i] * (weight.shape[2 + i] - 1) - 1) % stride[i] for i in (0, 1)
    ]
    return F.conv_transpose2d(dy, weight, None, stride, padding, rest, groups, dilation)


class LeanConvolution(Extension):
    """An nn.Conv2d, the same forward bit for bit."""

    weight: nn.Parameter
    bias: Optional[nn.Parameter]

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - nn.Conv2d's own name
        """(N, C_in, H, W) → (N, C_out, H_out, W_out)."""
        if self.weight.requires_grad or not is_batch_of_maps(input):
            return cast("Tensor", super().forward(input))
        geometry = geometry_of(cast("nn.Conv2d", self))
        return cast("Tensor", FrozenConvolution.apply(input, self.weight, self.bias, geometry))  # type: ignore[no-untyped-call]


def convolution_is_lean(conv: nn.Conv2d) -> bool:
    """Whether a convolution has something to gain: a frozen weight, and padding that is zeros and given in pixels."""
    return not conv.weight.requires_grad and is_padded_by_numbers(conv)


def is_padded_by_numbers(conv: nn.Conv2d) -> bool:
    """Whether F.conv2d with the layer's numbers is all that it does."""
    return conv.padding_mode == "zeros" and not isinstance(conv.padding, str)


def geometry_of(conv: nn.Conv2d) -> Geometry:
    """A convolution's numbers; its padding must be in pixels."""
    return Geometry(*cast("Tuple[Pair, Pair, Pair]", (conv.stride, conv.padding, conv.dilation)), conv.groups)
