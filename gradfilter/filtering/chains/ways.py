"""The ways of a gradient from a consumer, in whose patches it is constant, back to what the consumer's map is made of.

Each ends in one thing that the map is the sum of: a token, which takes the gradient as it is, or a branch, in front of
whose normalisation and activation (functions.py) the gradient is wanted.
"""

from typing import List, NamedTuple, Optional, Sequence, Tuple

import torch
from torch import Tensor

from gradfilter.filtering.chains.branches import Branch
from gradfilter.filtering.chains.nesting import Nesting
from gradfilter.filtering.gradients import InputGradient
from gradfilter.filtering.passes.unnormalise import unnormalise
from gradfilter.filtering.patches import PatchGrid, memory_format


class Sums(NamedTuple):
    """Averages over the patches of a branch's grid, each None where it is not needed.

    slope: of f′, None for 1 everywhere; in bytes the number of pixels where it is 1. slope_normal: of f′ · x̂.
    normal: of x̂.
    """

    slope: Optional[Tensor]
    slope_normal: Optional[Tensor]
    normal: Optional[Tensor]


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


# Of a way into a branch: a token, a weight and a bias get gradients, and three sums and two scales are kept.
_INPUTS, _SAVED = 3, 5


class IntoBranch(NamedTuple):
    """The formulas of functions.py, from a gradient on a consumer's patches: how those are made of the branch's own."""

    link: BranchLink
    nested: Nesting

    def gradients(
        self, gradient: InputGradient, saved: Sequence[Optional[Tensor]], wanted: Sequence[bool]
    ) -> List[Optional[Tensor]]:
        """Of the branch's token, weight and bias. saved: the way's."""
        slope, slope_normal, normal, *scaling = saved
        grid, values, layout = self.link
        dtoken, dweight, dbias = unnormalise(
            self.nested.refine(gradient.values, layout),
            slope,
            slope_normal,
            normal,
            scaling,
            grid,
            values,
            wants_map=wanted[0],
            factors=gradient.factors,
        )
        return [dtoken, *kept([dweight, dbias], wanted[1:])]


class Way(NamedTuple):
    """One way: the tensors of autograd's that get gradients, what is kept for them, and how they are had from it.

    Without `into`: one token, that takes the gradient as it is. With it: the token, weight and bias of a branch.
    """

    inputs: Tuple[Optional[Tensor], ...]
    saved: Tuple[Optional[Tensor], ...] = ()
    into: Optional[IntoBranch] = None

    @classmethod
    def into_branch(cls, branch: Branch, sums: Sums, nested: Nesting) -> "Way":
        """The way to a branch."""
        return cls(branch.parameters, (*sums, *scales(branch)), IntoBranch(BranchLink.of(branch), nested))


class Averaged(NamedTuple):
    """A map as a consumer reads it, on the grid of its patches: averages, outside autograd, and the ways to all that
    the map is the sum of. Each of them takes the gradient of the map, which is constant inside a patch.
    """

    averages: Tensor
    ways: Sequence[Way]


def gradients_along(
    ways: Sequence[Optional[IntoBranch]],
    gradient: Optional[InputGradient],
    saved: Sequence[Optional[Tensor]],
    wanted: Sequence[bool],
) -> List[Optional[Tensor]]:
    """Of the inputs of all ways, from the gradient at their common beginning; None of all where there is none.

    saved, wanted: of all ways, one after another.
    """
    gradients: List[Optional[Tensor]] = []
    for into in ways:
        if into is None:
            gradients.append(None if gradient is None else gradient.map)
        elif gradient is None:
            gradients += [None] * _INPUTS
        else:
            gradients += into.gradients(gradient, saved[:_SAVED], wanted[len(gradients) : len(gradients) + _INPUTS])
            saved = saved[_SAVED:]
    return gradients


def scales(branch: Branch) -> Tuple[Optional[Tensor], Optional[Tensor]]:
    """What a gradient is multiplied with on its way back through a normalisation: 1/σ, and γ where there is one."""
    if branch.normalisation is None:
        return None, None
    return branch.normalisation.normal.rstd, branch.normalisation.weight


def kept(gradients: List[Optional[Tensor]], wanted: Sequence[bool]) -> List[Optional[Tensor]]:
    """The gradients that are asked for, None for the others."""
    return [gradient if want else None for gradient, want in zip(gradients, wanted)]
