"""BatchNorm with stored statistics and a frozen weight: an affine map, which keeps nothing of its input.

y = (x − mean) · rstd · weight + bias        dx = dy · rstd · weight        dbias = Σ dy
"""

from typing import Any, NamedTuple, Optional, Tuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd import Function

from gradfilter.extended import Extension
from gradfilter.lean.inputs import is_batch_of_maps


class Statistics(NamedTuple):
    """Running mean and variance (C,), and what is added to the variance."""

    mean: Tensor
    variance: Tensor
    epsilon: float


class FrozenNormalisation(Function):
    """F.batch_norm in evaluation, whose weight gets no gradient; keeps references to what the layer has anyway."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Optional[Tensor], bias: Optional[Tensor], statistics: Statistics
    ) -> Tensor:
        """(N, C, H, W), normalised."""
        mean, variance, ctx.epsilon = statistics
        ctx.save_for_backward(weight, variance)
        return F.batch_norm(x, mean, variance, weight, bias, training=False, eps=ctx.epsilon)

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> Tuple[Optional[Tensor], ...]:
        """Gradients of x and bias, each only if asked for; both can be differentiated again."""
        weight, variance = ctx.saved_tensors
        dx, dbias = None, None
        if ctx.needs_input_grad[0]:
            factor = torch.rsqrt(variance + ctx.epsilon)
            factor = factor if weight is None else factor * weight
            dx = dy * factor.view(1, -1, 1, 1).to(dy.dtype)
        if ctx.needs_input_grad[2]:
            dbias = dy.sum((0, 2, 3)).to(variance.dtype)
        return dx, None, dbias, None


class LeanNormalisation(Extension):
    """An nn.BatchNorm2d; lean while it is in evaluation and its weight is frozen."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - nn.BatchNorm2d's own name
        """(N, C, H, W), normalised."""
        normalised = _normalised(cast("nn.BatchNorm2d", self), input)
        return cast("Tensor", super().forward(input)) if normalised is None else normalised


class LeanNormalisedActivation(Extension):
    """A BatchNorm2d with dropout and an activation as parts, drop and act: timm's BatchNormAct2d. Lean as that is."""

    drop: nn.Module
    act: nn.Module

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W), normalised and activated."""
        normalised = _normalised(cast("nn.BatchNorm2d", self), x)
        if normalised is None:
            return cast("Tensor", super().forward(x))
        return cast("Tensor", self.act(self.drop(normalised)))


def is_normalised_activation(module: nn.Module) -> bool:
    """Whether a module is timm's own BatchNormAct2d, by name, as the library does without timm."""
    kind = type(module)
    return (kind.__module__.split(".")[0], kind.__name__) == ("timm", "BatchNormAct2d")


def normalisation_is_lean(norm: nn.BatchNorm2d) -> bool:
    """Whether a normalisation has something to gain once it is in evaluation."""
    return norm.track_running_stats and not _is_trained(norm.weight)


def _is_trained(weight: Optional[Tensor]) -> bool:
    return weight is not None and weight.requires_grad


def _normalised(norm: nn.BatchNorm2d, x: Any) -> Optional[Tensor]:
    """The map, normalised with nothing kept of it; None where its gradient needs it, or it is no batch of maps."""
    mean, variance = norm.running_mean, norm.running_var
    if norm.training or mean is None or variance is None or _is_trained(norm.weight) or not is_batch_of_maps(x):
        return None
    statistics = Statistics(mean, variance, norm.eps)
    return cast("Tensor", FrozenNormalisation.apply(x, norm.weight, norm.bias, statistics))  # type: ignore[no-untyped-call]
