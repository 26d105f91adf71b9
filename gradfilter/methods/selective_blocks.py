"""Residual blocks that run on some samples of a batch only, as gates decide from what came before.

    x_{l+1} = m_l · F_l(x_l) + (1 − m_l) · shortcut_l(x_l)        m_l in {0, 1} for every sample

The rows with m_l = 1 are gathered, run and put back, so that the others cost nothing of the block: no forward, no
backward, nothing kept. What F_l would have given for them is unknown, so they tell a gate nothing; a gate learns from
the samples that it let through and from the loss on activity.
"""

from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple, cast

import torch
from torch import Tensor, nn
from torch.autograd import Function

from gradfilter.extended import Extension, extend, unextend
from gradfilter.filtering.precision import without_autocast
from gradfilter.filtering.stand_in import materialised
from gradfilter.methods.residual_blocks import ResidualBlock
from gradfilter.methods.still_statistics import still_statistics

GATES = "selective_gates"
_OPEN = 0.5  # in evaluation a block runs where its probability is above this, so that a score is the same each time


class DepthGates(nn.Module):
    """One gate per selected block: pooled features, a layer of its own, then a memory along depth that all share.

    per_batch: one decision for all samples, by their mean probability.
    """

    def __init__(self, channels: Sequence[int], embedded: int, hidden: int, *, per_batch: bool) -> None:
        super().__init__()
        self.embeddings = nn.ModuleList([nn.Linear(count, embedded) for count in channels])
        self.memory = nn.LSTMCell(embedded, hidden)
        self.score = nn.Linear(hidden, 1)
        self._per_batch = per_batch
        self._state: Optional[Tuple[Tensor, Tensor]] = None
        self._decisions: List[Tensor] = []
        self._let_through = [(0, 0) for _ in channels]  # samples, and of how many, while training

    def count(self, gate: int, let_through: int, samples: int) -> None:
        """Note what a gate decided, where it is trained."""
        if self.training:
            before = self._let_through[gate]
            self._let_through[gate] = before[0] + let_through, before[1] + samples

    def share(self, gate: int) -> Optional[float]:
        """The share of the samples that a gate has let through while training; None before any."""
        let_through, samples = self._let_through[gate]
        return let_through / samples if samples else None

    def decide(self, gate: int, x: Tensor) -> Tensor:
        """(N,) of 0 and 1: which samples of x (N, C, H, W) the gate lets through; its gradient is the probability's."""
        if gate == 0:
            self._state, self._decisions = None, []
        with without_autocast(x.device.type):
            features = self.embeddings[gate](x.to(self.score.weight.dtype).mean((2, 3)))
            self._state = self.memory(features, self._state)
            probability = torch.sigmoid(self.score(self._state[0])).flatten()
        if self._per_batch:
            probability = probability.mean().expand(len(x))
        if gate == len(self.embeddings) - 1:
            self._state = None  # its graph ends with the step
        decision = straight_through(probability, self._threshold(probability))
        self._decisions.append(decision)
        return decision

    def _threshold(self, probability: Tensor) -> Tensor:
        if not self.training:
            return torch.full_like(probability, _OPEN)
        return torch.rand_like(probability[:1] if self._per_batch else probability)

    def take_decisions(self) -> List[Tensor]:
        """Those of the last forward pass, gate by gate; asked once, as they hold its graph."""
        taken, self._decisions = self._decisions, []
        return taken


def straight_through(probability: Tensor, threshold: Tensor) -> Tensor:
    """1 where the probability is above the threshold, else 0; the gradient passes to the probability as it is."""
    hard = (probability > threshold).to(probability.dtype)
    return hard - probability.detach() + probability


class _Selection(NamedTuple):
    """What a selective block knows of its gate; a tuple, so that the block does not own the gates as a part."""

    gates: DepthGates
    gate: int
    shortcut: str


class Selective(Extension):
    """A residual block that runs on the samples that its gate lets through."""

    selection: _Selection

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) → (N, C', H', W')."""
        x = materialised(x, "a selective block")  # filtered layers beside it may form chains
        gates, gate, shortcut = self.selection
        decision = gates.decide(gate, x)
        chosen = decision.detach().nonzero().flatten()
        gates.count(gate, len(chosen), len(x))
        block = ResidualBlock("", self, shortcut, "")
        if len(chosen) == 0:
            return block.past(x)
        if len(chosen) == len(x):
            return self._let_through(x, decision)
        rows = self._let_through(x.index_select(0, chosen), decision.index_select(0, chosen))
        others = (decision.detach() == 0).nonzero().flatten()
        with still_statistics(self):  # those of the rows that the block itself normalises count
            past = block.past(x.index_select(0, others))
        order = torch.cat([chosen, others]).argsort()
        return torch.cat([rows, past.to(rows.dtype)]).index_select(0, order)

    def _let_through(self, x: Tensor, decision: Tensor) -> Tensor:
        """The block on rows with a decision of 1. What its shortcut gave is copied, as the sum may be made in place."""
        if not self.selection.shortcut:
            return _joined(materialised(super().forward(x), "a selective block"), x, decision)
        given: List[Tensor] = []
        shortcut = self.get_submodule(self.selection.shortcut)
        handle = shortcut.register_forward_hook(lambda _, __, output: given.append(output.detach().clone()))
        try:
            y = materialised(super().forward(x), "a selective block")
        finally:
            handle.remove()
        return _joined(y, given[0], decision)


class _Joined(Function):
    """m · y + (1 − m) · past where m is 1: y itself, with m's gradient.

    The layers around this need y anyway, and past where the shortcut is the input itself, so that keeping them here
    costs nothing more; what a projection gave is kept for this alone.
    """

    @staticmethod
    def forward(ctx: Any, y: Tensor, past: Tensor, decision: Tensor) -> Tensor:
        ctx.save_for_backward(y, past)
        ctx.decision_type = decision.dtype
        return y.view_as(y)

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> Tuple[Tensor, None, Tensor]:
        y, past = ctx.saved_tensors
        return dy, None, (dy * (y - past)).sum((1, 2, 3)).to(ctx.decision_type)


def _joined(y: Tensor, past: Tensor, decision: Tensor) -> Tensor:
    return cast("Tensor", _Joined.apply(y, past, decision))  # type: ignore[no-untyped-call]


def select_blocks(model: nn.Module, blocks: Sequence[ResidualBlock], gates: DepthGates) -> None:
    """Let the gates decide about the blocks, gate by gate, and make them a part of the model."""
    model.add_module(GATES, gates.train(model.training))
    for gate, block in enumerate(blocks):
        extend(block.module, Selective)
        block.module.selection = _Selection(gates, gate, block.shortcut)  # type: ignore[assignment]


def run_every_block(model: nn.Module) -> None:
    """Undo select_blocks; nothing where it was not done."""
    for module in model.modules():
        if isinstance(module, Selective):
            del module.selection
            unextend(module, Selective)
    if hasattr(model, GATES):
        delattr(model, GATES)


def shares(model: nn.Module) -> Dict[str, Optional[float]]:
    """The share of the samples that each selective block has run for while training, by module name."""
    selective = [(name, module) for name, module in model.named_modules() if isinstance(module, Selective)]
    return {name: block.selection.gates.share(block.selection.gate) for name, block in selective}


def input_channels(block: ResidualBlock) -> int:
    """The channels of a block's input: those of its first convolution."""
    first = next(inner for inner in block.module.modules() if isinstance(inner, nn.Conv2d))
    return first.in_channels
