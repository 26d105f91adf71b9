"""COMET: the inputs of convolutions are kept compressed, with a bound on every number's error.

Source: Jin et al., COMET, PVLDB 15(4), 2022. The forward pass, the loss and the gradients that flow on are exact;
weight gradients are computed from what is within the bound of the input. Time rises, what is kept falls.
"""

from dataclasses import dataclass, field
from typing import ClassVar, Dict, List, Optional, cast

from torch import nn
from torch.optim import Optimizer

from gradfilter.bench.schema import MethodedLayer
from gradfilter.bench.schema.checks import check_choice, check_range
from gradfilter.compression import CompressedConv2d
from gradfilter.compression.adaptive import AdaptiveCodec
from gradfilter.compression.backends import BACKENDS
from gradfilter.compression.error_bounded import PREDICTORS, ErrorBoundedCodec
from gradfilter.methods.compressed_layers import compressible_convolutions, restore_convolutions
from gradfilter.methods.layer_selection import OPTIONS, LayerSelection
from gradfilter.methods.method import Method
from gradfilter.methods.momentum import mean_momentum

BOUNDS = ("relative", "absolute", "adaptive")


@dataclass
class Comet(Method):
    """Keep the inputs of trained convolutions within an error bound, in fewer bytes.

    What is frozen keeps no input and is left alone. Layers are selected by layers and types, and of these the last
    so many.
    """

    name: ClassVar[str] = "comet"
    source: ClassVar[str] = (
        "Jin, Zhang, Jiang, Feng, Guan, Li, Song, Tao: COMET, PVLDB 15(4):886-899, 2022; earlier arXiv 2011.09017"
    )

    bound: str = field(
        default="relative",
        metadata={
            "help": "what error_bound is: relative, a share of each input's range; absolute; adaptive, relative at "
            "first and then set from the momentum"
        },
    )
    error_bound: float = field(
        default=0.01, metadata={"help": "the largest error of any number; 0 keeps inputs as they are"}
    )
    sigma_ratio: float = field(
        default=0.01,
        metadata={
            "help": "adaptive: error of a weight gradient, one standard deviation, as a share of the mean momentum"
        },
    )
    interval: int = field(default=100, metadata={"help": "adaptive: steps from one setting of the bounds to the next"})
    warm_up_steps: int = field(default=10, metadata={"help": "adaptive: steps before the bounds are set first"})
    predictor: str = field(
        default="none", metadata={"help": "what each number is stored relative to: " + ", ".join(PREDICTORS)}
    )
    backend: str = field(
        default="bitpack",
        metadata={"help": "bytes: whole bytes, the fastest; bitpack: bits by blocks; zlib: the smallest and slowest"},
    )
    last: Optional[int] = field(default=None, metadata=OPTIONS["last"])
    layers: Optional[List[str]] = field(default=None, metadata=OPTIONS["layers"])
    types: Optional[List[str]] = field(default=None, metadata=OPTIONS["types"])
    _adaptive: List[CompressedConv2d] = field(default_factory=list, init=False, repr=False, compare=False)
    _updates: int = field(default=0, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice("bound", self.bound, BOUNDS)
        check_choice("predictor", self.predictor, list(PREDICTORS))
        check_choice("backend", self.backend, list(BACKENDS))
        check_range("error_bound", self.error_bound, 0, 1e6)
        check_range("sigma_ratio", self.sigma_ratio, 1e-6, 1e6)
        check_range("interval", self.interval, 1, 1000000)
        check_range("warm_up_steps", self.warm_up_steps, 0, 1000000)
        LayerSelection(self.last, self.layers, self.types).check()

    def change(self, model: nn.Module) -> List[MethodedLayer]:
        """Turn the selected nn.Conv2d whose weights train into CompressedConv2d, in place."""
        selected = compressible_convolutions(model, LayerSelection(self.last, self.layers, self.types), self.name)
        layers = [CompressedConv2d.convert(convolution, self._codec()) for _, convolution in selected]
        if self.bound == "adaptive":
            self._adaptive, self._updates = layers, 0
            self._observe_if_due()
        words = "%s error_bound=%g %s" % (self.name, self.error_bound, self.bound)
        return [MethodedLayer(name, words) for name, _ in selected]

    def restore(self, model: nn.Module, layers: List[MethodedLayer]) -> None:
        """Turn the CompressedConv2d back into nn.Conv2d, in place."""
        restore_convolutions(model, layers)

    def observed(self, model: nn.Module) -> Dict[str, str]:
        """Which layers' inputs were kept whole, as their bound left nothing to save."""
        layers = {name: module for name, module in model.named_modules() if isinstance(module, CompressedConv2d)}
        codecs = {name: layer.codec for name, layer in layers.items() if isinstance(layer.codec, ErrorBoundedCodec)}
        return {
            name: "input kept whole in %d of %d passes" % (codec.whole, codec.packed)
            for name, codec in codecs.items()
            if codec.whole
        }

    def after_update(self, optimizer: Optimizer) -> None:
        """Set the bounds from the momentum, when it is time."""
        self._updates += 1
        if self._is_due(self._updates):
            observed = [layer for layer in self._adaptive if _codec_of(layer).observation is not None]
            for layer in observed:  # a layer that did not run has no momentum to ask for
                _codec_of(layer).adapt(self.sigma_ratio * mean_momentum(optimizer, layer.weight))
        self._observe_if_due()

    def _codec(self) -> ErrorBoundedCodec:
        kind = AdaptiveCodec if self.bound == "adaptive" else ErrorBoundedCodec
        return kind(self.error_bound, relative=self.bound != "absolute", predictor=self.predictor, backend=self.backend)

    def _observe_if_due(self) -> None:
        """Have the next backward pass observed where the bounds are set after it, and only there: it takes time."""
        for layer in self._adaptive:
            _codec_of(layer).collecting = self._is_due(self._updates + 1)

    def _is_due(self, update: int) -> bool:
        since = update - self.warm_up_steps - 1
        return since >= 0 and since % self.interval == 0


def _codec_of(layer: CompressedConv2d) -> AdaptiveCodec:
    return cast("AdaptiveCodec", layer.codec)
