"""How whole numbers become bytes: the backends of the error-bounded codec."""

import zlib
from typing import Any, Dict, List, Tuple

import torch
from torch import Tensor

from gradfilter.compression.bitpack import Bits, pack_bits, unpack_bits

Encoded = Tuple[List[Tensor], Any]  # the buffers that are held, and what decoding needs beside them

_FASTEST = 1  # of zlib's levels


class Backend:
    """Encodes whole numbers between 0 and bitpack.LARGEST, int32 in one dimension, and decodes them again."""

    def encode(self, numbers: Tensor) -> Encoded:
        """The buffers, uint8."""
        raise NotImplementedError

    def decode(self, encoded: Encoded) -> Tensor:
        """The numbers, int32."""
        raise NotImplementedError


class WholeBytes(Backend):
    """As many bytes for every number as the largest needs: one for a bound of 1/500 of the range or more."""

    def encode(self, numbers: Tensor) -> Encoded:
        """A buffer for each byte of the numbers."""
        count = max(1, (int(numbers.max()).bit_length() + 7) // 8)
        return [((numbers >> 8 * byte) & 0xFF).to(torch.uint8) for byte in range(count)], None

    def decode(self, encoded: Encoded) -> Tensor:
        """The bytes put together."""
        numbers = encoded[0][0].to(torch.int32)
        for byte, plane in enumerate(encoded[0][1:], start=1):
            numbers |= plane.to(torch.int32) << 8 * byte
        return numbers


class BlockBits(Backend):
    """As many bits as each block of numbers needs."""

    def encode(self, numbers: Tensor) -> Encoded:
        """The widths and the planes."""
        bits = pack_bits(numbers)
        return [bits.widths, bits.planes], bits.total

    def decode(self, encoded: Encoded) -> Tensor:
        """The blocks unpacked."""
        (widths, planes), total = encoded
        return unpack_bits(Bits(widths, planes, total))


class Deflated(Backend):
    """Block bits, then zlib: the smallest, and by far the slowest; on the processor whatever the device."""

    def encode(self, numbers: Tensor) -> Encoded:
        """One buffer, as zlib gives it."""
        bits = pack_bits(numbers)
        squeezed = zlib.compress(torch.cat([bits.widths, bits.planes]).cpu().numpy().tobytes(), _FASTEST)
        return [_buffer(squeezed)], (bits.total, bits.widths.numel(), numbers.device)

    def decode(self, encoded: Encoded) -> Tensor:
        """The blocks, inflated and unpacked."""
        (squeezed,), (total, blocks, device) = encoded
        both = _buffer(zlib.decompress(squeezed.numpy().tobytes())).to(device)
        return unpack_bits(Bits(both[:blocks], both[blocks:], total))


BACKENDS: Dict[str, Backend] = {"bytes": WholeBytes(), "bitpack": BlockBits(), "zlib": Deflated()}


def _buffer(held: bytes) -> Tensor:
    return torch.frombuffer(bytearray(held), dtype=torch.uint8)  # a bytearray, as a tensor must be writable
