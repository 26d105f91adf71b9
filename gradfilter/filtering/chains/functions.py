"""Backward passes at patch resolution: the links of a chain, as autograd functions between tokens.

With A the gradient of a = f(z), the same value on every pixel of a patch; z = γ x̂ + β, x̂ = (y − μ) / σ; S the sum and
M the mean over a patch; m the number of values that a statistic was taken over; all other sums over batch and patches:

    dβ    = Σ A · S(f′(z))
    dγ    = Σ A · S(f′(z) · x̂)
    M(dy) = γ/σ · (A · M(f′(z)) − dβ/m − M(x̂) · dγ/m)     statistics of the batch
    M(dy) = γ/σ ·  A · M(f′(z))                            statistics that are given

Averaging is linear, so that each is exactly what the filtered convolution behind it would have found from gradients
at full resolution. Where f′ belongs to a sum of branches, each branch has its own x̂; where A passes several
activations, f′ is the product of theirs. Convolutions: see gradients.py.
"""

from typing import Any, NamedTuple, Optional, Sequence, Tuple

import torch
from torch import Tensor
from torch.autograd import Function

from gradfilter.filtering.chains.branches import placeholder
from gradfilter.filtering.chains.ways import Averaged, IntoBranch, Way, gradients_along
from gradfilter.filtering.gradients import InputGradient, gradients_of_means, of_every_tap
from gradfilter.filtering.patches import PatchGrid, memory_format
from gradfilter.filtering.second_derivative import Gradients, differentiated_once
from gradfilter.filtering.shape import FilterShape


class ConvolutionLink(NamedTuple):
    """What is known of a convolution without its tensors: its numbers, the grids of its input's and of its output's
    patches, and the output's size (N, C, H, W).
    """

    shape: FilterShape
    grids: Tuple[PatchGrid, PatchGrid]
    size: torch.Size


class PatchConvolution(Function):
    """From all that makes up the input, and its averages, to a token on the grid of the output's patches."""

    @staticmethod
    def forward(
        ctx: Any,
        link: ConvolutionLink,
        averaged: Averaged,
        weight: Tensor,
        bias: Optional[Tensor],  # noqa: ARG004 - a gradient is asked for by being given
        *inputs: Optional[Tensor],  # noqa: ARG004
    ) -> Tensor:
        """Keep the input's averages where the weight wants a gradient. inputs: of all ways, one after another."""
        ctx.link, ctx.ways = link, [way.into for way in averaged.ways]
        ctx.kernel, ctx.weight_format = weight.shape[2:], memory_format(weight)
        wants_weight, ctx.wants_input = ctx.needs_input_grad[2], any(ctx.needs_input_grad[4:])
        own = averaged.averages if wants_weight else None, weight if ctx.wants_input else None
        ctx.save_for_backward(*own, *[tensor for way in averaged.ways for tensor in way.saved])
        return placeholder(weight, (*link.size[:2], *link.grids[1].patch_counts))

    @staticmethod
    @differentiated_once
    def backward(ctx: Any, dy_means: Tensor) -> Gradients:
        """The gradients of the weight, the bias, and of what lies at the end of each way."""
        averages, weight, *saved = ctx.saved_tensors
        _, _, wants_weight, wants_bias, *wanted = ctx.needs_input_grad
        shape, grids, _ = ctx.link
        dx, dtap = gradients_of_means(dy_means, (averages, weight), shape, grids, (ctx.wants_input, wants_weight))
        dweight = None if dtap is None else of_every_tap(dtap, ctx.kernel, ctx.weight_format)
        dbias = (dy_means * grids[1].counts(dy_means)).sum((0, 2, 3)) if wants_bias else None
        return (None, None, dweight, dbias, *gradients_along(ctx.ways, dx, saved, wanted))


class BranchGradient(Function):
    """From a branch to a token on a consumer's grid, for consumers whose gradients are added up there."""

    @staticmethod
    def forward(
        ctx: Any,
        into: IntoBranch,
        saved: Sequence[Optional[Tensor]],
        token: Tensor,
        *parameters: Optional[Tensor],  # noqa: ARG004
    ) -> Tensor:
        """Keep the sums."""
        ctx.into = into
        ctx.save_for_backward(*saved)
        return placeholder(token, (*token.shape[:2], *into.nested.patches.patch_counts))

    @staticmethod
    @differentiated_once
    def backward(ctx: Any, gradient: Tensor) -> Gradients:
        """The gradients of the branch's token, weight and bias."""
        return (None, None, *ctx.into.gradients(InputGradient(gradient), ctx.saved_tensors, ctx.needs_input_grad[2:]))


def shared(way: Way) -> Way:
    """A way for several consumers, whose gradients are added up before they take it."""
    if way.into is None:
        return way
    return Way((BranchGradient.apply(way.into, way.saved, *way.inputs),))  # type: ignore[no-untyped-call]


class Entry(Function):
    """From a full map to a token with its averages: where a chain begins, as the forward pass sees it.

    mask: where the gradient passes (uint8), None for everywhere; masked tokens carry no values.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, grid: PatchGrid, mask: Optional[Tensor]) -> Tensor:
        """Average."""
        ctx.grid, ctx.memory_format = grid, memory_format(x)
        ctx.save_for_backward(mask)
        if mask is None:
            return grid.averages(x)
        return placeholder(x, (*x.shape[:2], *grid.patch_counts))

    @staticmethod
    @differentiated_once
    def backward(ctx: Any, gradient: Tensor) -> Gradients:
        """Give every pixel the gradient of its patch."""
        (mask,) = ctx.saved_tensors
        dx = ctx.grid.spread(gradient, ctx.memory_format)
        if mask is not None:
            dx.mul_(mask)
        return dx, None, None


class GlobalMean(Function):
    """From tokens on a grid of a single patch, and the map's mean, to that mean (N, C, 1, 1)."""

    @staticmethod
    def forward(ctx: Any, mean: Tensor, pixels: int, *tokens: Tensor) -> Tensor:
        """The mean, of so many pixels."""
        ctx.pixels, ctx.tokens = pixels, len(tokens)
        return mean.view_as(mean)

    @staticmethod
    @differentiated_once
    def backward(ctx: Any, gradient: Tensor) -> Gradients:
        """Every pixel's share."""
        return (None, None, *[gradient / ctx.pixels] * ctx.tokens)
