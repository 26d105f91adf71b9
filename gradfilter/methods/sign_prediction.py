"""Weight gradients reduced to their signs, most of them predicted from a few high bits.

    direction = sign(g_msb) where |g_msb| ≥ τ, else sign(g_q)        τ = threshold · max |g_msb|

g_msb correlates the highest bits of input and output gradient, g_q all of theirs. Both products are computed in
floating point here, so that no time is saved: that needs hardware which multiplies few bits cheaply. The default bits
and threshold are ours. What is kept for backward is the input in bytes.
"""

from typing import Any, Callable, NamedTuple, Optional, Tuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from gradfilter.extended import Extension, extend, unextend
from gradfilter.filtering.precision import without_autocast
from gradfilter.lean.convolution import geometry_of, is_padded_by_numbers, transposed
from gradfilter.methods.quantisation import quantise


class SignBits(NamedTuple):
    """Bits of inputs, weights and output gradients, how many of them a prediction uses, and when it is trusted."""

    x: int
    x_msb: int
    weight: int
    gradient: int
    gradient_msb: int
    threshold: float
    sparsify: bool


class Product(NamedTuple):
    """What a layer does with input, weight and bias; its input's gradient of dy, weight and shape, its bias's of dy."""

    forward: Callable[..., Tensor]
    input_gradient: Callable[[Tensor, Tensor, torch.Size], Tensor]
    bias_gradient: Callable[[Tensor], Tensor]

    def weight_gradient(self, x: Tensor, weight: Tensor, dy: Tensor) -> Tensor:
        """By autograd, which every torch has for every geometry."""
        with torch.enable_grad():
            kernel = weight.detach().requires_grad_()
            (gradient,) = torch.autograd.grad(self.forward(x, kernel, None), kernel, dy)
        return gradient


class Signed(Extension):
    """A layer with quantised operands, whose parameters get signs for gradients.

    unsure_share: the share of the weights whose sign could not be predicted in the last backward pass.
    """

    weight: nn.Parameter
    bias: Optional[nn.Parameter]
    sign_bits: SignBits
    unsure_share: Optional[float]

    def product(self) -> Product:
        """The layer's arithmetic."""
        raise NotImplementedError

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - PyTorch's own name
        """As the plain layer, of quantised numbers."""
        signed = _SignedProduct.apply(input, self.weight, self.bias, self)  # type: ignore[no-untyped-call]
        return cast("Tensor", signed)


class SignedConvolution(Signed):
    """A convolution (N, C_in, H, W) → (N, C_out, H_out, W_out)."""

    def product(self) -> Product:
        """With the layer's stride, padding, dilation and groups."""
        geometry = geometry_of(cast("nn.Conv2d", self))
        return Product(
            lambda x, weight, bias: F.conv2d(x, weight, bias, *geometry),
            lambda dy, weight, shape: transposed(dy, weight, geometry, shape[2:]),
            lambda dy: dy.sum((0, 2, 3)),
        )


class SignedLinear(Signed):
    """A linear layer (..., features) → (..., features)."""

    def product(self) -> Product:
        """A matrix product."""
        return Product(F.linear, lambda dy, weight, _: dy @ weight, lambda dy: dy.reshape(-1, dy.shape[-1]).sum(0))


_EXTENSIONS = {nn.Conv2d: SignedConvolution, nn.Linear: SignedLinear}


class _SignedProduct(Function):
    """Computes in the weight's type, whatever autocast would choose."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Optional[Tensor], layer: Signed) -> Tensor:
        """The product of quantised input and weight; of the input, its codes are kept."""
        bits = layer.sign_bits
        with without_autocast(x.device.type):
            quantised = quantise(x.to(weight.dtype), bits.x)
            ctx.layer, ctx.shape, ctx.input_type = layer, x.shape, x.dtype
            ctx.scale = quantised._replace(codes=weight[:0])
            ctx.save_for_backward(quantised.codes, weight)
            y: Tensor = layer.product().forward(quantised.values(), quantise(weight, bits.weight).values(), bias)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dy: Tensor) -> Tuple[Optional[Tensor], ...]:
        """The gradient of x by quantised numbers; signs for weight and bias, each only if asked for."""
        codes, weight = ctx.saved_tensors
        layer, bits, product = ctx.layer, ctx.layer.sign_bits, ctx.layer.product()
        dx, dweight, dbias = None, None, None
        with torch.no_grad(), without_autocast(dy.device.type):
            x, gradient = ctx.scale._replace(codes=codes), quantise(dy, bits.gradient)
            rough, fine = gradient.most_significant(bits.gradient_msb).values(), gradient.values()
            if ctx.needs_input_grad[0]:
                dx = product.input_gradient(fine, quantise(weight, bits.weight).values(), ctx.shape).to(ctx.input_type)
            if ctx.needs_input_grad[1]:
                rough_product = product.weight_gradient(x.most_significant(bits.x_msb).values(), weight, rough)
                fine_product = product.weight_gradient(x.values(), weight, fine)
                dweight, unsure = predicted_signs(rough_product, fine_product, bits.threshold, sparsify=bits.sparsify)
                layer.unsure_share = float(unsure.float().mean())
            if ctx.needs_input_grad[2]:
                sums = product.bias_gradient(rough), product.bias_gradient(fine)
                dbias, _ = predicted_signs(*sums, bits.threshold, sparsify=bits.sparsify)
        return dx, dweight, dbias, None


def predicted_signs(rough: Tensor, fine: Tensor, threshold: float, *, sparsify: bool) -> Tuple[Tensor, Tensor]:
    """Directions in {-1, 0, 1}, and where the rough gradient was too small to be trusted.

    threshold: relative to the largest rough gradient. sparsify: 0 there instead of the fine gradient's sign.
    """
    unsure = rough.abs() < threshold * rough.abs().max()
    return torch.where(unsure, torch.zeros_like(fine) if sparsify else fine.sign(), rough.sign()), unsure


def sign_problem(layer: nn.Module) -> str:
    """Why a layer's gradients cannot be reduced to signs, or ''."""
    if type(layer) not in _EXTENSIONS:
        return "it is a %s, and only nn.Conv2d and nn.Linear themselves are known well enough" % type(layer).__name__
    if isinstance(layer, nn.Conv2d) and not is_padded_by_numbers(layer):
        return "its padding is %r with padding_mode %r, and only zeros, in pixels, are supported" % (
            layer.padding,
            layer.padding_mode,
        )
    return ""


def reduce_to_signs(layer: nn.Module, bits: SignBits) -> None:
    """Make a layer, in place, one whose parameters get signs."""
    extend(layer, _EXTENSIONS[type(layer)])
    signed = cast("Signed", layer)
    signed.sign_bits, signed.unsure_share = bits, None


def keep_magnitudes(layer: nn.Module) -> None:
    """Undo reduce_to_signs; nothing where it was not done."""
    if isinstance(layer, Signed):
        del layer.sign_bits, layer.unsure_share
        for extension in _EXTENSIONS.values():
            unextend(layer, extension)
