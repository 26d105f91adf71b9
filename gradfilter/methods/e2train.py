"""E2-Train: less computation for a training run, on three levels that are switched one by one.

Source: Wang, Jiang, Chen, Xu, Zhao, Lin, Wang, NeurIPS 2019, arXiv 1910.13349. Batches are dropped at random; residual
blocks run for the samples that a gate lets through (selective_blocks.py); weight gradients become signs, most of them
predicted from few bits (sign_prediction.py). The abstract and the authors' code are what this follows; where the code
does not save what it claims, or is random in evaluation, this does and is not.
"""

from dataclasses import dataclass, field
from random import Random
from typing import ClassVar, Dict, List, Optional, Sequence, Tuple

import torch
from torch import Tensor, nn

from gradfilter.bench.schema import MethodedLayer
from gradfilter.bench.schema.checks import check_choice, check_range
from gradfilter.errors import UnsupportedModel
from gradfilter.methods.adaptors import Adapted
from gradfilter.methods.bit_energy import bit_energy
from gradfilter.methods.checkpointing import refuse_checkpointed
from gradfilter.methods.method import Method
from gradfilter.methods.quantisation import EXACT_BITS
from gradfilter.methods.residual_blocks import refuse_extended, residual_blocks
from gradfilter.methods.selective_blocks import (
    GATES,
    DepthGates,
    input_channels,
    run_every_block,
    select_blocks,
    shares,
)
from gradfilter.methods.sign_prediction import SignBits, Signed, keep_magnitudes, reduce_to_signs, sign_problem

_MOST_BITS = 16
NamedLayer = Tuple[str, nn.Module]


