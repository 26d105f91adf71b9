"""What a filtered convolution is before it sees a map: its numbers, and where its patches lie."""

from functools import lru_cache
from typing import List, NamedTuple, Sequence, Tuple, Union

from gradfilter.filtering.patches import PatchAxis, PatchGrid

Pair = Tuple[int, int]
Padding = Union[str, Pair]

ALIGNMENTS = ("corner", "centred")


class FilterShape(NamedTuple):
    """The patch size, the convolution's own numbers, and two choices.

    alignment: "corner" begins both patch grids at pixel 0, so that the grids of consecutive layers nest;
        "centred", as published, has them overhang their maps on both sides, by a pixel more in front if need be.
    stride_correction: divide by the stride's area; the published operator does not.
    """

    patch_size: int
    stride: Pair
    padding: Padding
    dilation: Pair
    groups: int
    alignment: str = "corner"
    stride_correction: bool = True

    @property
    def stride_area(self) -> int:
        """How many more pixels an input patch has than its output patch; 1 where that is not corrected."""
        return self.stride[0] * self.stride[1] if self.stride_correction else 1

    def tap_step(self, axis: int, kernel: Tuple[int, ...]) -> int:
        """How many patches lie between neighbouring taps of a spatial axis; 0: all taps count as one."""
        if kernel[axis] == 1 or self.dilation[axis] == 1:
            return 0
        return self.dilation[axis] // self.patch_size

    def tap_steps(self, kernel: Sequence[int]) -> Tuple[int, int]:
        """The same for both axes."""
        return _tap_steps(self, tuple(kernel))

    def shares_patches(self, axis: int, kernel: Tuple[int, ...]) -> bool:
        """Whether an output patch lies where its input patch does, seen from a middle tap."""
        if self.stride[axis] != 1 or kernel[axis] % 2 == 0:
            return False
        if self.padding == "same" or self.alignment == "centred":
            return True
        return self.padding != "valid" and self.padding[axis] == self.dilation[axis] * (kernel[axis] - 1) // 2

    def grids(self, input_size: Sequence[int], output_size: Sequence[int]) -> Tuple[PatchGrid, PatchGrid]:
        """The matching patch grids of an input and output of (H, W); their number of patches is the output's."""
        return _grids(self, tuple(input_size), tuple(output_size))

    def output_size(self, input_size: Sequence[int], kernel: Sequence[int]) -> Tuple[int, ...]:
        """(H, W) of the convolution's output."""
        return _output_size(self, tuple(input_size), tuple(kernel))

    def patch_counts(self, output_size: Sequence[int]) -> List[int]:
        """How many patches an output of (H, W) has on each axis."""
        return [-(-size // self.patch_size) for size in output_size]

    def axis(self, pixels: int, stride: int, patches: int) -> PatchAxis:
        """So many patches along an axis of a map whose pixels are the output's, or stride times as many."""
        patch = self.patch_size * stride
        overhang = patches * patch - pixels
        return PatchAxis(pixels, patch, patches, -(-overhang // 2) if self.alignment == "centred" else 0)


@lru_cache(maxsize=4096)
def _tap_steps(shape: FilterShape, kernel: Tuple[int, ...]) -> Tuple[int, int]:
    return shape.tap_step(0, kernel), shape.tap_step(1, kernel)


@lru_cache(maxsize=4096)
def _output_size(shape: FilterShape, input_size: Tuple[int, ...], kernel: Tuple[int, ...]) -> Tuple[int, ...]:
    if shape.padding == "same":
        return input_size
    padding = (0, 0) if isinstance(shape.padding, str) else shape.padding
    reaches = [dilation * (taps - 1) for dilation, taps in zip(shape.dilation, kernel)]
    axes = zip(input_size, padding, reaches, shape.stride)
    return tuple((size + 2 * pad - reach - 1) // stride + 1 for size, pad, reach, stride in axes)


@lru_cache(maxsize=4096)
def _grids(
    shape: FilterShape, input_size: Tuple[int, ...], output_size: Tuple[int, ...]
) -> Tuple[PatchGrid, PatchGrid]:
    counts = shape.patch_counts(output_size)
    inputs = [shape.axis(size, s, count) for size, s, count in zip(input_size, shape.stride, counts)]
    outputs = [shape.axis(size, 1, count) for size, count in zip(output_size, counts)]
    return PatchGrid(*inputs), PatchGrid(*outputs)


def shape_problem(shape: FilterShape, kernel: Tuple[int, ...]) -> str:
    """Why a convolution cannot be filtered so, or ''. With patch_size 1 it is not filtered at all.

    Where taps lie a patch or more apart, the input gradient is a transposed convolution of the
    pooled map, and that needs input and output maps whose patches coincide.
    """
    if shape.alignment not in ALIGNMENTS:
        return "alignment is %r, and must be one of %s" % (shape.alignment, ", ".join(map(repr, ALIGNMENTS)))
    if shape.patch_size == 1:
        return ""
    for axis in (0, 1):
        if shape.tap_step(axis, kernel) and not shape.shares_patches(axis, kernel):
            return "dilation %d is not smaller than patch_size %d, which needs stride 1 and an odd kernel%s" % (
                shape.dilation[axis],
                shape.patch_size,
                " padded to keep the map's size" if shape.alignment == "corner" else "",
            )
    return ""
