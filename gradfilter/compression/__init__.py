"""Convolutions that keep something smaller than their input for the backward pass.

The forward pass and the input's gradient are exact; the weight's gradient is computed from what the codec gives back.
"""

from gradfilter.compression.codec import Codec, Packed
from gradfilter.compression.convolution import CompressedConv2d, compression_problem

__all__ = ["Codec", "CompressedConv2d", "Packed", "compression_problem"]
