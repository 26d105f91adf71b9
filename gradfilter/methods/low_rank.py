"""Low-rank activations: of a trained convolution's input only its leading directions are kept.

Source of the idea: HOSVD for saved activations (NeurIPS 2024) and activation subspace iteration (ASI, ICML 2025). The
forward pass and the gradients that flow on are exact; weight gradients see what lies in the kept directions.
"""

from dataclasses import dataclass, field
from typing import ClassVar, List, Optional

from torch import nn

from gradfilter.bench.schema import MethodedLayer
from gradfilter.bench.schema.checks import check_range
from gradfilter.compression import CompressedConv2d
from gradfilter.compression.subspace import SubspaceCodec
from gradfilter.methods.compressed_layers import compressible_convolutions, restore_convolutions
from gradfilter.methods.layer_selection import OPTIONS, LayerSelection
from gradfilter.methods.method import Method


@dataclass
class LowRank(Method):
    """Keep the inputs of trained convolutions as a small core and a basis for each axis.

    What is frozen keeps no input and is left alone. Layers are selected by layers and types, and of these the last
    so many.
    """

    name: ClassVar[str] = "low_rank"
    source: ClassVar[str] = "after HOSVD for saved activations (NeurIPS 2024) and ASI (ICML 2025); own implementation"

    rank_share: float = field(
        default=0.5,
        metadata={"help": "the share of each axis's directions that is kept; 1 keeps the input to rounding"},
    )
    last: Optional[int] = field(default=None, metadata=OPTIONS["last"])
    layers: Optional[List[str]] = field(default=None, metadata=OPTIONS["layers"])
    types: Optional[List[str]] = field(default=None, metadata=OPTIONS["types"])

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("rank_share", self.rank_share, 1e-6, 1)
        LayerSelection(self.last, self.layers, self.types).check()

    def change(self, model: nn.Module) -> List[MethodedLayer]:
        """Turn the selected nn.Conv2d whose weights train into CompressedConv2d, in place."""
        selected = compressible_convolutions(model, LayerSelection(self.last, self.layers, self.types), self.name)
        for _, convolution in selected:
            CompressedConv2d.convert(convolution, SubspaceCodec(self.rank_share))
        return [MethodedLayer(name, "%s rank_share=%g" % (self.name, self.rank_share)) for name, _ in selected]

    def restore(self, model: nn.Module, layers: List[MethodedLayer]) -> None:
        """Turn the CompressedConv2d back into nn.Conv2d, in place."""
        restore_convolutions(model, layers)
