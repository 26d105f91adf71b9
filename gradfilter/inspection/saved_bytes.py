"""What a step holds for its backward pass, in bytes.

Counted through torch.autograd.graph.saved_tensors_hooks (torch ≥ 1.10): each storage once, whole,
parameters and buffers excluded, as they are there anyway. The hooks cost time, so what runs under
them is not to be timed.
"""

from contextlib import contextmanager
from typing import Any, Dict, Iterator, List, Set

import torch
from torch import Tensor, nn


class SavedBytes:
    """Bytes of the storages saved for backward so far."""

    def __init__(self, excluded: Set[int]) -> None:
        self._excluded = excluded
        self._sizes: Dict[int, int] = {}
        # A freed storage's address could be given to another tensor, which would then go uncounted.
        self._kept: List[Tensor] = []

    def add(self, tensor: Tensor) -> Tensor:
        """Count one saved tensor; saved as it is."""
        address = _storage_address(tensor)
        if address not in self._excluded and address not in self._sizes:
            self._sizes[address] = _storage_bytes(tensor)
            self._kept.append(tensor)
        return tensor

    @property
    def total(self) -> int:
        """The sum over distinct storages, in bytes."""
        return sum(self._sizes.values())


@contextmanager
def counting_saved_bytes(model: nn.Module) -> Iterator[SavedBytes]:
    """Count what autograd saves inside the block, without the model's own parameters and buffers."""
    own = list(model.parameters()) + list(model.buffers())
    saved = SavedBytes({_storage_address(tensor) for tensor in own})
    with torch.autograd.graph.saved_tensors_hooks(saved.add, _as_saved):
        yield saved


def _as_saved(tensor: Tensor) -> Tensor:
    return tensor


def _storage_address(tensor: Tensor) -> int:
    return int(_storage(tensor).data_ptr())


def _storage_bytes(tensor: Tensor) -> int:
    storage = _storage(tensor)
    if hasattr(storage, "nbytes"):
        return int(storage.nbytes())
    return int(storage.size()) * tensor.element_size()


def _storage(tensor: Any) -> Any:
    # torch 1.10 knows only typed storages; since 2.0 asking for one is deprecated.
    return tensor.untyped_storage() if hasattr(tensor, "untyped_storage") else tensor.storage()
