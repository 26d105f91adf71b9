"""Where number types depend on the torch and the device: 16-bit kernels, and autocast."""

from contextlib import contextmanager
from functools import lru_cache
from typing import Callable, Iterator, Optional

import torch
import torch.nn.functional as F
from torch import Tensor


@lru_cache(maxsize=None)
def can_pool(device: str, dtype: torch.dtype) -> bool:
    """Whether avg_pool2d takes the type on this kind of device; old torch has no 16-bit kernel for processors."""
    return _takes(lambda maps: F.avg_pool2d(maps, 1), device, dtype)


@lru_cache(maxsize=None)
def can_transpose(device: str, dtype: torch.dtype) -> bool:
    """Whether conv_transpose2d takes the type on this kind of device."""
    return _takes(lambda maps: F.conv_transpose2d(maps, maps), device, dtype)


def _takes(operator: Callable[[Tensor], Tensor], device: str, dtype: torch.dtype) -> bool:
    try:
        with without_autocast(device):  # which would answer for another type, and the answer is kept
            operator(torch.zeros(1, 1, 1, 1, dtype=dtype, device=device))
    except RuntimeError as error:
        if dtype in (torch.bfloat16, torch.float16) and "not implemented" in str(error):
            return False
        raise
    return True


_ASKS_BY_DEVICE = hasattr(torch, "get_autocast_dtype")  # torch 2.4, where the question got an argument


def autocasts(device: str) -> bool:
    """Whether autocast is on for this kind of device."""
    if _ASKS_BY_DEVICE:
        return torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device)
    return torch.is_autocast_enabled() if device == "cuda" else torch.is_autocast_cpu_enabled()


@contextmanager
def without_autocast(device: str) -> Iterator[None]:
    """Arithmetic in the types that are given, as in a plain convolution's backward pass."""
    if autocasts(device):
        dtype = torch.bfloat16 if device == "cpu" else torch.float16  # torch 1.10 warns of its own default
        with torch.autocast(device, dtype=dtype, enabled=False):
            yield
    else:
        yield


def autocast_type(device: str, dtype: torch.dtype) -> Optional[torch.dtype]:
    """What autocast makes of a convolution's tensors, or None where it leaves them alone. From torch 2.4."""
    return torch.get_autocast_dtype(device) if autocasts(device) and dtype != torch.float64 else None
