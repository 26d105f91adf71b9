"""Gradients that refuse to be differentiated: a filtered backward pass is an approximation on purpose."""

from typing import Any, List, Optional, Sequence, cast

import torch
from torch import Tensor
from torch.autograd import Function

from gradfilter.errors import NoSecondDerivative


def differentiated_once(gradients: Sequence[Optional[Tensor]]) -> List[Optional[Tensor]]:
    """The gradients as they are; under create_graph, what is built on them raises when it is differentiated."""
    if not torch.is_grad_enabled():
        return list(gradients)
    return [None if gradient is None else _once_only(gradient) for gradient in gradients]


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
