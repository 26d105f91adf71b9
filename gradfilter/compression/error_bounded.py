"""A codec whose every number stays within a bound: a grid, prediction along the map, as few bits as it takes.

Source: Jin et al., COMET, PVLDB 15(4), 2022, whose compressor is of the SZ family. The buffers that pack returns are
all that is held: their sizes are the bytes saved.
"""

from typing import Any, NamedTuple, Tuple

import torch
from torch import Tensor

from gradfilter.compression.backends import BACKENDS
from gradfilter.compression.codec import Codec, Packed
from gradfilter.compression.prediction import numbers_of, residuals, signed, unsigned
from gradfilter.compression.quantisation import Grid, dequantise, quantise
from gradfilter.filtering.patches import memory_format

# How many of a map's axes a number is foretold along: none, its row, its row and column.
PREDICTORS = {"none": 0, "lorenzo1d": 1, "lorenzo2d": 2}

_CHANNELS_LAST = (0, 2, 3, 1)  # of (N, C, H, W), the axes as they lie in memory
_CHANNELS_FIRST = (0, 3, 1, 2)  # and back


class _Facts(NamedTuple):
    """What is needed beside the buffers; shape: of the map's axes as they lie in memory."""

    shape: Tuple[int, ...]
    dtype: torch.dtype
    channels_last: bool
    step: float
    is_signed: bool
    encoding: Any


class _Constant(NamedTuple):
    """A map of one number, which the only buffer holds."""

    shape: torch.Size
    memory_format: torch.memory_format


class ErrorBoundedCodec(Codec):
    """Keeps |x - x'| ≤ bound for every number, and zeros at zero; where it cannot, it keeps x itself.

    bound: absolute, or with relative a share of x's range (largest minus smallest number). predictor: one of
    PREDICTORS; backend: one of BACKENDS. packed: how many inputs there were; whole: how many of them were kept as
    they are.
    """

    packed = 0
    whole = 0

    def __init__(self, bound: float, *, relative: bool, predictor: str = "none", backend: str = "bitpack") -> None:
        self.bound = bound
        self.relative = relative
        self.predictor = predictor
        self.backend = backend

    def pack(self, x: Tensor) -> Packed:
        """The buffers that are held of x (N, C, H, W); x itself where the bound allows nothing less."""
        self.packed += 1
        if x.numel() == 0:
            return Packed([x])
        spread = float(x.max()) - float(x.min())
        if spread == 0:
            return Packed([x.flatten()[:1].clone()], _Constant(x.shape, memory_format(x)))
        grid = quantise(x, self.bound * spread if self.relative else self.bound)
        if grid is None:
            self.whole += 1
            return Packed([x])
        return self._encoded(x, grid)

    def unpack(self, packed: Packed) -> Tensor:
        """What is within the bound of x, in its shape, type and memory format."""
        facts = packed.facts
        if facts is None:
            return packed.tensors[0]
        if isinstance(facts, _Constant):
            return packed.tensors[0].expand(facts.shape).contiguous(memory_format=facts.memory_format)
        numbers = BACKENDS[self.backend].decode((packed.tensors, facts.encoding)).view(facts.shape)
        numbers = numbers_of(signed(numbers) if facts.is_signed else numbers, self._axes(facts.channels_last))
        x = dequantise(Grid(numbers, facts.step), facts.dtype)
        return x.permute(_CHANNELS_FIRST) if facts.channels_last else x

    def _encoded(self, x: Tensor, grid: Grid) -> Packed:
        channels_last = memory_format(x) == torch.channels_last
        numbers = grid.numbers.permute(_CHANNELS_LAST) if channels_last else grid.numbers.contiguous()
        differences = residuals(numbers, self._axes(channels_last)).flatten()
        is_signed = int(differences.min()) < 0
        buffers, encoding = BACKENDS[self.backend].encode(unsigned(differences) if is_signed else differences)
        facts = _Facts(tuple(numbers.shape), x.dtype, channels_last, grid.step, is_signed, encoding)
        return Packed(buffers, facts)

    def _axes(self, channels_last: bool) -> Tuple[int, ...]:
        """The axes that are predicted along, of maps as they lie in memory: of the row first."""
        along = (2, 1) if channels_last else (3, 2)
        return along[: PREDICTORS[self.predictor]]
