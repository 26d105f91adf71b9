"""Which modules of a model are residual blocks: [activation of] a branch of convolutions plus a shortcut.

A module's own forward pass is traced with everything inside it opaque (torch.fx), so that any library's blocks
are found by what they compute and not by what they are called.
"""

import operator
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

import torch
from torch import Tensor, fx, nn

_ADDITIONS = (operator.add, operator.iadd, torch.add, "add", "add_")


class ResidualBlock(NamedTuple):
    """A module (N, C, H, W) → (N, C', H', W') of one input, whose branch and shortcut are added.

    shortcut: the child on the way past the branch, '' where the input itself is added. activation: the child
    through which the sum goes last, '' where there is none or it has other uses too.
    """

    name: str
    module: nn.Module
    shortcut: str
    activation: str

    def past(self, x: Tensor) -> Tensor:
        """What the shortcut gives for an input."""
        if not self.shortcut:
            return x
        result: Tensor = self.module.get_submodule(self.shortcut)(x)
        return result


def residual_blocks(model: nn.Module) -> List[ResidualBlock]:
    """The innermost residual blocks in registration order, which is taken for the order of the forward pass."""
    return list(_inside("", model))


def _inside(name: str, module: nn.Module) -> Iterator[ResidualBlock]:
    blocks = [
        block
        for child_name, child in module.named_children()
        for block in _inside(".".join(filter(None, (name, child_name))), child)
    ]
    if not blocks and _has_convolution(module):
        blocks = [ResidualBlock(name, module, *ends) for ends in _ends(module)]
    yield from blocks


class _OwnForward(fx.Tracer):
    """Traces what a module does itself; its children are single steps."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:  # noqa: ARG002 - fx's signature
        return True


def _ends(module: nn.Module) -> List[Tuple[str, str]]:
    """Shortcut and last activation of a residual block, or nothing where the module is none."""
    if isinstance(module, (nn.Sequential, nn.ModuleList, nn.ModuleDict)):
        return []
    try:
        with torch.no_grad():  # a checkpointed block is then as plain as it was
            nodes = list(_OwnForward().trace(module).nodes)
    except Exception:  # noqa: BLE001 - whatever cannot be traced is no block that we know
        return []
    inputs = [node for node in nodes if node.op == "placeholder" and not node.args]
    last: Any = nodes[-1].args[0]
    if len(inputs) != 1 or not isinstance(last, fx.Node):
        return []
    addition, activation = _behind_activations(last, dict(module.named_children()))
    if [node.target for node in nodes].count(activation) != 1:  # elsewhere in the block too
        activation = ""
    if addition.target not in _ADDITIONS or len(addition.all_input_nodes) != 2:  # noqa: PLR2004 - branch and shortcut
        return []
    shortcut = _shortcut(module, inputs[0], addition.all_input_nodes)
    return [] if shortcut is None else [(shortcut, activation)]


def _behind_activations(last: fx.Node, children: Dict[str, nn.Module]) -> Tuple[fx.Node, str]:
    """The node before everything without parameters that a map goes through last, and the first such child."""
    node, activation = last, ""
    while len(node.all_input_nodes) == 1 and (
        node.op != "call_module" or not any(True for _ in children[str(node.target)].parameters())
    ):
        activation = str(node.target) if node.op == "call_module" else ""
        node = node.all_input_nodes[0]
    return node, activation


def _shortcut(module: nn.Module, source: fx.Node, operands: Sequence[fx.Node]) -> Optional[str]:
    """The child on the shorter of the two ways, '' for the input itself; None if neither or each way is a shortcut."""
    children = dict(module.named_children())
    lengths = [_convolutions_on_the_way(operand, children) for operand in operands]
    if lengths[0] == lengths[1]:
        return None
    way = operands[lengths.index(min(lengths))]
    if way is source:
        return ""
    return str(way.target) if way.op == "call_module" and way.all_input_nodes == [source] else None


def _convolutions_on_the_way(node: fx.Node, children: Dict[str, nn.Module]) -> int:
    """How many convolutions a node's result has gone through."""
    seen, waiting, count = {node}, [node], 0
    while waiting:
        current = waiting.pop()
        if current.op == "call_module":
            count += sum(isinstance(inner, nn.Conv2d) for inner in children[str(current.target)].modules())
        fresh = [before for before in current.all_input_nodes if before not in seen]
        seen.update(fresh)
        waiting += fresh
    return count


def _has_convolution(module: nn.Module) -> bool:
    return any(isinstance(inner, nn.Conv2d) for inner in module.modules())