@dataclass
class E2Train(Method):
    """Drop batches, select blocks, predict signs: each alone or together.

    Batches are dropped first, so that a dropped one asks no gate. A model without residual blocks cannot select.
    """

    name: ClassVar[str] = "e2train"
    source: ClassVar[str] = (
        "Wang, Jiang, Chen, Xu, Zhao, Lin, Wang: E2-Train: Training State-of-the-art CNNs with Over 80% Energy "
        "Savings, NeurIPS 2019, arXiv 1910.13349"
    )

    drop: float = field(default=0.5, metadata={"help": "probability of dropping a batch; 0 keeps all"})
    on_drop: str = field(
        default="skip",
        metadata={"help": "skip: a dropped batch changes nothing; momentum_step: momentum and weight decay go on"},
    )
    select: bool = field(
        default=False, metadata={"help": "run residual blocks after the first for the samples that gates let through"}
    )
    select_by: str = field(default="sample", metadata={"help": "sample: each by itself; batch: all of a batch or none"})
    embedded: int = field(default=10, metadata={"help": "features that a gate makes of a block's input"})
    hidden: int = field(default=10, metadata={"help": "size of the memory along depth that gates share"})
    activity_weight: float = field(
        default=1e-5, metadata={"help": "what each block that a sample runs through adds to the loss"}
    )
    target_active: float = field(
        default=0.0,
        metadata={"help": "share of blocks up to which activity is rewarded instead; 0: it always costs"},
    )
    predict_signs: bool = field(
        default=False, metadata={"help": "reduce gradients of convolutions and linear layers to predicted signs"}
    )
    bits_x: int = field(default=8, metadata={"help": "bits of inputs; 32 leaves them as they are"})
    bits_x_msb: int = field(default=4, metadata={"help": "how many of them a prediction uses"})
    bits_w: int = field(default=8, metadata={"help": "bits of weights; 32 leaves them as they are"})
    bits_g: int = field(default=16, metadata={"help": "bits of output gradients; 32 leaves them as they are"})
    bits_g_msb: int = field(default=10, metadata={"help": "how many of them a prediction uses"})
    threshold: float = field(
        default=0.05, metadata={"help": "predictions smaller than this share of the largest are not trusted"}
    )
    sparsify: bool = field(
        default=False, metadata={"help": "leave weights alone whose prediction is not trusted, instead of computing on"}
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("drop", self.drop, 0, 0.99)
        check_choice("on_drop", self.on_drop, ["skip", "momentum_step"])
        check_choice("select_by", self.select_by, ["sample", "batch"])
        for name in ("embedded", "hidden"):
            check_range(name, getattr(self, name), 1, 1024)
        check_range("activity_weight", self.activity_weight, 0, 1e3)
        for name in ("target_active", "threshold"):
            check_range(name, getattr(self, name), 0, 1)
        for name in ("bits_x", "bits_x_msb", "bits_w", "bits_g", "bits_g_msb"):
            if getattr(self, name) != EXACT_BITS:
                check_range(name, getattr(self, name), 1, _MOST_BITS)

    def change(self, model: nn.Module) -> List[MethodedLayer]:
        """Give blocks gates and layers signs, as far as they are switched on."""
        signed = self._signed(model) if self.predict_signs else []
        selected = self._select(model) if self.select else []
        bits = SignBits(
            self.bits_x, self.bits_x_msb, self.bits_w, self.bits_g, self.bits_g_msb, self.threshold, self.sparsify
        )
        for _, layer in signed:
            reduce_to_signs(layer, bits)
        changes = [(name, "runs for selected samples") for name in selected]
        changes += [(name, "gets predicted signs") for name, _ in signed]
        return [MethodedLayer(name, "%s %s" % (self.name, change)) for name, change in changes]

    def restore(self, model: nn.Module, layers: List[MethodedLayer]) -> None:
        """Take gates and signs away."""
        modules = dict(model.named_modules())
        for layer in layers:
            keep_magnitudes(modules[layer.name])
        run_every_block(model)

    def keep_batch(self, step: int, random: Random) -> bool:  # noqa: ARG002 - every step has the same chance
        """Keep with probability 1 - drop."""
        return random.random() >= self.drop

    def stands_in(self, parameters: Sequence[nn.Parameter]) -> bool:
        """With momentum_step a dropped batch has gradients of zero, so that momentum moves the weights on."""
        if self.on_drop == "momentum_step":
            for parameter in parameters:
                parameter.grad = torch.zeros_like(parameter)
        return self.on_drop == "momentum_step"

    def observed(self, model: nn.Module) -> Dict[str, str]:
        """How often blocks ran, how many signs were not predicted, and what that would cost by the model of bits."""
        ran = {name: "for %.0f %% of the samples" % (100 * s) for name, s in shares(model).items() if s is not None}
        signed = {name: module for name, module in model.named_modules() if isinstance(module, Signed)}
        return {**ran, **{name: _signs_words(layer) for name, layer in signed.items()}}

    def extra_loss(self, model: nn.Module) -> Optional[Tensor]:
        """The price of the blocks that ran, or below target_active the reward."""
        gates = [gates for gates in (getattr(module, GATES, None) for module in model.modules()) if gates is not None]
        decisions = [decision for one in gates for decision in one.take_decisions()]
        if not decisions:
            return None
        activity = torch.stack(decisions)
        rewarded = self.target_active > 0 and float(activity.detach().mean()) <= self.target_active
        sign = -1.0 if rewarded else 1.0
        return sign * self.activity_weight * activity.sum()

    def _select(self, model: nn.Module) -> List[str]:
        blocks = residual_blocks(model)[1:]  # the first always runs
        if not blocks:
            raise UnsupportedModel(
                self.name,
                ["It has fewer than two residual blocks, and select skips none but those. Set select to false."],
            )
        refuse_checkpointed(
            self.name,
            model,
            blocks,
            "A gate would decide anew the second time. Checkpoint other parts, such as the stem.",
        )
        adapted = "da3 has put an adaptor beside it."
        refuse_extended(self.name, blocks, Adapted, adapted, "Set select to false, or leave da3 out.")
        gates = DepthGates(
            [input_channels(block) for block in blocks],
            self.embedded,
            self.hidden,
            per_batch=self.select_by == "batch",
        )
        select_blocks(model, blocks, gates)
        return [block.name for block in blocks]

    def _signed(self, model: nn.Module) -> List[NamedLayer]:
        trained: List[NamedLayer] = [
            (name, module)
            for name, module in model.named_modules()
            if isinstance(module, (nn.Conv2d, nn.Linear)) and module.weight.requires_grad
        ]
        problems = [(name, sign_problem(module)) for name, module in trained]
        sentences = ["%s: %s." % (name or "the model itself", problem) for name, problem in problems if problem]
        if sentences:
            advice = "Freeze these layers or set predict_signs to false."
            raise UnsupportedModel(self.name, [*sentences, advice])
        return trained


def _signs_words(layer: Signed) -> str:
    if layer.unsure_share is None:
        return ""
    energy = bit_energy(layer.sign_bits, layer.unsure_share)
    return "%.1f %% of its signs not predicted in the last step; products modelled at %.1f %% of float32's energy" % (
        100 * layer.unsure_share,
        100 * energy.total,
    )
