"""What keeps a convolution's input small between forward and backward."""

from typing import Any, List, NamedTuple

from torch import Tensor


class Packed(NamedTuple):
    """What is held of a tensor: its buffers, and what the codec needs beside them to give it back."""

    tensors: List[Tensor]
    facts: Any = None


class Codec:
    """Packs the input of one convolution in each forward pass, and unpacks it in the backward pass. This one keeps all.

    A codec belongs to one layer and is copied and pickled with it.
    """

    def pack(self, x: Tensor) -> Packed:
        """What to hold of x (N, C, H, W). Nothing that is packed shares memory with x, unless it is x itself."""
        return Packed([x])

    def unpack(self, packed: Packed) -> Tensor:
        """x, or what is near it, in its shape, type and memory format."""
        return packed.tensors[0]

    def gradient_seen(self, x: Tensor, dy: Tensor) -> None:
        """Called in each backward pass with what was unpacked and the gradient of the layer's output."""
