"""Doubling a convolution's stride, and having its output interpolated.

The module stays as it is but for its stride, so that other methods may change it too, before or after.
"""

from functools import partial
from typing import Any, Tuple, cast

import torch
from torch import nn

from gradfilter.compression import CompressedConv2d
from gradfilter.extended import class_without
from gradfilter.filtering import FilteredConv2d
from gradfilter.filtering.operators import compiling
from gradfilter.filtering.stand_in import materialised
from gradfilter.lean.convolution import LeanConvolution
from gradfilter.virtual.interpolation import Pair, interpolate
from gradfilter.virtual.maps import VirtualMap

# What computes the convolution that its attributes say, lean or not; another subclass may compute something else.
_KNOWN = (nn.Conv2d, FilteredConv2d, CompressedConv2d)


def virtual_problem(conv: nn.Conv2d) -> str:
    """Why a convolution cannot be pooled virtually, or ''."""
    if is_virtual(conv):
        return "it is pooled virtually already"
    if class_without(conv, LeanConvolution) not in _KNOWN:
        return "it is a %s, and only nn.Conv2d itself is known to keep to its stride" % type(conv).__name__
    if isinstance(conv.padding, str):
        return "its padding is %r, which PyTorch does not compute with a stride" % conv.padding
    return ""


def pool_virtually(conv: nn.Conv2d) -> None:
    """Double the stride, in place; the output is a VirtualMap of the size that it had."""
    conv.stride = _times(conv.stride, 2)
    conv.register_forward_hook(_defer_interpolation)


def restore_stride(conv: nn.Conv2d) -> None:
    """The reverse of pool_virtually, in place. A handle kept for it would be no part of a copy of the module."""
    hooks = conv._forward_hooks  # noqa: SLF001
    for key in [key for key, hook in hooks.items() if hook is _defer_interpolation]:
        del hooks[key]
    conv.stride = tuple(step // 2 for step in conv.stride)


def is_virtual(conv: nn.Module) -> bool:
    """Whether a module is pooled virtually."""
    return _defer_interpolation in conv._forward_hooks.values()  # noqa: SLF001


def whole_output(model: nn.Module, _: Any, output: Any) -> Any:  # noqa: ARG001 - a forward hook's arguments
    """The forward hook of a model with virtual layers: ordinary tensors leave it."""
    return materialised(output, "the model's output")


def _defer_interpolation(conv: nn.Module, inputs: Tuple[Any, ...], output: Any) -> Any:
    """The forward hook of a virtual layer."""
    size = _full_size(cast("nn.Conv2d", conv), inputs[0].shape[2:])
    samples = materialised(output, "virtual pooling")
    if compiling():  # compilers do not follow stand-ins: interpolated at once
        return interpolate(samples, size)
    shape = torch.Size([*samples.shape[:2], *size])
    return VirtualMap(samples, shape, partial(interpolate, size=size))


def _full_size(conv: nn.Conv2d, size: Any) -> Pair:
    """What the layer's output measured before its stride was doubled."""
    height, width = (
        (size[a] + 2 * int(conv.padding[a]) - conv.dilation[a] * (conv.kernel_size[a] - 1) - 1) // (conv.stride[a] // 2)
        + 1
        for a in (0, 1)
    )
    return height, width


def _times(stride: Tuple[int, ...], factor: int) -> Pair:
    height, width = stride
    return height * factor, width * factor
