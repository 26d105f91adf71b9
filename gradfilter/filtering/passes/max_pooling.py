"""Max pooling of an activated map, straight from the map before: neither it nor torch's 64-bit indices are kept.

A window's maximum is known by its place in the window, in one byte.
"""

from math import inf
from typing import List, NamedTuple, Optional, Sequence, Tuple

import torch
import torch.nn.functional as F
from torch import Tensor

from gradfilter.filtering.native import max_pooling as native
from gradfilter.filtering.passes.activation import Activation, activated, slope
from gradfilter.filtering.passes.normal import NO_NORMAL, Normal, normalised, scaled, wide
from gradfilter.filtering.patches import PatchGrid, memory_format

Pair = Tuple[int, int]
CLOSED = 255  # the place where no gradient goes: the activation is flat at the maximum
# Between which values each is not flat.
POOLED_ACTIVATIONS = {"identity": (-inf, inf), "relu": (0.0, inf), "relu6": (0.0, 6.0)}


class Pooled(NamedTuple):
    """The maxima (N, C, H_o, W_o), and of each its place in its window (uint8, row by row; or CLOSED) and its x̂."""

    output: Tensor
    index: Tensor  # type: ignore[assignment] # nobody looks for a tensor in this tuple
    normal: Tensor


def max_pool(  # noqa: PLR0917 - in the order of F.max_pool2d
    y: Tensor, normal: Optional[Normal], activation: Activation, window: Pair, stride: Pair, padding: Pair
) -> Pooled:
    """Max pooling of f(weight · x̂ + bias), x̂ being the normalised y (N, C, H, W); in the layout and type of y.

    The first of equal maxima counts, as in F.max_pool2d.

    Raises:
        ValueError: the activation is not one of POOLED_ACTIVATIONS, the window has more places than a byte, or there
            is too much padding.
    """
    if activation.kind not in POOLED_ACTIVATIONS:
        raise ValueError(
            "max pooling takes the activations %s, got %r." % (", ".join(POOLED_ACTIVATIONS), activation.kind)
        )
    if any(2 * pad > length for pad, length in zip(padding, window)):
        raise ValueError("padding may be at most half a window, got %s for %s." % (padding, window))
    if window[0] * window[1] >= CLOSED:
        raise ValueError("a window may have %d places, and %d×%d has more." % (CLOSED - 1, *window))
    size = _output_size(y.shape[2:], window, stride, padding)
    windows, clamp = (window, stride, padding), POOLED_ACTIVATIONS[activation.kind]
    results = native.max_pool(y, normal or NO_NORMAL, clamp, windows, size, memory_format(y))
    if results is None:
        return max_pool_aten(y, normal, activation, window, stride, padding)
    return Pooled(*results)


def max_pool_aten(  # noqa: PLR0917
    y: Tensor, normal: Optional[Normal], activation: Activation, window: Pair, stride: Pair, padding: Pair
) -> Pooled:
    """The same from PyTorch's operators."""
    layout = memory_format(y)
    x = normalised(wide(y), normal)
    z = scaled(x, normal)
    output, pixel = F.max_pool2d(activated(z, activation), window, stride, padding, return_indices=True)
    place = _places(pixel, window, stride, padding, y.shape[2:])
    place = torch.where(_at(slope(z, activation), pixel) != 0, place, torch.full_like(place, CLOSED))
    results = output.to(y.dtype), place.to(torch.uint8), _at(x, pixel).to(y.dtype)
    return Pooled(*[result.contiguous(memory_format=layout) for result in results])


