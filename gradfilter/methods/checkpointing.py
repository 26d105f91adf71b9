"""Checkpointing: blocks keep their inputs alone, and run once more in the backward pass.

Source: Chen, Xu, Zhang, Guestrin, Training Deep Nets with Sublinear Memory Cost, arXiv 1604.06174, as PyTorch has it in
torch.utils.checkpoint; its reentrant form, which every torch has.
"""

import inspect
from dataclasses import dataclass, field
from typing import Any, ClassVar, Dict, List, Optional

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from gradfilter.bench.schema import MethodedLayer
from gradfilter.bench.schema.checks import check_length
from gradfilter.errors import UnsupportedModel
from gradfilter.extended import Extension, extend, unextend
from gradfilter.methods.adaptors import Adaptor
from gradfilter.methods.layer_selection import fits
from gradfilter.methods.method import Method
from gradfilter.methods.residual_blocks import ResidualBlock, residual_blocks
from gradfilter.methods.selective_blocks import Selective
from gradfilter.methods.still_statistics import still_statistics

# Torch 1.10 has this form alone and no word for it; later ones warn unless it is named.
_FORM: Dict[str, Any] = {"use_reentrant": True} if "use_reentrant" in inspect.signature(checkpoint).parameters else {}


class Checkpointed(Extension):
    """A module of one input, whose inside is computed again for its backward pass."""

    def forward(self, x: Tensor) -> Any:
        """As the module."""
        if not torch.is_grad_enabled():
            return super().forward(x)
        # The anchor gives the output a gradient where x has none and the module's parameters do.
        anchor = torch.zeros((), device=x.device, requires_grad=any(p.requires_grad for p in self.parameters()))
        return checkpoint(self._run_checkpointed, x, anchor, **_FORM)

    def _run_checkpointed(self, x: Tensor, anchor: Tensor) -> Any:  # noqa: ARG002 - see forward
        if not torch.is_grad_enabled():  # the first time
            return super().forward(x)
        with still_statistics(self):
            return super().forward(x)


def refuse_checkpointed(method: str, model: nn.Module, blocks: List[ResidualBlock], advice: str) -> None:
    """Refuse a model of whose blocks some are, or are inside, a part that runs twice.

    Raises:
        UnsupportedModel: with each such block and part, and the advice.
    """
    parts = [(name, set(part.modules())) for name, part in model.named_modules() if isinstance(part, Checkpointed)]
    problems = [
        "%s: it runs twice, as %s is checkpointed." % (block.name, name or "the model itself")
        for block in blocks
        for name, inside in parts
        if block.module in inside
    ]
    if problems:
        raise UnsupportedModel(method, [*problems, advice])


@dataclass
class Checkpointing(Method):
    """Spend another forward pass for the memory of what blocks keep inside; gradients stay exact."""

    name: ClassVar[str] = "checkpointing"
    source: ClassVar[str] = (
        "Chen, Xu, Zhang, Guestrin: Training Deep Nets with Sublinear Memory Cost, arXiv 1604.06174; "
        "torch.utils.checkpoint"
    )

    parts: Optional[List[str]] = field(
        default=None,
        metadata={"help": "modules of one input, by name or pattern, none inside another; by default residual blocks"},
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.parts is not None:
            check_length("parts", self.parts, 1, 10000)

    def change(self, model: nn.Module) -> List[MethodedLayer]:
        """Let parts keep their inputs alone, in place."""
        chosen = self._chosen(model)
        modules = dict(model.named_modules())
        for name in chosen:
            extend(modules[name], Checkpointed)
        return [MethodedLayer(name, "%s, runs twice" % self.name) for name in chosen]

    def restore(self, model: nn.Module, layers: List[MethodedLayer]) -> None:
        """Let parts keep what is inside again."""
        modules = dict(model.named_modules())
        for layer in layers:
            unextend(modules[layer.name], Checkpointed)

    def _chosen(self, model: nn.Module) -> List[str]:
        if self.parts is None:
            chosen = [block.name for block in residual_blocks(model)]
            problems = [] if chosen else ["It has no residual blocks. Name its parts (option parts)."]
        else:
            names = [name for name, _ in model.named_modules()]
            chosen = [name for name in names if any(fits(name, entry) for entry in self.parts)]
            problems = ["%s: no module has this name." % e for e in self.parts if not any(fits(n, e) for n in names)]
            problems += [
                "%s: it is inside %s, which is a part too." % (inner, outer)
                for inner in chosen
                for outer in chosen
                if inner.startswith(outer + ".")
            ]
        problems += _gate_problems(model, chosen if self.parts is not None else [""])
        if problems:
            raise UnsupportedModel(self.name, problems)
        return chosen


def _gate_problems(model: nn.Module, parts: List[str]) -> List[str]:
    """What in the parts would be decided twice, and not alike; '' is the whole model."""
    return [
        "%s: its gate would decide anew in the backward pass. Choose parts without it (option parts)." % name
        for name, module in model.named_modules()
        if (isinstance(module, Selective) or (isinstance(module, Adaptor) and module.score is not None))
        and any(part in ("", name) or name.startswith(part + ".") for part in parts)
    ]
