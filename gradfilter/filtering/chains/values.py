"""What a map in a chain is made of, and what can be had of it.

Two kinds: a tensor that entered from outside, and a blend f(Σ BN(y_i) + Σ others) of branches and other maps.
Either can be had as a full map without autograd (map), as a tensor of autograd's own (tensor), or averaged on a
patch grid (averaged): then its gradient is constant inside each patch, and no full-size gradient exists. Nothing is
computed before it is asked for, so that normalisation, activation and the sums over patches are one pass over the map.
"""

from typing import Dict, List, Optional, Sequence, TypeVar, Union, cast

import torch
from torch import Tensor

from gradfilter.filtering.chains.branches import Branch
from gradfilter.filtering.chains.ends import FullMap
from gradfilter.filtering.chains.entered import Entered
from gradfilter.filtering.chains.functions import shared
from gradfilter.filtering.chains.holders import holders
from gradfilter.filtering.chains.nesting import nesting
from gradfilter.filtering.chains.terms import Term, seen_through
from gradfilter.filtering.chains.ways import Averaged, Sums
from gradfilter.filtering.passes import IDENTITY, Activated, Activation, Open, Wanted, activate
from gradfilter.filtering.passes.activation import STEPPED, slope
from gradfilter.filtering.patches import PatchGrid

# Each activation that a gradient passes on its way costs every branch behind it another sum: no more than so many.
_MOST_TERMS = 8


