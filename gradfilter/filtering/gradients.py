"""The three gradients of a filtered convolution, from patch averages.

Source: Yang, Li, Marculescu, Efficient On-device Training via Gradient Filtering, CVPR 2023,
arXiv 2301.00330. With r the patch size, s the stride, S the sum over a patch, M the mean over a
patch (real pixels only), a patch of r × r outputs belonging to r·s × r·s inputs, and Θ the kernel
summed over its taps:

    dx   = Θᵀ M(dy) / s²              the same value on every pixel of an input patch
    dΘ   = Σ S(x) M(dy) / s²          over batch and patches, the same value for every tap
    db   = Σ dy                       exact

s² is stride height × stride width: an input patch has that many times more pixels than its output
patch has samples. The published operator leaves it out and so scales both gradients up. S(x) is
kept as an average over the pixels of a full patch, and multiplied by their number at the end.

One value for every tap is far off where taps see different things: with a dilation as large as the map,
as in DeepLabV3's pyramid on small images, the outer eight taps of a 3×3 kernel read padding only. Their exact
gradient is 0, and the cosine of dΘ to the exact gradient is then at most 1/3, whatever the patch size.
"""

from functools import lru_cache
from typing import List, NamedTuple, Optional, Sequence, Tuple

import torch
import torch.nn.functional as F
from torch import Tensor

from gradfilter.filtering.native.taps import every_tap, tap_sums
from gradfilter.filtering.passes.unnormalise import channel_products
from gradfilter.filtering.patches import PatchGrid, memory_format
from gradfilter.filtering.shape import FilterShape

_EXACT = (torch.float32, torch.float64)
_MANY_ROWS = 32  # for every column


class InputGradient(NamedTuple):
    """The gradient of x on the patch grid (N, C_in, P_h, P_w), as values times one factor of each channel (C_in,).

    factors None: 1. Depthwise layers have them, whose input's gradient then needs no map of its own.
    """

    values: Tensor
    factors: Optional[Tensor] = None

    @property
    def map(self) -> Tensor:
        """The product."""
        return self.values if self.factors is None else self.values * self.factors.view(1, -1, 1, 1)


def filtered_gradients(
    dy: Tensor,
    saved: Sequence[Optional[Tensor]],
    shape: FilterShape,
    grids: Tuple[PatchGrid, PatchGrid],
    wanted: Sequence[bool],
) -> List[Optional[Tensor]]:
    """The gradients of x, weight and bias, each only if wanted, in the type of dy.

    That of x is on the patch grid (N, C_in, P_h, P_w), that of weight for one tap (C_out, C_in / groups).
    saved: the patch averages of x, for the weight's gradient, and the weight, for that of x.
    """
    _, output_grid = grids
    dy_averages = output_grid.averages(dy)
    dx, dtap = gradients_of_means(output_grid.means(dy_averages), saved, shape, grids, wanted[:2])
    dbias = dy_averages.sum((0, 2, 3)) * output_grid.area if wanted[2] else None
    return [None if dx is None else dx.map, dtap, dbias]


def gradients_of_means(
    dy_means: Tensor,
    saved: Sequence[Optional[Tensor]],
    shape: FilterShape,
    grids: Tuple[PatchGrid, PatchGrid],
    wanted: Sequence[bool],
) -> Tuple[Optional[InputGradient], Optional[Tensor]]:
    """The gradients of x and of one tap of weight, from what they need of dy: its means over patches."""
    x_averages, weight = saved
    input_grid, _ = grids
    dx = dtap = None
    if wanted[0] and weight is not None:
        dx = _patch_input_gradient(dy_means, weight, shape)
    if wanted[1] and x_averages is not None:
        dtap = _tap_gradient(x_averages, dy_means, shape.groups, input_grid.area / shape.stride_area)
    return dx, dtap


def of_every_tap(dtap: Tensor, kernel: Sequence[int], layout: torch.memory_format) -> Tensor:
    """The gradient of a weight with a kernel of (K_h, K_w) in this layout, from that of one tap (C_out, C_in / groups).

    Autograd keeps what is laid out as the weight is, and copies anything else.
    """
    if tuple(kernel) == (1, 1):
        return dtap.view(*dtap.shape, 1, 1)
    whole = every_tap(dtap, kernel, layout)
    return dtap.view(*dtap.shape, 1, 1).expand(-1, -1, *kernel) if whole is None else whole


