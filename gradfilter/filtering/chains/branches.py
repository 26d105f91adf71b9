"""A convolution's output on its way through a chain: the map, what stands for it in autograd, its normalisation.

The map itself is outside autograd. In its place stands a token (N, C, P_h, P_w) on the grid of the convolution's
output patches, whose gradient is the mean of the map's gradient over each patch: all that a filtered convolution
reads of it. Tokens of gradients that are constant inside each patch, further on in a chain, hold that constant.
A token's values are nobody's business, unless it says so.
"""

from typing import List, NamedTuple, Optional, Sequence, Tuple

import torch
from torch import Tensor

from gradfilter.filtering.passes import Normal
from gradfilter.filtering.patches import PatchGrid


class Normalisation(NamedTuple):
    """Batch normalisation of a branch: x̂ = (y − mean) · rstd, z = weight · x̂ + bias.

    weight, bias: the layer's parameters, None where it has none. training: mean and rstd are this batch's own,
    so that gradients run through them too.
    """

    normal: Normal
    weight: Optional[Tensor]
    bias: Optional[Tensor]
    training: bool


class LayerRun:
    """How one call of a filtered convolution ran. weight says which layer it was.

    ended_by: what asked for its output as a full map, with a gradient as large; empty where nothing did.
    """

    def __init__(self, weight: Tensor) -> None:
        self.weight = weight
        self.ended_by: List[str] = []

    def left_for(self, what: str) -> None:
        """Its output leaves the chain for this."""
        self.ended_by.append(what)


class Branch(NamedTuple):
    """A convolution's output y, normalised or not (None: z = x̂ = y), before any activation."""

    y: Tensor
    token: Tensor
    grid: PatchGrid
    run: LayerRun
    normalisation: Optional[Normalisation] = None

    @property
    def normal(self) -> Optional[Normal]:
        """What turns y into x̂ and z."""
        return self.normalisation.normal if self.normalisation else None

    @property
    def parameters(self) -> Tuple[Tensor, Optional[Tensor], Optional[Tensor]]:
        """What gets gradients: the token, the normalisation's weight and bias."""
        if self.normalisation is None:
            return self.token, None, None
        return self.token, self.normalisation.weight, self.normalisation.bias

    @property
    def requires_grad(self) -> bool:
        """Whether anything in it gets a gradient."""
        return any(tensor is not None and tensor.requires_grad for tensor in self.parameters)

    @property
    def corrects_mean(self) -> bool:
        """Whether the gradient of y needs the averages of x̂: statistics of the batch had a part in it."""
        return self.normalisation is not None and self.normalisation.training and self.token.requires_grad

    @property
    def correlates(self) -> bool:
        """Whether some gradient needs Σ dz · x̂: that of weight, or that of y where statistics had a part in it."""
        weight = self.parameters[1]
        return self.corrects_mean or (weight is not None and weight.requires_grad)

    def sums_wanted(self, *, linear: bool) -> Tuple[bool, bool]:
        """Whether averages of f′ · x̂ and of x̂ are needed. linear: f′ is 1, so that both are the same: the latter."""
        correlates = self.correlates
        return (False, correlates) if linear else (correlates, self.corrects_mean)


def placeholder(like: Tensor, size: Sequence[int]) -> Tensor:
    """A tensor of this size that takes no memory, for tokens that carry nothing but a gradient."""
    return torch.empty_strided(tuple(size), (0,) * len(size), dtype=like.dtype, device=like.device)
