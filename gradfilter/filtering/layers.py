"""A Conv2d whose backward pass is filtered."""

from typing import Any, Tuple, cast

from torch import Tensor, nn
from torch.nn.modules import module

from gradfilter.filtering.chains.fusing import chained_convolution, runs_in_chain
from gradfilter.filtering.convolution import convolve
from gradfilter.filtering.shape import FilterShape, shape_problem
from gradfilter.filtering.stand_in import materialised

_HOOKS_OF_ALL = module._global_forward_hooks  # noqa: SLF001 - those that see every module's output


class FilteredConv2d(nn.Conv2d):
    """nn.Conv2d with filtered gradients: same arguments, same forward bit for bit, same state dict.

    patch_size: outputs along one side of a patch, at least 1; 1 turns the filter off.
    alignment, stride_correction: see FilterShape.

    Raises:
        ValueError: patch_size is below 1, or the layer cannot be filtered with it.
    """

    patch_size: int
    alignment: str
    stride_correction: bool

    def __init__(
        self,
        *args: Any,
        patch_size: int = 2,
        alignment: str = "corner",
        stride_correction: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        _refuse(filtering_problem(self, patch_size, alignment))
        _set_filter(self, patch_size, alignment, stride_correction)

    @classmethod
    def convert(
        cls, conv: nn.Conv2d, patch_size: int, alignment: str = "corner", stride_correction: bool = True
    ) -> "FilteredConv2d":
        """Turn a plain nn.Conv2d into a filtered one, in place.

        The module stays the same object, so parameters, hooks and whoever else refers to it stay
        as they are.

        Raises:
            ValueError: the layer cannot be filtered; it is left as it was.
        """
        _refuse(conversion_problem(conv, patch_size, alignment))
        conv.__class__ = cls
        filtered = cast("FilteredConv2d", conv)
        _set_filter(filtered, patch_size, alignment, stride_correction)
        return filtered

    @classmethod
    def restore(cls, conv: nn.Conv2d) -> nn.Conv2d:
        """Turn a filtered convolution back into a plain nn.Conv2d, in place; the reverse of convert.

        Raises:
            ValueError: the layer is not a filtered convolution; it is left as it was.
        """
        if type(conv) is not cls:
            raise ValueError("only a %s can be restored, and this is a %s." % (cls.__name__, type(conv).__name__))
        del conv.patch_size, conv.alignment, conv.stride_correction
        plain = cast("Any", conv)
        plain.__class__ = nn.Conv2d
        return cast("nn.Conv2d", plain)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - nn.Conv2d's own name
        """(N, C_in, H, W) → (N, C_out, H_out, W_out)."""
        shape, weight, bias = self.filter_shape, self.weight, self.bias
        if shape.patch_size > 1 and runs_in_chain(input, weight):
            at_once = bool(self._forward_hooks or _HOOKS_OF_ALL)
            return cast("Tensor", chained_convolution(input, weight, bias, shape, at_once=at_once))
        return convolve(materialised(input, "a layer by itself"), weight, bias, shape)

    @property
    def filter_shape(self) -> FilterShape:
        """The numbers of the convolution and of its filter, as they are now."""
        return _filter_shape(self, self.patch_size, self.alignment, self.stride_correction)

    def extra_repr(self) -> str:
        """nn.Conv2d's, the patch size, and what differs from the usual filter."""
        words = [super().extra_repr(), "patch_size=%d" % self.patch_size]  # type: ignore[no-untyped-call]
        if self.alignment != "corner":
            words.append("alignment=%s" % self.alignment)
        if not self.stride_correction:
            words.append("stride_correction=False")
        return ", ".join(words)


def conversion_problem(conv: nn.Module, patch_size: int, alignment: str = "corner") -> str:
    """Why a module cannot be converted into a FilteredConv2d, or ''."""
    if isinstance(conv, FilteredConv2d):
        return "it is filtered already, with patch_size %d" % conv.patch_size
    if isinstance(conv, (nn.Conv1d, nn.Conv3d)):
        return (
            "it is a %s, and gradient filtering is published for two dimensions: leave this layer as it is"
            % type(conv).__name__
        )
    if type(conv) is not nn.Conv2d:
        # A subclass may compute something else (standardized weights, padding found at run time).
        return "it is a %s, and only nn.Conv2d itself is known well enough to be replaced" % type(conv).__name__
    return filtering_problem(conv, patch_size, alignment)


def filtering_problem(conv: nn.Conv2d, patch_size: int, alignment: str) -> str:
    """Why a convolution's numbers rule out filtering, or ''."""
    if patch_size < 1:
        return "patch_size must be at least 1, got %d" % patch_size
    if conv.padding_mode != "zeros":
        return "padding_mode is %r, and only 'zeros' is supported" % conv.padding_mode
    # The correction of the stride has no say in what can be filtered.
    return shape_problem(_filter_shape(conv, patch_size, alignment, stride_correction=True), conv.kernel_size)


def _set_filter(conv: FilteredConv2d, patch_size: int, alignment: str, stride_correction: bool) -> None:
    conv.patch_size = patch_size
    conv.alignment = alignment
    conv.stride_correction = stride_correction


def _refuse(problem: str) -> None:
    if problem:
        raise ValueError("this convolution cannot be filtered: %s." % problem)


def _filter_shape(conv: nn.Conv2d, patch_size: int, alignment: str, stride_correction: bool) -> FilterShape:
    padding = conv.padding if isinstance(conv.padding, str) else _pair(conv.padding)
    return FilterShape(
        patch_size, _pair(conv.stride), padding, _pair(conv.dilation), conv.groups, alignment, stride_correction
    )


def _pair(value: Tuple[int, ...]) -> Tuple[int, int]:
    height, width = value
    return height, width