def _patch_input_gradient(dy_means: Tensor, weight: Tensor, shape: FilterShape) -> InputGradient:
    """(N, C_out, P_h, P_w) → (N, C_in, P_h, P_w)."""
    steps = shape.tap_steps(weight.shape[2:])
    taps = _merged_taps(weight, steps)
    if shape.stride_area != 1:
        taps = taps / shape.stride_area
    if taps.dtype is not dy_means.dtype:
        taps = taps.to(dy_means.dtype)
    if any(steps):
        apart = [max(step, 1) for step in steps]
        padding = [step * (size - 1) // 2 for step, size in zip(apart, taps.shape[2:])]
        return InputGradient(F.conv_transpose2d(dy_means, taps, padding=padding, dilation=apart, groups=shape.groups))
    if shape.groups == dy_means.size(1) and taps.size(1) == 1:  # depthwise: matrix products would be all overhead
        return InputGradient(dy_means, taps.view(-1))
    if _image_by_image(dy_means, shape.groups):
        return InputGradient(_product_per_image(dy_means, taps))
    if shape.groups == 1:
        dx_rows = _rows(dy_means) @ taps.flatten(1)
    else:
        dx_rows = _grouped_product(_grouped_rows(dy_means, shape.groups), taps.view(shape.groups, -1, taps.size(1)))
    images, _, height, width = dy_means.shape
    channels = shape.groups * weight.size(1)
    return InputGradient(dx_rows.reshape(images, height, width, channels).permute(0, 3, 1, 2))


def _merged_taps(weight: Tensor, steps: Sequence[int]) -> Tensor:
    """The weight with the taps summed along the dimensions where they lie no step apart, each kept with size 1."""
    if weight.size(2) == weight.size(3) == 1:
        return weight
    # torch's sum over so few neighbours takes several times as long as reading the weight.
    sums = None if any(steps) else tap_sums(weight, memory_format(weight))
    if sums is not None:
        return sums
    merged = [2 + axis for axis in (0, 1) if not steps[axis]]
    return weight.sum(merged, keepdim=True) if merged else weight


def _tap_gradient(x_averages: Tensor, dy_means: Tensor, groups: int, scale: float) -> Tensor:
    """The sum of x times dy over batch and patches, times scale: (C_out, C_in / groups)."""
    if groups == dy_means.size(1) == x_averages.size(1):
        return channel_products(dy_means, x_averages, scale).view(-1, 1)
    if groups > 1:
        return _grouped_tap_gradient(x_averages, dy_means, groups).mul_(scale)
    if _image_by_image(dy_means, groups) and _image_by_image(x_averages, groups):
        dy_planes, x_planes = dy_means.flatten(2), x_averages.flatten(2)
        return torch.addbmm(_start(dy_means), dy_planes, x_planes.transpose(1, 2), beta=0, alpha=scale)
    x_rows, dy_rows = _rows(x_averages), _rows(dy_means)
    # Of so many rows and few columns, the product is faster with the wider matrix on its left.
    if dy_rows.size(1) >= x_rows.size(1):
        return _product_over_rows(dy_rows, x_rows, scale)
    return _product_over_rows(x_rows, dy_rows, scale).t()


def _product_over_rows(left: Tensor, right: Tensor, scale: float) -> Tensor:
    """The sum over rows of left (R, A) times right (R, B), times scale: (A, B).

    Where rows are many and columns few, every thread takes its own rows: torch gives each some columns, which are soon
    too few to be fast.
    """
    rows, pieces = left.size(0), torch.get_num_threads()
    many = rows >= _MANY_ROWS * left.size(1) and left.device.type == "cpu" and left.dtype in _EXACT
    if not many or pieces == 1 or rows % pieces:
        return torch.addmm(_start(left), left.t(), right, beta=0, alpha=scale)
    left, right = (numbers.view(pieces, rows // pieces, -1) for numbers in (left, right))
    return torch.baddbmm(_start(left), left.transpose(1, 2), right, beta=0, alpha=scale).sum(0)


def _start(like: Tensor) -> Tensor:
    """What a product is added to with beta 0: it plays no part, and has to be there."""
    return _one(like.dtype, like.device)


@lru_cache(maxsize=None)
def _one(dtype: torch.dtype, device: torch.device) -> Tensor:
    return torch.ones(1, dtype=dtype, device=device)


def _grouped_tap_gradient(x_averages: Tensor, dy_means: Tensor, groups: int) -> Tensor:
    x_rows, dy_rows = _grouped_rows(x_averages, groups), _grouped_rows(dy_means, groups)
    if x_rows.size(2) == 1:
        return (dy_rows * x_rows).sum(0).view(-1, 1)
    return torch.bmm(dy_rows.permute(1, 2, 0), x_rows.transpose(0, 1)).view(-1, x_rows.size(2))


def _grouped_product(dy_rows: Tensor, taps: Tensor) -> Tensor:
    """Rows (R, groups, C_out / groups) times taps (groups, C_out / groups, C_in / groups)."""
    if taps.size(2) == 1:
        return (dy_rows * taps[:, :, 0]).sum(2, keepdim=True)
    return torch.bmm(dy_rows.transpose(0, 1), taps).transpose(0, 1)


def _image_by_image(maps: Tensor, groups: int) -> bool:
    """Whether products are taken for each image: one for all of a contiguous batch would transpose it first.

    Not where an image has fewer patches than channels, as transposing then costs less than so small products do. Not in
    16 bits, where the sum over images would be rounded once for each.
    """
    return (
        groups == 1
        and maps.size(2) * maps.size(3) >= maps.size(1)
        and maps.dtype in _EXACT
        and maps.device.type == "cpu"
        and memory_format(maps) == torch.contiguous_format
    )


def _product_per_image(dy_means: Tensor, taps: Tensor) -> Tensor:
    """Taps (C_out, C_in, 1, 1), transposed, times each image."""
    outputs, inputs = taps.shape[:2]
    images, _, height, width = dy_means.shape
    kernel = taps.view(outputs, inputs).t().contiguous().expand(images, -1, -1)
    return torch.bmm(kernel, dy_means.flatten(2)).view(images, inputs, height, width)


def _rows(maps: Tensor) -> Tensor:
    """A row per patch: (N, C, P_h, P_w) → (N·P_h·P_w, C); a view in channels_last."""
    return maps.permute(0, 2, 3, 1).reshape(-1, maps.size(1))


def _grouped_rows(maps: Tensor, groups: int) -> Tensor:
    """The same in groups: (N·P_h·P_w, groups, C / groups)."""
    return _rows(maps).view(-1, groups, maps.size(1) // groups)
