"""The report on a method and a model: its data, and its text."""

from dataclasses import dataclass, field
from typing import List, Optional, Tuple

from gradfilter.bench.schema import LayerGradient
from gradfilter.inspection.layer_flops import Flops
from gradfilter.inspection.table import aligned_table, change_of


@dataclass
class Cost:
    """FLOPs, modelled, and bytes kept for backward, counted; of a layer or of a whole step.

    flops: None for a layer that is neither Conv2d nor Linear.
    """

    saved_bytes: int
    flops: Optional[Flops] = None


@dataclass
class LayerReport:
    """A changed layer: what was done, how near its weight gradient is to the exact one, its cost before and after."""

    change: str
    gradient: LayerGradient
    before: Cost
    after: Cost


@dataclass
class GradientReport:
    """A method's effect on one batch. Layers stand in the model's order; before and after belong to the whole step.

    flops_source: what the step's FLOPs were obtained from. str() is a table, dataclasses.asdict() strict JSON.
    """

    method: str
    before: Cost
    after: Cost
    flops_source: str
    layers: List[LayerReport] = field(default_factory=list)

    def __str__(self) -> str:
        rows = [
            ("layer", "change", "cosine", "SNR [dB]", "forward", "backward", "saved"),
            *(_row(layer) for layer in self.layers),
            ("whole step", "", "", "", *_costs(self.before, self.after)),
        ]
        return "\n".join([aligned_table(rows, words=2), *self._notes()])

    def _notes(self) -> List[str]:
        return [
            *("%s: %s." % (_name(layer), layer.gradient.reason) for layer in self.layers if layer.gradient.reason),
            "FLOPs are modelled (whole step: %s); one multiply-add is 2." % self.flops_source,
            "Saved bytes are counted by storage, parameters and buffers excluded; a layer's as it runs by itself.",
        ]


def _row(layer: LayerReport) -> Tuple[str, ...]:
    gradient = layer.gradient
    return (_name(layer), layer.change, _cosine(gradient), _snr(gradient), *_costs(layer.before, layer.after))


def _costs(before: Cost, after: Cost) -> Tuple[str, str, str]:
    saved = change_of(before.saved_bytes, after.saved_bytes, "B")
    if before.flops is None or after.flops is None:
        return "-", "-", saved
    forward = change_of(before.flops.forward, after.flops.forward, "FLOP")
    return forward, change_of(before.flops.backward, after.flops.backward, "FLOP"), saved


def _name(layer: LayerReport) -> str:
    return layer.gradient.name or "the model itself"


def _cosine(gradient: LayerGradient) -> str:
    return "-" if gradient.cosine is None else "%.3f" % gradient.cosine


def _snr(gradient: LayerGradient) -> str:
    if gradient.snr_db is None:
        return "-" if gradient.reason else "exact"
    return "%.1f" % gradient.snr_db
