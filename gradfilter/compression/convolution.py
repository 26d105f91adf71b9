"""A Conv2d that keeps a packed input for its backward pass.

y = conv(x)        as it is, bit for bit
dx                 needs only the weight: exact
dweight            from what the codec unpacks
"""

from typing import Any, NamedTuple, Optional, Tuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from gradfilter.compression.codec import Codec, Packed
from gradfilter.compression.gradients import convolution_gradients
from gradfilter.filtering.precision import without_autocast
from gradfilter.filtering.stand_in import materialised
from gradfilter.lean.convolution import Geometry, Pair


class _Layer(NamedTuple):
    """What a call needs of its layer beside tensors."""

    geometry: Geometry
    codec: Codec


class CompressedConv2d(nn.Conv2d):
    """nn.Conv2d, same forward and state dict, that keeps of its input only what its codec packs."""

    codec: Codec

    @classmethod
    def convert(cls, conv: nn.Conv2d, codec: Codec) -> "CompressedConv2d":
        """Turn a plain nn.Conv2d into a compressed one, in place; the module stays the same object.

        Raises:
            ValueError: the layer cannot be converted; it is left as it was.
        """
        problem = compression_problem(conv)
        if problem:
            raise ValueError("this convolution's input cannot be compressed: %s." % problem)
        conv.__class__ = cls
        compressed = cast("CompressedConv2d", conv)
        compressed.codec = codec
        return compressed

    @classmethod
    def restore(cls, conv: "CompressedConv2d") -> nn.Conv2d:
        """Turn it back into a plain nn.Conv2d, in place; the reverse of convert."""
        del conv.codec
        plain = cast("Any", conv)
        plain.__class__ = nn.Conv2d
        return cast("nn.Conv2d", plain)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - nn.Conv2d's own name
        """(N, C_in, H, W) → (N, C_out, H_out, W_out)."""
        input = materialised(input, "a compressed layer")  # noqa: A001
        if not torch.is_grad_enabled():
            return super().forward(input)
        if input.dim() == 3:  # noqa: PLR2004 - a single image
            return self.forward(input.unsqueeze(0)).squeeze(0)
        x, padding = self._padded(input)
        geometry = Geometry(cast("Pair", self.stride), padding, cast("Pair", self.dilation), self.groups)
        layer = _Layer(geometry, self.codec)
        return cast("Tensor", _Compressed.apply(x, self.weight, self.bias, layer))  # type: ignore[no-untyped-call]

    def _padded(self, x: Tensor) -> Tuple[Tensor, Pair]:
        """The input and the zeros that are still to be put around it; what is no plain padding is put there first."""
        if self.padding == "valid":
            return x, (0, 0)
        if self.padding_mode == "zeros" and not isinstance(self.padding, str):
            return x, cast("Pair", self.padding)
        mode = "constant" if self.padding_mode == "zeros" else self.padding_mode
        return F.pad(x, self._reversed_padding_repeated_twice, mode=mode), (0, 0)


def compression_problem(conv: nn.Module) -> str:
    """Why a module's input cannot be compressed, or ''."""
    if isinstance(conv, CompressedConv2d):
        return "its input is compressed already"
    if type(conv) is not nn.Conv2d:
        # A filtered convolution keeps no input; a subclass may compute something else.
        return "it is a %s, and only nn.Conv2d itself is known to keep its input and nothing else" % type(conv).__name__
    return ""


class _Compressed(Function):
    """The convolution; its settings and its codec come as one argument."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Optional[Tensor], layer: _Layer) -> Tensor:
        """Convolve, and hold what the codec packs of x where the weight wants a gradient."""
        y = F.conv2d(x, weight, bias, *layer.geometry)
        packed = layer.codec.pack(x.detach()) if ctx.needs_input_grad[1] else Packed([])
        if any(tensor.data_ptr() == x.data_ptr() for tensor in packed.tensors):
            packed = Packed([x], packed.facts)  # the tensor itself, so that autograd notices a change in place
        ctx.layer, ctx.facts = layer, packed.facts
        ctx.shape, ctx.types = x.shape, (x.dtype, weight.dtype, weight.dtype)
        ctx.save_for_backward(weight, *packed.tensors)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dy: Tensor) -> Tuple[Optional[Tensor], ...]:
        """Gradients of x, weight and bias, each only if asked for."""
        weight, *held = ctx.saved_tensors
        wanted = ctx.needs_input_grad[:3]
        # The input's values play no part in its own gradient, only its size: one number stands for all.
        x = dy.new_zeros(1).expand(ctx.shape)
        with without_autocast(dy.device.type):
            if wanted[1]:
                x = ctx.layer.codec.unpack(Packed(held, ctx.facts))
                ctx.layer.codec.gradient_seen(x, dy)
            gradients = convolution_gradients(dy, x.to(dy.dtype), weight.to(dy.dtype), ctx.layer.geometry, wanted)
        return (*[None if g is None else g.to(kind) for g, kind in zip(gradients, ctx.types)], None)
