"""The filtered convolution as operators that torch.compile takes whole: no graph break, free shapes.

They are registered from torch 2.4, which brought torch.library.custom_op; older torch has the eager
autograd function only. Eager code never comes here, since a registered operator costs more to call.
"""

from typing import Any, List, Optional, Sequence, Tuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor

from gradfilter.filtering.gradients import filtered_gradients, of_every_tap
from gradfilter.filtering.patches import memory_format
from gradfilter.filtering.precision import autocast_type, without_autocast
from gradfilter.filtering.shape import FilterShape

REGISTERED = hasattr(getattr(torch, "library", None), "custom_op")

# A FilterShape as arguments. Its padding is either numbers or a word, which an argument cannot be.
_NUMBERS = "int patch_size, int[2] stride, int[] padding, str padding_word, int[2] dilation, int groups"
_CHOICES = "str alignment, bool stride_correction"


def compiling() -> bool:
    """Whether torch.compile is tracing this call, and the operators can be given to it."""
    return REGISTERED and torch.compiler.is_dynamo_compiling()


def compiled_convolution(x: Tensor, weight: Tensor, bias: Optional[Tensor], shape: FilterShape) -> Tensor:
    """The filtered convolution of (N, C_in, H, W), as one operator."""
    dtype = autocast_type(x.device.type, x.dtype)
    if dtype is not None:
        x, weight, bias = x.to(dtype), weight.to(dtype), None if bias is None else bias.to(dtype)
    outputs = torch.ops.gradfilter.filtered_conv2d(x, weight, bias, weight.requires_grad, *_arguments(shape))
    return cast("Tensor", outputs[0])


def _arguments(shape: FilterShape) -> List[Any]:
    padding = ((), shape.padding) if isinstance(shape.padding, str) else (shape.padding, "")
    return [*shape[:2], *padding, *shape[3:]]


def _shape(patch_size: int, stride: Any, padding: Any, padding_word: str, dilation: Any, *others: Any) -> FilterShape:
    return FilterShape(patch_size, tuple(stride), padding_word or tuple(padding), tuple(dilation), *others)


def _output(x: Tensor, weight: Tensor, bias: Optional[Tensor], shape: FilterShape) -> Tensor:
    with without_autocast(x.device.type):
        return F.conv2d(x, weight, bias, shape.stride, shape.padding, shape.dilation, shape.groups)


def _convolve(x: Tensor, weight: Tensor, bias: Optional[Tensor], keep: bool, *arguments: Any) -> Tuple[Tensor, Tensor]:
    """The output, and the patch averages of x if they are to be kept."""
    shape = _shape(*arguments)
    y = _output(x, weight, bias, shape)
    if not keep:
        return y, x.new_empty(0)
    input_grid, _ = shape.grids(x.shape[2:], y.shape[2:])
    return y, input_grid.averages(x).contiguous(memory_format=memory_format(x))


def _convolve_fake(
    x: Tensor, weight: Tensor, bias: Optional[Tensor], keep: bool, *arguments: Any
) -> Tuple[Tensor, Tensor]:
    shape = _shape(*arguments)
    y = _output(x, weight, bias, shape)
    if not keep:
        return y, x.new_empty(0)
    size = [*x.shape[:2], *shape.patch_counts(y.shape[2:])]
    return y, torch.empty(size, dtype=x.dtype, device=x.device, memory_format=memory_format(x))


def _differentiate(  # noqa: PLR0917 - an operator's arguments have places
    dy: Tensor,
    x_averages: Tensor,
    weight: Tensor,
    input_size: Sequence[int],
    channels_last: bool,
    wanted: Sequence[bool],
    *arguments: Any,
) -> Tuple[Tensor, Tensor, Tensor]:
    """The gradients of x, of a tap of weight, and of bias; an empty tensor for what is not wanted."""
    shape = _shape(*arguments)
    grids = shape.grids(input_size, dy.shape[2:])
    with without_autocast(dy.device.type):
        dx, dtap, dbias = filtered_gradients(dy, (x_averages, weight), shape, grids, wanted)
    if dx is not None:
        layout = _layout(channels_last)
        dx = grids[0].spread(dx, layout).contiguous(memory_format=layout)
    dx, dtap, dbias = [dy.new_empty(0) if gradient is None else gradient for gradient in (dx, dtap, dbias)]
    return dx, dtap, dbias


def _differentiate_fake(  # noqa: PLR0917
    dy: Tensor,
    x_averages: Tensor,  # noqa: ARG001 - only its values matter
    weight: Tensor,
    input_size: Sequence[int],
    channels_last: bool,
    wanted: Sequence[bool],
    *arguments: Any,
) -> Tuple[Tensor, Tensor, Tensor]:
    input_channels = _shape(*arguments).groups * weight.size(1)
    sizes = [[dy.size(0), input_channels, *input_size], weight.shape[:2], weight.shape[:1]]
    dx, dtap, dbias = [dy.new_empty(size if want else [0]) for size, want in zip(sizes, wanted)]
    return dx.contiguous(memory_format=_layout(channels_last)) if wanted[0] else dx, dtap, dbias


def _layout(channels_last: bool) -> torch.memory_format:
    return torch.channels_last if channels_last else torch.contiguous_format


def _remember(ctx: Any, inputs: Sequence[Any], output: Tuple[Tensor, Tensor]) -> None:
    x, weight, _, _, *ctx.arguments = inputs
    ctx.input_size = x.shape[2:]
    ctx.channels_last = memory_format(x) == torch.channels_last
    ctx.save_for_backward(output[1], weight)


def _backward(ctx: Any, dy: Tensor, _: Tensor) -> Tuple[Optional[Tensor], ...]:
    x_averages, weight = ctx.saved_tensors
    wanted = list(ctx.needs_input_grad[:3])
    dx, dtap, dbias = torch.ops.gradfilter.filtered_conv2d_gradients(
        dy, x_averages, weight, ctx.input_size, ctx.channels_last, wanted, *ctx.arguments
    )
    dweight = of_every_tap(dtap, weight.shape[2:], memory_format(weight)) if wanted[1] else None
    return (dx if wanted[0] else None, dweight, dbias if wanted[2] else None, *[None] * (1 + len(ctx.arguments)))


def _register() -> None:
    convolution = torch.library.custom_op(
        "gradfilter::filtered_conv2d",
        _convolve,
        mutates_args=(),
        schema="(Tensor x, Tensor weight, Tensor? bias, bool keep, %s, %s) -> (Tensor, Tensor)" % (_NUMBERS, _CHOICES),
    )
    convolution.register_fake(_convolve_fake)
    convolution.register_autograd(_backward, setup_context=_remember)
    gradients = torch.library.custom_op(
        "gradfilter::filtered_conv2d_gradients",
        _differentiate,
        mutates_args=(),
        schema="(Tensor dy, Tensor x_averages, Tensor weight, SymInt[] input_size, bool channels_last, bool[] wanted,"
        " %s, %s) -> (Tensor, Tensor, Tensor)" % (_NUMBERS, _CHOICES),
    )
    gradients.register_fake(_differentiate_fake)


if REGISTERED:
    _register()
