"""A Conv2d whose backward pass is filtered."""

from typing import Any, Tuple, cast

from torch import Tensor, nn

from gradfilter.filtering.convolution import FilterShape, Padding, dilation_problem, filtered_conv2d


class FilteredConv2d(nn.Conv2d):
    """nn.Conv2d with filtered gradients: same arguments, same forward bit for bit, same state dict.

    patch_size: outputs along one side of a patch, at least 1; 1 turns the filter off.

    Raises:
        ValueError: patch_size is below 1, or the layer cannot be filtered with it.
    """

    def __init__(self, *args: Any, patch_size: int = 2, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        problem = filtering_problem(self, patch_size)
        if problem:
            raise ValueError("this convolution cannot be filtered: %s." % problem)
        self.patch_size = patch_size

    @classmethod
    def convert(cls, conv: nn.Conv2d, patch_size: int) -> "FilteredConv2d":
        """Turn a plain nn.Conv2d into a filtered one, in place.

        The module stays the same object, so parameters, hooks and whoever else refers to it stay
        as they are.

        Raises:
            ValueError: the layer cannot be filtered; it is left as it was.
        """
        problem = conversion_problem(conv, patch_size)
        if problem:
            raise ValueError("this convolution cannot be filtered: %s." % problem)
        conv.__class__ = cls
        filtered = cast("FilteredConv2d", conv)
        filtered.patch_size = patch_size
        return filtered

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - nn.Conv2d's own name
        """(N, C_in, H, W) → (N, C_out, H_out, W_out)."""
        return filtered_conv2d(
            input,
            self.weight,
            self.bias,
            patch_size=self.patch_size,
            stride=_pair(self.stride),
            padding=_padding(self),
            dilation=_pair(self.dilation),
            groups=self.groups,
        )

    def extra_repr(self) -> str:
        """nn.Conv2d's, and the patch size."""
        plain = super().extra_repr()  # type: ignore[no-untyped-call]
        return "%s, patch_size=%d" % (plain, self.patch_size)


def conversion_problem(conv: nn.Conv2d, patch_size: int) -> str:
    """Why a module cannot be converted into a FilteredConv2d, or ''."""
    if isinstance(conv, FilteredConv2d):
        return "it is filtered already, with patch_size %d" % conv.patch_size
    if type(conv) is not nn.Conv2d:
        # A subclass may compute something else (standardized weights, padding found at run time).
        return "it is a %s, and only nn.Conv2d itself is known well enough to be replaced" % type(conv).__name__
    return filtering_problem(conv, patch_size)


def filtering_problem(conv: nn.Conv2d, patch_size: int) -> str:
    """Why a convolution's numbers rule out filtering, or ''."""
    if patch_size < 1:
        return "patch_size must be at least 1, got %d" % patch_size
    if conv.padding_mode != "zeros":
        return "padding_mode is %r, and only 'zeros' is supported" % conv.padding_mode
    if patch_size == 1:
        return ""
    shape = FilterShape(patch_size, _pair(conv.stride), _padding(conv), _pair(conv.dilation), conv.groups)
    return dilation_problem(shape, conv.kernel_size)


def _pair(value: Tuple[int, ...]) -> Tuple[int, int]:
    height, width = value
    return height, width


def _padding(conv: nn.Conv2d) -> Padding:
    return conv.padding if isinstance(conv.padding, str) else _pair(conv.padding)
