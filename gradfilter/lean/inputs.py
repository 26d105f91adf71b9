"""What a layer is called with. A stand-in for a tensor, as chains of filtered layers have it, is none."""

from typing import Any

import torch
from torch import Tensor


def is_batch_of_maps(input: Any) -> bool:  # noqa: A002 - as layers call it
    """Whether this is a tensor (N, C, H, W)."""
    return isinstance(input, Tensor) and input.dim() == 4  # noqa: PLR2004


def wants_gradient(input: Any) -> bool:  # noqa: A002
    """Whether this is a tensor whose gradient may be asked for."""
    return isinstance(input, Tensor) and input.requires_grad and torch.is_grad_enabled()
