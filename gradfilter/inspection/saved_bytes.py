"""What a step holds for its backward pass, in bytes.

Counted through torch.autograd.graph.saved_tensors_hooks (torch ≥ 1.10): each storage once, whole,
parameters and buffers excluded, as they are there anyway. The hooks cost time, so what runs under
them is not to be timed.
"""

from contextlib import contextmanager
from typing import Any, Callable, Dict, Iterable, Iterator, NamedTuple

import torch
from torch import Tensor, nn


class SavedBytes:
    """Bytes of the storages saved for backward so far; those of the excluded tensors do not count."""

    def __init__(self, excluded: Iterable[Tensor]) -> None:
        self._sizes: Dict[int, int] = {}
        # A freed storage's address could be given to another tensor, which would then go uncounted.
        self._kept = list(excluded)
        self._excluded = {_storage_address(tensor) for tensor in self._kept}

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


class LayeredSavedBytes(NamedTuple):
    """What a step saves altogether, and what it saves in the forward pass of each of some modules."""

    step: SavedBytes
    layers: Dict[str, SavedBytes]


@contextmanager
def counting_saved_bytes(model: nn.Module) -> Iterator[SavedBytes]:
    """Count what autograd saves inside the block, without the model's own parameters and buffers."""
    with counting_saved_bytes_by_layer(model, []) as saved:
        yield saved.step


@contextmanager
def counting_saved_bytes_by_layer(model: nn.Module, names: Iterable[str]) -> Iterator[LayeredSavedBytes]:
    """The same, and separately what is saved in the forward pass of each of these modules, by name.

    A module's count covers its submodules. What two modules save counts for both, so that their sum
    can be larger than what the step holds.
    """
    modules = dict(model.named_modules())
    own = [*model.parameters(), *model.buffers()]
    saved = LayeredSavedBytes(SavedBytes(own), {name: SavedBytes(own) for name in names})
    counting = [saved.step]

    def add(tensor: Tensor) -> Tensor:
        for counts in counting:
            counts.add(tensor)
        return tensor

    def starting(counts: SavedBytes) -> Callable[..., None]:
        return lambda *_: counting.append(counts)

    def ending(*_: Any) -> None:
        counting.pop()

    hooks = [modules[name].register_forward_pre_hook(starting(counts)) for name, counts in saved.layers.items()]
    hooks += [modules[name].register_forward_hook(ending) for name in saved.layers]
    try:
        with torch.autograd.graph.saved_tensors_hooks(add, _as_saved):
            yield saved
    finally:
        for hook in hooks:
            hook.remove()


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
