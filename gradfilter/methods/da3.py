"""DA3: additive attention adaptors on a frozen backbone, one set for each domain.

Source: Yang, Rakin, Fan, CVPRW 2022, arXiv 2012.01362. What is certain from its abstract: the backbone is frozen, each
domain learns additive attention and a head, activations need not be kept, and the same module gates computation at
inference. The inside of the adaptor, its constants and the gate's rule are a reference specification of our own
(reference-spec-1), to be compared with the paper by whoever can read it.
"""

from dataclasses import dataclass, field
from typing import ClassVar, Dict, List, NamedTuple, Optional

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from gradfilter.bench.schema import MethodedLayer
from gradfilter.bench.schema.checks import check_choice, check_length, check_positive, check_range
from gradfilter.errors import UnsupportedModel
from gradfilter.extended import Extension, extend, unextend
from gradfilter.lean import make_lean, restore_plain
from gradfilter.methods.adaptors import Adaptor, GateRule, adapt, adaptors, leave_alone
from gradfilter.methods.checkpointing import refuse_checkpointed
from gradfilter.methods.heads import head_modules
from gradfilter.methods.layer_selection import fits
from gradfilter.methods.method import Method
from gradfilter.methods.residual_blocks import ResidualBlock, refuse_extended, residual_blocks
from gradfilter.methods.selective_blocks import Selective

_BEFORE = "da3_before"


class _Before(NamedTuple):
    """What the model was before: the parameters that were trained, and the layers that became lean."""

    trained: List[str]
    lean: List[str]


class KeepsStatistics(Extension):
    """A frozen BatchNorm: in evaluation whatever mode its model is in."""

    def train(self, mode: bool = True) -> "KeepsStatistics":  # noqa: ARG002 - nn.Module's signature
        """Stay in evaluation."""
        super().train(mode=False)
        return self


