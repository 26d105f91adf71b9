"""A kernel's taps summed, and one value given to all of them: the kernels for maps, called for weights.

A weight (C_out, C_in, K_h, K_w) passes for images of one row, with the taps as the pixels of a patch: one patch of
channels side by side in channels_last, a patch for each input channel otherwise. Each answers None where PyTorch's
operators are needed.
"""

import ctypes
from functools import lru_cache
from typing import Any, Optional, Sequence, Tuple

import torch
from torch import Tensor

from gradfilter.filtering.native.arguments import dense, threads
from gradfilter.filtering.native.library import kernel


def tap_sums(weight: Tensor, layout: torch.memory_format) -> Optional[Tensor]:
    """(C_out, C_in, K_h, K_w) → (C_out, C_in, 1, 1)."""
    run = kernel("averages", weight)
    if run is None:
        return None
    outputs, inputs, height, width = weight.shape
    weight, sums = dense(weight, layout), torch.empty((outputs, inputs, 1, 1), dtype=weight.dtype)
    run(weight.data_ptr(), sums.data_ptr(), *_as_maps(outputs, inputs, height * width, layout), 1.0, threads())
    return sums


def every_tap(dtap: Tensor, kernel_size: Sequence[int], layout: torch.memory_format) -> Optional[Tensor]:
    """(C_out, C_in) → (C_out, C_in, K_h, K_w) in this layout."""
    run = kernel("spread", dtap)
    if run is None:
        return None
    (outputs, inputs), (height, width) = dtap.shape, kernel_size
    dtap = dtap.contiguous()
    out = torch.empty((outputs, inputs, height, width), dtype=dtap.dtype, memory_format=layout)
    run(dtap.data_ptr(), out.data_ptr(), *_as_maps(outputs, inputs, height * width, layout), threads())
    return out


@lru_cache(maxsize=4096)
def _as_maps(outputs: int, inputs: int, taps: int, layout: torch.memory_format) -> Tuple[Any, ...]:
    """Whether channels come last, images, channels, and for rows and columns how many patches, and where they start."""
    last = layout == torch.channels_last
    channels, patches = (inputs, 1) if last else (1, inputs)
    row, taps_of_each = (ctypes.c_int64 * 2)(0, 1), range(0, patches * taps + 1, taps)
    return last, outputs, channels, 1, row, patches, (ctypes.c_int64 * (patches + 1))(*taps_of_each)
