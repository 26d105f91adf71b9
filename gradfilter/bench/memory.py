"""What a step holds for its backward pass, and how large the process became.

Saved activations are counted through torch.autograd.graph.saved_tensors_hooks (torch ≥ 1.10): each
storage once, whole, parameters and buffers excluded, as they are there anyway. The hooks cost
time, so this is a separate step that nobody measures.
"""

from contextlib import contextmanager
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Set

import torch
from torch import Tensor, nn

_RESET_PEAK_RSS = "5"  # Documentation/filesystems/proc.rst, /proc/PID/clear_refs


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


def reset_peak_rss() -> bool:
    """Let the process's high-water mark start again at its present size; whether the kernel allows it."""
    try:
        Path("/proc/self/clear_refs").write_text(_RESET_PEAK_RSS)
    except OSError:
        return False
    return True


def read_peak_rss() -> Optional[int]:
    """VmHWM of this process in bytes, or None where the kernel does not tell."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")), None)


class PeakMemory:
    """High-water marks of process and accelerator over a stretch of work: from construction to read()."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._was_reset = reset_peak_rss()
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
        self.rss_bytes: Optional[int] = None
        self.device_bytes: Optional[int] = None

    def read(self) -> None:
        """Keep the marks: resident set, None where it could not be reset; torch's allocations on an accelerator."""
        if self._was_reset:
            self.rss_bytes = read_peak_rss()
        if self._device.type == "cuda":
            self.device_bytes = int(torch.cuda.max_memory_allocated(self._device))


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
