"""A tensor that entered a chain from outside."""

from typing import Dict

import torch
from torch import Tensor

from gradfilter.errors import ChangedInPlace
from gradfilter.filtering.chains.functions import Entry
from gradfilter.filtering.chains.ways import Averaged, Way
from gradfilter.filtering.patches import PatchGrid


class Entered:
    """A tensor from outside: the image, or what an operation gave that chains do not know.

    Whoever made it can change it in place, which a chain that has yet to read it would not notice by itself.
    """

    may_change = True

    def __init__(self, tensor: Tensor) -> None:
        self._tensor = tensor
        self._version = version(tensor)
        self._averaged: Dict[PatchGrid, Averaged] = {}

    @property
    def shape(self) -> torch.Size:
        """(N, C, H, W)."""
        return self._tensor.shape

    @property
    def sample(self) -> Tensor:
        """A tensor of the map's type and on its device."""
        return self._tensor

    @property
    def map(self) -> Tensor:
        """The full map, without autograd."""
        return self.tensor().detach()

    @property
    def requires_grad(self) -> bool:
        """Whether it gets a gradient."""
        return self._tensor.requires_grad

    def tensor(self, wanted_by: str = "") -> Tensor:  # noqa: ARG002 - it is a tensor, whoever wants it
        """Itself.

        Raises:
            ChangedInPlace: it is no longer what entered the chain.
        """
        if version(self._tensor) != self._version:
            raise ChangedInPlace(
                "a tensor %s that a chain of filtered layers took was changed in place before the chain had read it. "
                "Change a copy (tensor.clone()), or filter with fuse=False." % list(self._tensor.shape)
            )
        return self._tensor

    def averaged(self, grid: PatchGrid) -> Averaged:
        """Its averages, whose gradient is spread over the map."""
        if grid not in self._averaged:
            token = Entry.apply(self.tensor(), grid, None)  # type: ignore[no-untyped-call]
            self._averaged[grid] = Averaged(token.detach(), [Way((token,))])
        return self._averaged[grid]


def version(tensor: Tensor) -> int:
    """How often it was changed in place; tensors of inference mode do not count that."""
    return 0 if tensor.is_inference() else tensor._version  # noqa: SLF001 - torch's own name for it
