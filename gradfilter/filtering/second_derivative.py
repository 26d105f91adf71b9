"""Gradients that refuse to be differentiated: a filtered backward pass is an approximation on purpose."""

from functools import wraps
from typing import Any, Callable, Optional, Tuple, cast

import torch
from torch import Tensor
from torch.autograd import Function

from gradfilter.errors import NoSecondDerivative

Gradients = Tuple[Optional[Tensor], ...]


def differentiated_once(backward: Callable[..., Gradients]) -> Callable[..., Gradients]:
    """An autograd function's backward pass that is not recorded; under create_graph its gradients refuse to be
    differentiated.
    """

    @wraps(backward)
    def unrecorded(ctx: Any, *outputs: Tensor) -> Gradients:
        if not torch.is_grad_enabled():  # entering no_grad costs more than asking
            return backward(ctx, *outputs)
        with torch.no_grad():
            gradients = backward(ctx, *outputs)
        return tuple(None if gradient is None else _once_only(gradient) for gradient in gradients)

    return unrecorded


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
