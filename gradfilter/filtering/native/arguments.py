"""What kernels take: pointers to dense maps, patch grids as the first pixels of their patches, numbers of channels."""

import ctypes
import struct
import threading
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Callable, List, Optional, Sequence, Tuple

import torch
from torch import Tensor

if TYPE_CHECKING:  # patches.py itself calls kernels
    from gradfilter.filtering.patches import PatchAxis, PatchGrid


def pointer(tensor: Optional[Tensor]) -> Optional[int]:
    """Where its elements lie; None where there is no tensor."""
    return None if tensor is None else tensor.data_ptr()


def pointers(tensors: Sequence[Optional[Tensor]]) -> bytes:
    """An array of such; an array of ctypes' own takes five times as long to make."""
    return _array_of(len(tensors))(*[0 if tensor is None else tensor.data_ptr() for tensor in tensors])


@lru_cache(maxsize=None)
def _array_of(count: int) -> Callable[..., bytes]:
    return struct.Struct("%dP" % count).pack


def dense(maps: Tensor, layout: torch.memory_format) -> Tensor:
    """Maps as they are, or a dense copy in this layout."""
    return maps.contiguous(memory_format=layout)


def dense_or_none(maps: Optional[Tensor], layout: torch.memory_format) -> Optional[Tensor]:
    """The same where there may be no map."""
    return None if maps is None else dense(maps, layout)


def as_constants(numbers: Sequence[Optional[Tensor]], like: Tensor) -> List[Optional[Tensor]]:
    """Numbers of the channels of a map, in its type and one after another.

    Raises:
        ValueError: there are more or fewer than channels.
    """
    shape, dtype = (like.size(1),), like.dtype
    constants = []
    for number in numbers:
        if number is not None and number.shape != shape:
            raise ValueError("there must be as many of each number as channels: %d." % shape)
        # Converting what needs no conversion costs more than asking.
        as_it_is = number is None or (number.dtype is dtype and number.is_contiguous())
        constants.append(number if as_it_is else number.to(dtype).contiguous())  # type: ignore[union-attr]
    return constants


def present(tensors: Sequence[Optional[Tensor]]) -> List[Tensor]:
    """Those that are there."""
    return [tensor for tensor in tensors if tensor is not None]


def changed(tensors: Sequence[Tensor]) -> None:
    """Say that a kernel wrote to them, as operators in place do: what autograd kept of them is seen to be outdated."""
    for tensor in tensors:
        _raise_version(tensor)


# Where torch has no function for it, writing nothing to a view does it.
_raise_version = getattr(torch.autograd.graph, "increment_version", lambda tensor: tensor[:0].zero_())


def empty(
    like: Tensor, sizes: Sequence[int], layout: torch.memory_format, dtype: Optional[torch.dtype] = None
) -> Tensor:
    """Room for maps (N, C, *sizes) beside those that are like them."""
    return torch.empty([*like.shape[:2], *sizes], dtype=dtype or like.dtype, memory_format=layout)


def empties(
    like: Tensor, sizes: Sequence[int], layout: torch.memory_format, wanted: Sequence[bool]
) -> List[Optional[Tensor]]:
    """Such room wherever a map is wanted."""
    first = None
    rooms: List[Optional[Tensor]] = []
    for want in wanted:
        # To copy a map's layout costs a fifth of spelling it out.
        room = None if not want else empty(like, sizes, layout) if first is None else torch.empty_like(first)
        rooms.append(room)
        first = room if first is None else first
    return rooms


def shape(maps: Tensor, layout: torch.memory_format) -> Tuple[bool, int, int]:
    """Whether channels come last, the images and the channels."""
    return layout == torch.channels_last, maps.size(0), maps.size(1)


@lru_cache(maxsize=4096)
def patches(grid: "PatchGrid") -> Tuple[int, Any, int, Any]:
    """For rows and for columns: how many patches, and where they start and end."""
    return grid.rows.patches, _starts(grid.rows), grid.columns.patches, _starts(grid.columns)


@lru_cache(maxsize=4096)
def averaging(grid: "PatchGrid") -> Tuple[int, Any, int, Any, float]:
    """The same, and what a patch's sum is multiplied with."""
    return (*patches(grid), 1 / grid.area)


@lru_cache(maxsize=4096)
def owners(axis: "PatchAxis") -> Any:
    """The patch of every pixel of an axis."""
    numbers = [patch for patch, size in enumerate(axis.sizes()) for _ in range(size)]
    return (ctypes.c_int64 * len(numbers))(*numbers)


def _starts(axis: "PatchAxis") -> Any:
    starts = [0]
    for size in axis.sizes():
        starts.append(starts[-1] + size)
    return (ctypes.c_int64 * len(starts))(*starts)


class _Scratch(threading.local):
    """Room that kernels of one thread take one after another."""

    def __init__(self) -> None:
        self.room = torch.empty(0, dtype=torch.float64)


_SCRATCH = _Scratch()


def scratch(count: int) -> int:
    """Room for so many doubles, for the time of one call."""
    if _SCRATCH.room.numel() < count:
        _SCRATCH.room = torch.empty(count, dtype=torch.float64)
    return _SCRATCH.room.data_ptr()


def threads() -> int:
    """As many as torch would take."""
    return torch.get_num_threads()
