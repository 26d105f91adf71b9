"""Activations made of straight pieces: one bit per value says which of two slopes a gradient meets.

A smooth activation's gradient needs its input as it is; such layers stay PyTorch's own.
"""

from math import inf
from typing import Any, Callable, Dict, NamedTuple, Tuple, Type, cast

import torch
from torch import Tensor, nn
from torch.autograd import Function

from gradfilter.extended import Extension
from gradfilter.filtering.patches import memory_format
from gradfilter.lean.bits import pack, unpack
from gradfilter.lean.inputs import wants_gradient


class Slopes(NamedTuple):
    """The derivative: 1 where low < x < high; elsewhere outside, at the borders too, as in PyTorch's backward."""

    low: float
    high: float
    outside: float = 0.0


class MaskedActivation(Function):
    """An activation by any function of its input, which keeps a bit per value."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, function: Callable[[Tensor], Tensor], slopes: Slopes) -> Tensor:
        """The function's result, which may be x itself, changed in place."""
        ctx.slopes, ctx.layout = slopes, memory_format(x)
        inside = (x > slopes.low) & (x < slopes.high)
        ctx.save_for_backward(pack(inside.contiguous(memory_format=ctx.layout).as_strided((x.numel(),), (1,))))
        y = function(x)
        if y is x:
            ctx.mark_dirty(x)
        return y

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> Tuple[Tensor, None, None]:
        """The gradient times the slope of each value; can be differentiated again."""
        (packed,) = ctx.saved_tensors
        mask = torch.empty(dy.shape, dtype=torch.bool, device=dy.device, memory_format=ctx.layout)
        mask.as_strided((mask.numel(),), (1,)).copy_(unpack(packed, mask.numel()))
        outside = ctx.slopes.outside
        rest = dy * outside if outside else dy.new_zeros(())  # one zero, not a map of them
        return torch.where(mask, dy, rest), None, None


SLOPES: Dict[Type[nn.Module], Callable[[Any], Slopes]] = {
    nn.ReLU: lambda _: Slopes(0.0, inf),
    nn.ReLU6: lambda relu: Slopes(relu.min_val, relu.max_val),
    nn.LeakyReLU: lambda relu: Slopes(0.0, inf, outside=relu.negative_slope),
}


class LeanActivation(Extension):
    """One of the activations in SLOPES, with a bit per value kept."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - as the activations call it
        """The activated map."""
        stock = super().forward
        if not wants_gradient(input):
            return cast("Tensor", stock(input))
        slopes = SLOPES[self.extended](self)
        return cast("Tensor", MaskedActivation.apply(input, stock, slopes))  # type: ignore[no-untyped-call]