@dataclass
class DA3(Method):
    """Freeze a model but for its head, and learn an additive adaptor beside every block.

    Blocks are the residual ones; of a network without any, each convolution. What is frozen becomes lean, as with the
    method lean. domain_state and load_domain keep domains apart.
    """

    name: ClassVar[str] = "da3"
    source: ClassVar[str] = (
        "Yang, Rakin, Fan: DA3: Dynamic Additive Attention Adaption, CVPRW 2022, arXiv 2012.01362 (inside the adaptor "
        "a specification of our own, reference-spec-1)"
    )

    reduction: int = field(
        default=16, metadata={"help": "a block's input channels divided by its adaptor's; 8 or more"}
    )
    pool: int = field(default=4, metadata={"help": "outputs of a block along one side of a cell"})
    blocks: Optional[List[str]] = field(
        default=None, metadata={"help": "adapt the blocks with these module names or patterns only"}
    )
    adaptor_input_grad: bool = field(
        default=True, metadata={"help": "let gradients go through an adaptor to the block's input"}
    )
    gate: str = field(default="off", metadata={"help": "on: skip a block's cells at inference where it says so"})
    gate_target: float = field(default=0.5, metadata={"help": "share of cells that are to stay open"})
    gate_weight: float = field(default=0.1, metadata={"help": "weight in the loss of the squared distance from it"})
    gate_temperature: float = field(default=1.0, metadata={"help": "how softly a gate draws while it is trained"})

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("reduction", self.reduction, 1, 4096)
        check_range("pool", self.pool, 1, 4096)
        if self.blocks is not None:
            check_length("blocks", self.blocks, 1, 10000)
        check_choice("gate", self.gate, ["off", "on"])
        check_range("gate_target", self.gate_target, 0, 1)
        check_range("gate_weight", self.gate_weight, 0, 1e3)
        check_positive("gate_temperature", self.gate_temperature)

    def change(self, model: nn.Module) -> List[MethodedLayer]:
        """Freeze, make lean, and put adaptors beside the blocks, in place."""
        chosen, heads = self._chosen(model), self._heads(model)
        before = [name for name, parameter in model.named_parameters() if parameter.requires_grad]
        _train_only(model, heads)
        setattr(model, _BEFORE, _Before(before, list(make_lean(model))))
        _keep_statistics(model)
        for block in chosen:
            adapt(block, self._adaptor(block))
        words = "%s adaptor (reference-spec-1), cells of %d" % (self.name, self.pool)
        return [MethodedLayer(block.name, words) for block in chosen]

    def restore(self, model: nn.Module, layers: List[MethodedLayer]) -> None:  # noqa: ARG002
        """Take adaptors and lean layers away; train what was trained before."""
        leave_alone(model)
        before: _Before = getattr(model, _BEFORE)
        delattr(model, _BEFORE)
        for module in model.modules():
            if isinstance(module, KeepsStatistics):
                unextend(module, KeepsStatistics)
                module.train(model.training)
        restore_plain(model, before.lean)
        for name, parameter in model.named_parameters():
            parameter.requires_grad = name in before.trained

    def extra_loss(self, model: nn.Module) -> Optional[Tensor]:
        """With a gate, what the share of open cells costs where it is off its target."""
        shares = [adaptor.active for adaptor in adaptors(model) if adaptor.active is not None]
        if not shares:
            return None
        for adaptor in adaptors(model):
            adaptor.active = None  # it holds the step's graph
        return self.gate_weight * (torch.stack(shares).mean() - self.gate_target) ** 2

    def _chosen(self, model: nn.Module) -> List[ResidualBlock]:
        blocks = residual_blocks(model) or [
            ResidualBlock(name, module, "", "") for name, module in model.named_modules() if type(module) is nn.Conv2d
        ]
        if self.blocks is not None:
            strangers = [entry for entry in self.blocks if not any(fits(block.name, entry) for block in blocks)]
            if strangers:
                known = ", ".join(block.name for block in blocks)
                raise UnsupportedModel(self.name, ["%s: no block has this name; there are %s." % (strangers[0], known)])
            blocks = [block for block in blocks if any(fits(block.name, entry) for entry in self.blocks)]
        if not blocks:
            raise UnsupportedModel(self.name, ["It has neither a residual block nor an nn.Conv2d to adapt."])
        if self.gate == "on" and any(type(block.module) is nn.Conv2d for block in blocks):
            raise UnsupportedModel(self.name, ["It has no residual blocks, which a gate could skip. Set gate to off."])
        selected = "e2train selects it, sample by sample."
        refuse_extended(self.name, blocks, Selective, selected, "Set select of e2train to false, or leave da3 out.")
        # Around a checkpointed block an adaptor would give its attention to the first run alone.
        refuse_checkpointed(self.name, model, blocks, "Apply da3 before checkpointing.")
        return blocks

    def _heads(self, model: nn.Module) -> List[nn.Module]:
        linear: List[nn.Module] = [module for module in model.modules() if isinstance(module, nn.Linear)]
        heads = list(head_modules(model)) or linear[-1:]
        if not heads:
            raise UnsupportedModel(self.name, ["It has no head to train: no classifier and no nn.Linear."])
        return heads

    def _adaptor(self, block: ResidualBlock) -> Adaptor:
        branch = _branch(block)
        stride = 1
        for convolution in branch:
            stride *= convolution.stride[0]
        like = branch[0].weight
        adaptor = Adaptor(
            branch[0].in_channels,
            branch[-1].out_channels,
            reduction=self.reduction,
            pool=self.pool,
            stride=stride,
            learns_through=self.adaptor_input_grad,
            gate=GateRule(self.gate_temperature) if self.gate == "on" else None,
        )
        return adaptor.to(device=like.device, dtype=like.dtype)


def domain_state(model: nn.Module) -> Dict[str, Tensor]:
    """What one domain learned: a copy of every trained parameter, adaptors and head."""
    return {name: p.detach().clone() for name, p in model.named_parameters() if p.requires_grad}


def load_domain(model: nn.Module, state: Dict[str, Tensor]) -> None:
    """Make the model the one of a domain again, bit for bit.

    Raises:
        ValueError: the state is not of this model's trained parameters.
    """
    trained = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
    if set(trained) != set(state):
        different = ", ".join(sorted(set(trained) ^ set(state))[:3])
        raise ValueError(
            "the state of a domain must be of the parameters that the model trains; not so: %s." % different
        )
    with torch.no_grad():
        for name, parameter in trained.items():
            parameter.copy_(state[name])


def start_domain(model: nn.Module) -> None:
    """Begin a new domain: adaptors that give nothing, whatever head the model has."""
    for adaptor in adaptors(model):
        adaptor.start_at_zero()


def _train_only(model: nn.Module, heads: List[nn.Module]) -> None:
    model.requires_grad_(requires_grad=False)
    for head in heads:
        head.requires_grad_()


def _keep_statistics(model: nn.Module) -> None:
    for module in model.modules():
        if isinstance(module, _BatchNorm):
            extend(module, KeepsStatistics)
            module.eval()


def _branch(block: ResidualBlock) -> List[nn.Conv2d]:
    """The convolutions of a block that are not on its shortcut, in registration order."""
    past = set(block.module.get_submodule(block.shortcut).modules()) if block.shortcut else set()
    return [module for module in block.module.modules() if isinstance(module, nn.Conv2d) and module not in past]
