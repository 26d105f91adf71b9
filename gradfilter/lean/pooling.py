"""Pooling that keeps what its gradient needs: of max pooling a byte per window, of average pooling nothing."""

from typing import Any, Callable, Tuple, Union, cast

import torch
from torch import Tensor, nn
from torch.autograd import Function

from gradfilter.extended import Extension
from gradfilter.filtering.passes import IDENTITY, max_pool, unpool
from gradfilter.filtering.passes.max_pooling import CLOSED
from gradfilter.filtering.patches import memory_format
from gradfilter.lean.inputs import is_batch_of_maps, wants_gradient

Pair = Tuple[int, int]


class BytePooling(Function):
    """Max pooling that keeps the place of each maximum in its window, in one byte."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, windows: Tuple[Pair, Pair, Pair]) -> Tensor:
        """(N, C, H, W) → (N, C, H_o, W_o); windows: their size, stride and padding."""
        ctx.windows, ctx.input_size = windows, x.shape[2:]
        pooled = max_pool(x, None, IDENTITY, *windows)
        ctx.save_for_backward(pooled.index)
        return pooled.output

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> Tuple[Tensor, None]:
        """The gradient of each window, added to where its maximum was."""
        (index,) = ctx.saved_tensors
        window, stride, padding = ctx.windows
        return unpool(dy, index, window, stride, padding, ctx.input_size), None


class SizedPooling(Function):
    """Average pooling by any function, which keeps the size of its input."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, pool: Callable[[Tensor], Tensor], unpool_gradient: Callable[[Tensor, Tensor], Tensor]
    ) -> Tensor:
        """(N, C, H, W) → (N, C, H_o, W_o)."""
        ctx.input_size, ctx.layout, ctx.unpool_gradient = x.shape, memory_format(x), unpool_gradient
        return pool(x)

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> Tuple[Tensor, None, None]:
        """PyTorch's own backward, which asks the input for its size alone: memory is set aside and never touched."""
        sized = torch.empty(ctx.input_size, dtype=dy.dtype, device=dy.device, memory_format=ctx.layout)
        return ctx.unpool_gradient(dy, sized), None, None


class LeanMaxPooling(Extension):
    """An nn.MaxPool2d with a byte per window kept."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - nn.MaxPool2d's own name
        """(N, C, H, W) → (N, C, H_o, W_o)."""
        if not (is_batch_of_maps(input) and wants_gradient(input)):
            return cast("Tensor", super().forward(input))
        return cast("Tensor", BytePooling.apply(input, _windows(cast("nn.MaxPool2d", self))))  # type: ignore[no-untyped-call]


class LeanAveragePooling(Extension):
    """An nn.AvgPool2d with nothing kept."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - nn.AvgPool2d's own name
        """(N, C, H, W) → (N, C, H_o, W_o)."""
        return average_pool(input, cast("nn.AvgPool2d", self), super().forward)


class LeanAdaptivePooling(Extension):
    """An nn.AdaptiveAvgPool2d with nothing kept."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - nn.AdaptiveAvgPool2d's own name
        """(N, C, H, W) → (N, C, H_o, W_o)."""
        pool = super().forward
        if not (is_batch_of_maps(input) and wants_gradient(input)):
            return cast("Tensor", pool(input))
        unpool_gradient = torch.ops.aten._adaptive_avg_pool2d_backward  # noqa: SLF001 - it has no other name
        return cast("Tensor", SizedPooling.apply(input, pool, unpool_gradient))  # type: ignore[no-untyped-call]


def average_pool(x: Tensor, pool: nn.AvgPool2d, forward: Callable[[Tensor], Tensor]) -> Tensor:
    """What a pooling's own forward pass makes of x (N, C, H, W), with nothing kept."""
    if not (is_batch_of_maps(x) and wants_gradient(x)):
        return forward(x)
    sizes = [list(pair(size)) for size in (pool.kernel_size, pool.stride, pool.padding)]
    numbers = (pool.ceil_mode, pool.count_include_pad, pool.divisor_override)

    def unpool_gradient(dy: Tensor, sized: Tensor) -> Tensor:
        return cast("Tensor", torch.ops.aten.avg_pool2d_backward(dy, sized, *sizes, *numbers))

    return cast("Tensor", SizedPooling.apply(x, forward, unpool_gradient))  # type: ignore[no-untyped-call]


def max_pooling_is_lean(pool: nn.MaxPool2d) -> bool:
    """Whether windows lie as a byte can tell: not dilated, as wholes in the map, with fewer places than a byte has."""
    height, width = pair(pool.kernel_size)
    plain = pair(pool.dilation) == (1, 1) and not pool.ceil_mode and not pool.return_indices
    return plain and height * width < CLOSED


def pair(value: Union[int, Pair]) -> Pair:
    """Height and width, given as one number or as two."""
    return (value, value) if isinstance(value, int) else value


def _windows(pool: nn.MaxPool2d) -> Tuple[Pair, Pair, Pair]:
    return pair(pool.kernel_size), pair(pool.stride), pair(pool.padding)
