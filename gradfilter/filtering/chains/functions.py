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

from typing import Any, List, NamedTuple, Optional, Tuple

import torch
from torch import Tensor
from torch.autograd import Function

from gradfilter.filtering.chains.branches import Branch, placeholder
from gradfilter.filtering.chains.nesting import Nesting
from gradfilter.filtering.gradients import gradients_of_means, of_every_tap
from gradfilter.filtering.passes.unnormalise import unnormalise
from gradfilter.filtering.patches import PatchGrid, memory_format
from gradfilter.filtering.second_derivative import Gradients, differentiated_once
from gradfilter.filtering.shape import FilterShape


class Sums(NamedTuple):
    """Averages over the patches of a branch's grid, each None where it is not needed.

    slope: of f′, None for 1 everywhere. slope_normal: of f′ · x̂. normal: of x̂.
    """

    slope: Optional[Tensor]
    slope_normal: Optional[Tensor]
    normal: Optional[Tensor]


class PatchConvolution(Function):
    """From the tokens that make up the input, and its averages, to one on the grid of the output's patches."""

    @staticmethod
    def forward(  # noqa: PLR0917 - an autograd function's arguments have places
        ctx: Any,
        averages: Tensor,
        weight: Tensor,
        bias: Optional[Tensor],  # noqa: ARG004 - a gradient is asked for by being given
        shape: FilterShape,
        y: Tensor,
        grids: Tuple[PatchGrid, PatchGrid],
        *tokens: Tensor,
    ) -> Tensor:
        """Keep the input's averages where the weight wants a gradient."""
        ctx.shape, ctx.grids, ctx.kernel, ctx.tokens = shape, grids, weight.shape[2:], len(tokens)
        ctx.wants_input = any(ctx.needs_input_grad[6:])
        ctx.save_for_backward(averages if ctx.needs_input_grad[1] else None, weight if ctx.wants_input else None)
        return placeholder(y, (y.size(0), y.size(1), *grids[1].patch_counts))

    @staticmethod
    @differentiated_once
    def backward(ctx: Any, dy_means: Tensor) -> Gradients:
        """The gradients of the weight, the bias and the tokens, each of which gets that of the input."""
        _, wants_weight, wants_bias = ctx.needs_input_grad[:3]
        ways = (ctx.wants_input, wants_weight)
        dx, dtap = gradients_of_means(dy_means, ctx.saved_tensors, ctx.shape, ctx.grids, ways)
        dweight = None if dtap is None else of_every_tap(dtap, ctx.kernel)
        dbias = (dy_means * ctx.grids[1].counts(dy_means)).sum((0, 2, 3)) if wants_bias else None
        return (None, dweight, dbias, None, None, None, *[dx] * ctx.tokens)


class BranchGradient(Function):
    """From a branch to a token on a consumer's grid: the formulas above."""

    @staticmethod
    def forward(  # noqa: PLR0917
        ctx: Any,
        token: Tensor,
        weight: Optional[Tensor],  # noqa: ARG004
        bias: Optional[Tensor],  # noqa: ARG004
        branch: Branch,
        sums: Sums,
        nested: Nesting,
    ) -> Tensor:
        """Keep the sums."""
        ctx.link, ctx.nested = BranchLink.of(branch), nested
        ctx.save_for_backward(*sums, *scales(branch))
        return placeholder(token, (*token.shape[:2], *nested.patches.patch_counts))

    @staticmethod
    @differentiated_once
    def backward(ctx: Any, gradient: Tensor) -> Gradients:
        """The gradients of the branch's token, weight and bias."""
        slope, slope_normal, normal, *scaling = ctx.saved_tensors
        link, wanted = ctx.link, ctx.needs_input_grad
        gradient = ctx.nested.refine(gradient, link.layout)
        dtoken, dweight, dbias = unnormalise(
            gradient, slope, slope_normal, normal, scaling, link.grid, link.values, wants_map=wanted[0]
        )
        return (dtoken, *kept([dweight, dbias], wanted[1:3]), None, None, None)


class BranchLink(NamedTuple):
    """What the backward pass of a branch needs besides tensors.

    values: over how many a statistic of the batch was taken; 0 where the statistics were given. layout: of its maps;
    that of a gradient may be lost where a map has a single pixel.
    """

    grid: PatchGrid
    values: int
    layout: torch.memory_format

    @classmethod
    def of(cls, branch: Branch) -> "BranchLink":
        """The link of a branch."""
        training = branch.normalisation is not None and branch.normalisation.training
        values = branch.y.numel() // max(branch.y.size(1), 1) if training else 0
        return cls(branch.grid, values, memory_format(branch.y))


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


def scales(branch: Branch) -> Tuple[Optional[Tensor], Optional[Tensor]]:
    """What a gradient is multiplied with on its way back through a normalisation: 1/σ, and γ where there is one."""
    if branch.normalisation is None:
        return None, None
    return branch.normalisation.normal.rstd, branch.normalisation.weight


def kept(gradients: List[Optional[Tensor]], wanted: Any) -> List[Optional[Tensor]]:
    """The gradients that are asked for, None for the others."""
    return [gradient if want else None for gradient, want in zip(gradients, wanted)]
