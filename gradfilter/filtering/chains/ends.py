"""Where a chain ends: full maps that anything may use, and whose gradients are full maps.

Of such a gradient each branch takes what BatchNorm's backward pass needs at full resolution, and hands its
convolution the means over patches.
"""

from typing import Any, List, NamedTuple, Optional, Sequence, Tuple

from torch import Tensor
from torch.autograd import Function

from gradfilter.filtering.chains.branches import Branch
from gradfilter.filtering.chains.ways import BranchLink, kept, scales
from gradfilter.filtering.passes import CLOSED, Pooled, unpool_averages
from gradfilter.filtering.passes.unnormalise import front_of
from gradfilter.filtering.patches import PatchGrid
from gradfilter.filtering.second_derivative import Gradients, differentiated_once

Pair = Tuple[int, int]


class FullMap(Function):
    """The map f(Σ branches + Σ others) as a tensor of autograd's own.

    parameters: token, weight and bias of each branch, then the others, as tensors. slope: f′(z), None for 1 everywhere;
    uint8 where it is 0 or 1.
    """

    @staticmethod
    def forward(
        ctx: Any,
        a: Tensor,
        slope: Optional[Tensor],
        branches: Sequence[Branch],
        *parameters: Any,  # noqa: ARG004 - a gradient is asked for by being given
    ) -> Tensor:
        """Keep the maps of the branches that have a normalisation, and the slope."""
        ctx.links = [BranchLink.of(branch) for branch in branches]
        maps = [branch.y if branch.correlates else None for branch in branches]
        means = [branch.normal.mean if branch.normal else None for branch in branches]
        ctx.save_for_backward(slope, *maps, *means, *[scale for branch in branches for scale in scales(branch)])
        return a.view_as(a)

    @staticmethod
    @differentiated_once
    def backward(ctx: Any, gradient: Tensor) -> Gradients:
        """The gradients of tokens, weights and biases, and of the others."""
        slope, *saved = ctx.saved_tensors
        count = len(ctx.links)
        maps, means, scaling = saved[:count], saved[count : 2 * count], saved[2 * count :]
        gradients: List[Optional[Tensor]] = []
        dz = gradient if slope is None else gradient * slope
        for i, link in enumerate(ctx.links):
            wanted = ctx.needs_input_grad[3 + 3 * i : 6 + 3 * i]
            facts = _FullBranch(link, maps[i], means[i], scaling[2 * i : 2 * i + 2])
            gradients += facts.gradients(dz, wanted)
        gradients += [dz if wanted else None for wanted in ctx.needs_input_grad[3 + 3 * count :]]
        return (None, None, None, *gradients)


class _FullBranch(NamedTuple):
    """A branch whose gradient comes as a full map."""

    link: BranchLink
    y: Optional[Tensor]
    mean: Optional[Tensor]
    scaling: List[Optional[Tensor]]

    def gradients(self, dz: Tensor, wanted: Sequence[bool]) -> List[Optional[Tensor]]:
        """Of token, weight and bias."""
        grid = self.link.grid
        normal = dweight = dtoken = None
        if self.y is not None and self.mean is not None and self.scaling[0] is not None:
            normalised = (self.y - self.mean.view(1, -1, 1, 1)) * self.scaling[0].view(1, -1, 1, 1)
            dweight = (dz * normalised).sum((0, 2, 3))
            normal = grid.averages(normalised) if self.link.values else None
        averages = grid.averages(dz)
        dbias = averages.sum((0, 2, 3)) * grid.area
        if wanted[0]:
            dtoken = front_of(grid.means(averages), normal, dweight, dbias, self.scaling, *self.link[:2])
        return [dtoken, *kept([dweight, dbias], wanted[1:])]


class PooledMap(Function):
    """Max pooling of an activated branch, from its map to a tensor of autograd's own.

    pooled: output, the byte that says where in its window each maximum lies (255: no gradient passes), and x̂ there.
    normal: averages of x̂ over the branch's patches, where statistics of the batch had a part in it.
    """

    @staticmethod
    def forward(  # noqa: PLR0917 - an autograd function's arguments have places
        ctx: Any,
        token: Tensor,  # noqa: ARG004 - these get gradients, and their values play no part
        weight: Optional[Tensor],  # noqa: ARG004
        bias: Optional[Tensor],  # noqa: ARG004
        branch: Branch,
        pooled: Pooled,
        normal: Optional[Tensor],
        window: Tuple[Pair, Pair, Pair],
    ) -> Tensor:
        """Keep bytes and pooled values in place of the map."""
        ctx.link, ctx.window, ctx.size = BranchLink.of(branch), window, branch.y.shape[2:]
        at_maximum = pooled.normal if branch.correlates else None
        ctx.save_for_backward(pooled.index, at_maximum, normal, *scales(branch))
        return pooled.output

    @staticmethod
    @differentiated_once
    def backward(ctx: Any, gradient: Tensor) -> Gradients:
        """The gradients of token, weight and bias."""
        index, at_maximum, normal, *scaling = ctx.saved_tensors
        link, wanted = ctx.link, ctx.needs_input_grad
        grid: PatchGrid = link.grid
        window, stride, padding = ctx.window
        dweight = dtoken = None
        averages = unpool_averages(gradient, index, window, stride, padding, ctx.size, grid)
        dbias = averages.sum((0, 2, 3)) * grid.area
        if at_maximum is not None:
            dweight = (gradient * at_maximum).masked_fill_(index == CLOSED, 0).sum((0, 2, 3))
        if wanted[0]:
            dtoken = front_of(grid.means(averages), normal, dweight, dbias, scaling, *link[:2])
        return (dtoken, *kept([dweight, dbias], wanted[1:3]), None, None, None, None)