class Blend:
    """f(Σ branches + Σ others): two branches on one grid at most, or one beside others."""

    # What was computed of it, or said.
    _map: Optional[Tensor] = None
    _activated: Optional[Activated] = None
    _tensor: Optional[Tensor] = None
    _terms: Optional[List[Term]] = None
    _serves_once = _overwrites = False

    def __init__(
        self, branches: Sequence[Branch], others: Sequence["Value"] = (), activation: Activation = IDENTITY
    ) -> None:
        self.branches = list(branches)
        self.others = list(others)
        self.activation = activation
        self._averaged: Dict[PatchGrid, Optional[Averaged]] = {}

    @property
    def shape(self) -> torch.Size:
        """(N, C, H, W)."""
        return self.sample.shape

    @property
    def sample(self) -> Tensor:
        """A tensor of the map's type and on its device."""
        return self.branches[0].y if self.branches else self.others[0].sample

    @property
    def requires_grad(self) -> bool:
        """Whether anything in it gets a gradient."""
        return any(part.requires_grad for part in [*self.branches, *self.others])

    @property
    def may_change(self) -> bool:
        """Whether a tensor from outside is yet to be read for it."""
        return self._map is None and any(other.may_change for other in self.others)

    @property
    def is_linear(self) -> bool:
        """Whether it has no activation."""
        return self.activation.kind == "identity"

    @property
    def _is_stepped(self) -> bool:
        return self.activation.kind in STEPPED

    @property
    def is_fresh(self) -> bool:
        """Whether nothing of it was computed."""
        return self._map is None

    @property
    def map(self) -> Tensor:
        """The full map, without autograd."""
        if self._map is None:
            self._map = self._pass(Wanted()).a if self.branches else _total(self.others)
        return self._map

    def serve_once(self) -> None:
        """Say that only the caller can ask for it, once for its averages, then for its map.

        The map is then written over the first branch's, unless something can still ask for that. What autograd keeps,
        reference counts need not show: it keeps the maps of branches that left the chain.
        """
        self._serves_once = True
        one_pass = self.is_fresh and bool(self.branches) and (self.is_linear or not self.others)
        self._overwrites = one_pass and self._is_only_holder

    def tensor(self, wanted_by: str = "") -> Tensor:
        """The full map as a tensor of autograd's own, and with it a gradient as large. wanted_by: what asks for it."""
        if self._tensor is None:
            for branch in self.branches:
                branch.run.left_for(wanted_by)
            others = [other.tensor(wanted_by) for other in self.others]
            parameters = [tensor for branch in self.branches for tensor in branch.parameters]
            self._tensor = FullMap.apply(  # type: ignore[no-untyped-call]
                self.map, self._slope(), self.branches, *parameters, *others
            )
        return cast("Tensor", self._tensor)

    def averaged(self, grid: PatchGrid) -> Optional[Averaged]:
        """Its averages over a consumer's patches, with the gradient constant inside each.

        None where that cannot be: the consumer's patches cut through a branch's, or the activation is not one
        that gradients can be followed through to what lies further back.
        """
        if grid not in self._averaged:
            self._averaged[grid] = self._average(grid)
        return self._averaged[grid]

    def terms(self) -> List[Term]:
        """All that it is made of, for what comes after it to see through its own activation."""
        if self.is_linear:
            return [*self._own_terms(), *_terms_of(self.others)]
        # Of a derivative that is no step, what lies behind it cannot be had by masks: it counts as a tensor.
        return self._activated_terms() if self._is_stepped else _as_tensors([self])

    # ------------------------------------------------------------------------------------------- inside

    @property
    def _is_only_holder(self) -> bool:
        """Whether nothing else can ask for the first branch's map."""
        return not self.branches[0].run.ended_by and holders([self.branches[0]]) == holders([self.branches[0].y]) == 1

    def _pass(self, wanted: Wanted, *, overwrite: bool = False) -> Activated:
        """One pass over the map."""
        first, *second = self.branches
        addend: Optional[Tensor] = None
        addend_normal = None
        if second:
            addend, addend_normal = second[0].y, second[0].normal
        elif self.others:
            addend = _total(self.others)
        of_both = first.y, first.normal, addend, addend_normal
        return activate(*of_both, self.activation, first.grid, wanted, overwrite=overwrite)

    def _summed(self) -> Activated:
        """The pass that also sums."""
        if self._activated is None:
            self._activated = self._pass(self._wanted(), overwrite=self._overwrites)
            if self._map is None:
                self._map = self._activated.a
            else:  # two passes gave the same map twice
                self._activated = self._activated._replace(a=self._map)
        return self._activated

    def _wanted(self) -> Wanted:
        linear = self.is_linear
        of_branches = [branch.sums_wanted(linear=linear) for branch in self.branches]
        (slope_normal, normal), (slope_addend_normal, addend_normal) = [*of_branches, (False, False)][:2]
        return Wanted(not linear, slope_normal, slope_addend_normal, normal, addend_normal, output=True)

    def _average(self, grid: PatchGrid) -> Optional[Averaged]:
        addends = _all([other.averaged(grid) for other in self.others] if self.is_linear else [])
        if addends is None:
            return None
        ways = [way for addend in addends for way in addend.ways]
        if not self.branches:
            return Averaged(_total_of([addend.averages for addend in addends]), ways)
        nested = nesting(self.branches[0].grid, grid)
        if nested is None or (self.others and not self._is_stepped and not self.is_linear):
            return None
        terms = self._own_terms() if self.is_linear else self._activated_terms()
        own = _all([term.way(grid) for term in terms if term.source.requires_grad])
        if own is None:
            return None
        ways += own if self._serves_once else map(shared, own)
        return Averaged(nested.coarsen(cast("Tensor", self._summed().output)), ways)

    def _own_terms(self) -> List[Term]:
        """Its branches."""
        if not self.branches:
            return []
        sums = self._summed()
        if self.is_linear:
            every = [Sums(None, sums.normal, sums.normal), Sums(None, sums.addend_normal, sums.addend_normal)]
        else:
            every = [
                Sums(sums.slope, sums.slope_normal, sums.normal),
                Sums(sums.slope, sums.slope_addend_normal, sums.addend_normal),
            ]
        mask = Open(self.map, STEPPED[self.activation.kind]) if self._is_stepped else None
        return [Term(branch, mask, own) for branch, own in zip(self.branches, every)]

    def _activated_terms(self) -> List[Term]:
        """Its branches, and what the others are made of as seen through its activation."""
        if self._terms is None:
            further = _terms_of(self.others)
            if len(further) > _MOST_TERMS:
                further = _as_tensors(self.others)
            if further:
                limit = STEPPED[self.activation.kind]
                further = seen_through(further, self.map, limit, self.branches[0].grid)
            self._terms = [*self._own_terms(), *further]
        return self._terms

    def _slope(self) -> Optional[Tensor]:
        """f'(z) as a full map, in bytes where it is 0 or 1; None where it is 1 everywhere."""
        if self.is_linear:
            return None
        if self._is_stepped:
            return ((self.map > 0) & (self.map < STEPPED[self.activation.kind])).to(torch.uint8)
        return slope(Blend(self.branches, self.others).map, self.activation)


Value = Union[Entered, Blend]
T = TypeVar("T")


def _all(parts: Sequence[Optional[T]]) -> Optional[List[T]]:
    """The parts, or None where one is missing."""
    known = [part for part in parts if part is not None]
    return known if len(known) == len(parts) else None


def _total(values: Sequence[Value]) -> Tensor:
    return _total_of([value.map for value in values])


def _total_of(tensors: Sequence[Tensor]) -> Tensor:
    first, *rest = tensors
    for addend in rest:
        first = first + addend
    return first


def _terms_of(values: Sequence[Value]) -> List[Term]:
    return [term for value in values for term in ([Term(value)] if isinstance(value, Entered) else value.terms())]


def _as_tensors(values: Sequence[Value]) -> List[Term]:
    return [Term(Entered(value.tensor("a longer way back than sums are kept for"))) for value in values]
