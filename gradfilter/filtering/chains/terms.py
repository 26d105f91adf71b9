"""The terms of a map: the branches and entered tensors that it is the sum of, seen through its activations.

Inside a residual stage a block's gradient passes the activation of that block and of every later one. The gradient of
a term is therefore a product of steps, its mask, times what is constant inside each patch, and what a branch needs
of it are sums of that product over patches.
"""

from typing import Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple, Union, cast

from torch import Tensor

from gradfilter.filtering.chains.branches import Branch
from gradfilter.filtering.chains.entered import Entered
from gradfilter.filtering.chains.functions import Entry
from gradfilter.filtering.chains.nesting import nesting
from gradfilter.filtering.chains.ways import Sums, Way
from gradfilter.filtering.passes import Open, extend_mask
from gradfilter.filtering.patches import PatchGrid

Mask = Union[Open, Tensor, None]


class Term(NamedTuple):
    """A branch with its sums, or an entered tensor (sums None), where its gradient passes; mask None: everywhere."""

    source: Union[Branch, Entered]
    mask: Mask = None
    sums: Optional[Sums] = None

    @property
    def correlates(self) -> bool:
        """Whether it is a branch that needs the sum of its gradient times x̂."""
        return isinstance(self.source, Branch) and self.source.correlates

    def way(self, grid: PatchGrid) -> Optional[Way]:
        """Of a gradient that is constant on a consumer's patches; None where those cut through the branch's own."""
        if isinstance(self.source, Entered):
            return Way((Entry.apply(self.source.tensor(), grid, self.mask),))  # type: ignore[no-untyped-call]
        nested = nesting(self.source.grid, grid)
        return Way.into_branch(self.source, cast("Sums", self.sums), nested) if nested else None


def seen_through(terms: Sequence[Term], activated: Tensor, limit: float, grid: PatchGrid) -> List[Term]:
    """The terms of a map's addends as they are seen through its activation, whose derivative is a step.

    activated: the map. grid: of its own patches, for terms that have none.
    """
    seen = []
    for mask, own_grid, group in _alike(terms, grid):
        normals = [(term.source.y, term.source.normal) for term in group if term.correlates]  # type: ignore[union-attr]
        masked = extend_mask(mask, activated, limit, own_grid, normals)
        slope_normals = iter(masked.slope_normals)
        for term in group:
            sums = term.sums
            if sums is not None:
                sums = Sums(masked.slope, next(slope_normals) if term.correlates else None, sums.normal)
            seen.append(Term(term.source, masked.mask, sums))
    return seen


def _alike(terms: Sequence[Term], default: PatchGrid) -> Iterator[Tuple[Mask, PatchGrid, List[Term]]]:
    """The terms that share a mask and a grid, at most two at a time: what one pass takes."""
    groups: Dict[Tuple[int, PatchGrid], List[Term]] = {}
    for term in terms:
        grid = term.source.grid if isinstance(term.source, Branch) else default
        groups.setdefault((id(term.mask), grid), []).append(term)
    for (_, grid), group in groups.items():
        for first in range(0, len(group), 2):
            yield group[first].mask, grid, group[first : first + 2]
