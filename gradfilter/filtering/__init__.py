"""The arithmetic of gradient filtering: patch grids and the filtered convolution."""

from gradfilter.filtering.convolution import filtered_conv2d
from gradfilter.filtering.layers import FilteredConv2d

__all__ = ["FilteredConv2d", "filtered_conv2d"]
