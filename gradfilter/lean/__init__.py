"""Layers that keep no more for the backward pass than exact gradients need.

Stock PyTorch keeps the input of a convolution and of BatchNorm although their weights are frozen, of average
pooling and of max pooling, and an activation's whole map where one bit per value would do. The outputs here are
the same bits, the gradients the same numbers. Known upstream as PyTorch issues 42371 and 133566.
"""

from gradfilter.lean.layers import make_lean, restore_plain

__all__ = ["make_lean", "restore_plain"]
