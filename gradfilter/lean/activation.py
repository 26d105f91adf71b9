"""Activations made of straight pieces: one bit per value says which of two slopes a gradient meets.

A smooth activation's gradient needs its input as it is; such layers stay PyTorch's own.
"""

from math import inf
from typing import Any, Callable, NamedTuple, Tuple, cast

import torch
from torch import Tensor, nn
from torch.autograd import Function

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


class _Lean(nn.Module):
    """The forward pass that lean activations share; beside the activation among a class's bases."""

    def slopes(self) -> Slopes:
        """Where the activation is flat and where it is not."""
        raise NotImplementedError

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - as the activations call it
        """The activated map."""
        stock = super().forward
        if not wants_gradient(input):
            return cast("Tensor", stock(input))
        return cast("Tensor", MaskedActivation.apply(input, stock, self.slopes()))  # type: ignore[no-untyped-call]


class LeanReLU(_Lean, nn.ReLU):
    """nn.ReLU with a bit per value kept."""

    def slopes(self) -> Slopes:
        """Flat below 0."""
        return Slopes(0.0, inf)


class LeanReLU6(_Lean, nn.ReLU6):
    """nn.ReLU6 with a bit per value kept."""

    def slopes(self) -> Slopes:
        """Flat outside 0 to 6."""
        return Slopes(self.min_val, self.max_val)


class LeanLeakyReLU(_Lean, nn.LeakyReLU):
    """nn.LeakyReLU with a bit per value kept."""

    def slopes(self) -> Slopes:
        """Another slope below 0."""
        return Slopes(0.0, inf, outside=self.negative_slope)
