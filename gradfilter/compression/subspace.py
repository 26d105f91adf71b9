"""A codec that keeps a map's share in a few directions of each of its axes: a small core and four bases.

    x (N, C, H, W) ≈ core ×₁ U₁ ×₂ U₂ ×₃ U₃ ×₄ U₄        U_i: orthonormal columns, as many as the axis has ranks

The bases follow the data: each call turns those of the call before once towards the new map's leading directions (one
step of subspace iteration), which costs two products where a decomposition anew would cost far more. Source of the
idea: HOSVD for saved activations (NeurIPS 2024) and activation subspace iteration (ASI, ICML 2025). The weight's
gradient is computed from the map put together again, so that memory is saved and time is not.
"""

import math
from typing import List, NamedTuple, Optional, Tuple, cast

import torch
from torch import Tensor

from gradfilter.compression.codec import Codec, Packed
from gradfilter.filtering.patches import memory_format

_SEED = 0  # of the first directions, before there are any to follow


class _Facts(NamedTuple):
    """What is needed beside core and bases."""

    dtype: torch.dtype
    memory_format: torch.memory_format


class SubspaceCodec(Codec):
    """Keeps ⌈share · size⌉ directions of each axis; with share 1 all of them, and x to rounding."""

    def __init__(self, share: float) -> None:
        self.share = share
        self._bases: Optional[List[Tensor]] = None

    def ranks(self, shape: Tuple[int, ...]) -> List[int]:
        """How many directions each axis keeps."""
        return [max(1, math.ceil(self.share * size)) for size in shape]

    def pack(self, x: Tensor) -> Packed:
        """Core and bases; x itself where it is empty or has no finite sum, of which no directions can be found."""
        core = x.to(torch.float64 if x.dtype == torch.float64 else torch.float32)
        if x.numel() == 0 or not bool(torch.isfinite(core.sum())):
            return Packed([x])
        bases = []
        for axis, rank in enumerate(self.ranks(x.shape)):
            unfolded = core.transpose(0, axis).flatten(1)
            basis = _turned(unfolded, self._earlier(axis, unfolded, rank))
            core = _along(core, basis.t(), axis)
            bases.append(basis)
        self._bases = bases
        return Packed([core.contiguous(), *bases], _Facts(x.dtype, memory_format(x)))

    def unpack(self, packed: Packed) -> Tensor:
        """What lies in the kept directions, in the shape, type and memory format of x."""
        if packed.facts is None:
            return packed.tensors[0]
        x, *bases = packed.tensors
        for axis, basis in enumerate(bases):
            x = _along(x, basis, axis)
        return x.to(packed.facts.dtype).contiguous(memory_format=packed.facts.memory_format)

    def _earlier(self, axis: int, unfolded: Tensor, rank: int) -> Tensor:
        """The directions of the call before, or random ones where there are none of this size."""
        size = unfolded.shape[0]
        if self._bases is not None:
            basis = self._bases[axis]
            if tuple(basis.shape) == (size, rank) and basis.dtype == unfolded.dtype and basis.device == unfolded.device:
                return basis
        generator = torch.Generator().manual_seed(_SEED)
        return torch.randn(size, rank, generator=generator, dtype=unfolded.dtype).to(unfolded.device)


def _turned(unfolded: Tensor, basis: Tensor) -> Tensor:
    """One step of subspace iteration: (size, rest) and (size, rank) → orthonormal (size, rank)."""
    orthonormal, _ = torch.linalg.qr(unfolded @ (unfolded.t() @ basis))
    return cast("Tensor", orthonormal)


def _along(tensor: Tensor, matrix: Tensor, axis: int) -> Tensor:
    """The product of a matrix (rows, size) with an axis of a tensor, which gets rows numbers in place of size."""
    return cast("Tensor", torch.tensordot(matrix, tensor, dims=([1], [axis])).movedim(0, axis))