def unpool_averages(  # noqa: PLR0917
    gradient: Tensor,
    index: Tensor,
    window: Pair,
    stride: Pair,
    padding: Pair,
    input_size: Sequence[int],
    grid: PatchGrid,
) -> Tensor:
    """Averages over the patches of the map (H, W) that unpool gives: (N, C, P_h, P_w), in gradient's layout.

    Raises:
        ValueError: the sizes do not belong together.
    """
    grid.require(input_size)
    if index.shape != gradient.shape or list(gradient.shape[2:]) != _output_size(input_size, window, stride, padding):
        raise ValueError("the gradient %s does not belong to this pooling." % list(gradient.shape))
    windows = window, stride, padding
    averages = native.unpool_averages((gradient, index), windows, input_size, grid, memory_format(gradient))
    if averages is None:
        return unpool_averages_aten(gradient, index, window, stride, padding, input_size, grid)
    return averages


def unpool_averages_aten(  # noqa: PLR0917
    gradient: Tensor,
    index: Tensor,
    window: Pair,
    stride: Pair,
    padding: Pair,
    input_size: Sequence[int],
    grid: PatchGrid,
) -> Tensor:
    """The same from PyTorch's operators."""
    full = unpool(wide(gradient), index, window, stride, padding, input_size)
    return grid.averages(full).to(gradient.dtype).contiguous(memory_format=memory_format(gradient))


def unpool(  # noqa: PLR0917
    gradient: Tensor, index: Tensor, window: Pair, stride: Pair, padding: Pair, input_size: Sequence[int]
) -> Tensor:
    """Each value of (N, C, H_o, W_o) added to the pixel that its index names: (N, C, H, W), in gradient's layout.

    Image by image, as the pixels' numbers take eight times the room of what they are made from.
    """
    origins = _origins(gradient.shape[2:], stride, padding, gradient.device)
    layout = memory_format(gradient)
    images = [
        _unpool_image(*image, window[1], origins, input_size).contiguous(memory_format=layout)
        for image in zip(torch.split(gradient, 1), torch.split(index, 1))
    ]
    return torch.cat(images).contiguous(memory_format=layout)


def _unpool_image(
    gradient: Tensor, index: Tensor, columns: int, origins: Tuple[Tensor, Tensor], input_size: Sequence[int]
) -> Tensor:
    """The same of (1, C, H_o, W_o), contiguous; columns: of a window."""
    height, width = input_size
    place = index.long()
    row, column = origins[0] + torch.div(place, columns, rounding_mode="floor"), origins[1] + place % columns
    # What goes nowhere is added to the first pixel, as 0.
    pixel = torch.where(index == CLOSED, torch.zeros_like(place), row * width + column)
    value = torch.where(index == CLOSED, torch.zeros_like(gradient), gradient)
    full = gradient.new_zeros([*gradient.shape[:2], height * width])
    full.scatter_add_(2, pixel.flatten(2), value.flatten(2))
    return full.view(*gradient.shape[:2], height, width)


def _output_size(input_size: Sequence[int], window: Pair, stride: Pair, padding: Pair) -> List[int]:
    """(H_o, W_o): the windows that lie in the padded map as wholes."""
    return [
        (size + 2 * pad - length) // step + 1 for size, length, step, pad in zip(input_size, window, stride, padding)
    ]


def _places(pixel: Tensor, window: Pair, stride: Pair, padding: Pair, input_size: Sequence[int]) -> Tensor:
    """The place in its window of each maximum, from its pixel in the map."""
    rows, columns = _origins(pixel.shape[2:], stride, padding, pixel.device)
    width = input_size[1]
    row = torch.div(pixel, width, rounding_mode="floor")
    return (row - rows) * window[1] + pixel % width - columns


def _origins(output_size: Sequence[int], stride: Pair, padding: Pair, device: torch.device) -> Tuple[Tensor, Tensor]:
    """The first row and the first column of every window, as (H_o, 1) and (W_o)."""
    rows, columns = [
        torch.arange(size, device=device) * step - pad for size, step, pad in zip(output_size, stride, padding)
    ]
    return rows[:, None], columns


def _at(maps: Tensor, pixel: Tensor) -> Tensor:
    """The values of (N, C, H, W) at the pixels, numbered row by row, of (N, C, H_o, W_o)."""
    return maps.flatten(2).gather(2, pixel.flatten(2)).view(pixel.shape)
