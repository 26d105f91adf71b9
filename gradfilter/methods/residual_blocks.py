"""Which modules of a model are residual blocks: [activation of] a branch of convolutions plus a shortcut.

A module's own forward pass is traced with everything inside it opaque (torch.fx), so that any library's blocks
are found by what they compute and not by what they are called, whatever a method has put in front of them.
"""

import copy
import operator
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple, Type

import torch
from torch import Tensor, fx, nn

from gradfilter.errors import UnsupportedModel
from gradfilter.extended import Extension, as_it_was

_ADDITIONS = (operator.add, operator.iadd, torch.add, "add", "add_")


class ResidualBlock(NamedTuple):
    """A module (N, C, H, W) → (N, C', H', W') of one input, whose branch and shortcut are added.

    shortcut: the part on the way past the branch, '' where the input itself is added. activation: the part that alone
    is behind the sum, '' where there is none or it has other uses too.
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


def refuse_extended(
    method: str, blocks: Sequence[ResidualBlock], extension: Type[Extension], why: str, advice: str
) -> None:
    """Refuse blocks that another method has extended.

    Raises:
        UnsupportedModel: with each such block, why, and the advice.
    """
    problems = ["%s: %s" % (block.name, why) for block in blocks if isinstance(block.module, extension)]
    if problems:
        raise UnsupportedModel(method, [*problems, advice])


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
        nodes = list(_OwnForward().trace(as_it_was(module)).nodes)
    except Exception:  # noqa: BLE001 - whatever cannot be traced is no block that we know
        return []
    inputs = [node for node in nodes if node.op == "placeholder" and not node.args]
    last: Any = nodes[-1].args[0]
    if len(inputs) != 1 or not isinstance(last, fx.Node):
        return []
    addition, behind = _behind_the_sum(last, dict(module.named_modules()))
    if addition.target not in _ADDITIONS or len(addition.all_input_nodes) != 2:  # noqa: PLR2004 - branch and shortcut
        return []
    shortcut = _shortcut(module, inputs[0], addition.all_input_nodes)
    return [] if shortcut is None else [(shortcut, _activation(behind, nodes))]


def _behind_the_sum(last: fx.Node, parts: Dict[str, nn.Module]) -> Tuple[fx.Node, List[fx.Node]]:
    """The node in front of all that treats every number of a map by itself at a block's end, and those nodes."""
    node, behind = last, []
    while _is_elementwise(node, parts):
        behind.append(node)
        node = node.all_input_nodes[0]
    return node, behind


def _is_elementwise(node: fx.Node, parts: Dict[str, nn.Module]) -> bool:
    """Whether a node makes of a map, its numbers in another order, the same numbers in that order: no pooling does."""
    if len(node.all_input_nodes) != 1 or _has_state(node, parts):
        return False
    maps = torch.linspace(-4, 4, 72).view(2, 4, 3, 3)
    order = torch.randperm(maps.numel(), generator=torch.Generator().manual_seed(0))
    try:
        with torch.no_grad():
            plain, other = (_computed(node, parts, x) for x in (maps, maps.flatten()[order].view_as(maps)))
        return torch.allclose(plain.flatten()[order].view_as(maps), other)
    except Exception:  # noqa: BLE001 - what does not even take a map is no activation
        return False


def _has_state(node: fx.Node, parts: Dict[str, nn.Module]) -> bool:
    """Whether it is a module with numbers of its own, as a normalisation has: no activation, however fresh."""
    return node.op == "call_module" and next(parts[str(node.target)].buffers(), None) is not None


def _computed(node: fx.Node, parts: Dict[str, nn.Module], x: Tensor) -> Any:
    """What a node of one input makes of x in evaluation. x and the module stay as they are, which may lie elsewhere."""
    given: Any = (node.args, node.kwargs)
    args, kwargs = fx.node.map_arg(given, lambda _: x.clone())
    if node.op == "call_module":
        return copy.deepcopy(parts[str(node.target)]).cpu().float().eval().forward(*args, **kwargs)
    function: Any = getattr(torch.Tensor, str(node.target)) if node.op == "call_method" else node.target
    return function(*args, **kwargs)


def _activation(behind: Sequence[fx.Node], nodes: Sequence[fx.Node]) -> str:
    """The part that is all there is behind the sum and nowhere else in the block, or ''."""
    if len(behind) != 1 or behind[0].op != "call_module":
        return ""
    target = behind[0].target
    return str(target) if [node.target for node in nodes].count(target) == 1 else ""


def _shortcut(module: nn.Module, source: fx.Node, operands: Sequence[fx.Node]) -> Optional[str]:
    """The part on the shorter of the two ways, '' for the input itself; None if neither or each way is a shortcut."""
    parts = dict(module.named_modules())
    lengths = [_convolutions_on_the_way(operand, parts) for operand in operands]
    if lengths[0] == lengths[1]:
        return None
    way = operands[lengths.index(min(lengths))]
    if way is source:
        return ""
    return str(way.target) if way.op == "call_module" and way.all_input_nodes == [source] else None


def _convolutions_on_the_way(node: fx.Node, parts: Dict[str, nn.Module]) -> int:
    """How many convolutions a node's result has gone through."""
    seen, waiting, count = {node}, [node], 0
    while waiting:
        current = waiting.pop()
        if current.op == "call_module":
            count += sum(isinstance(inner, nn.Conv2d) for inner in parts[str(current.target)].modules())
        fresh = [before for before in current.all_input_nodes if before not in seen]
        seen.update(fresh)
        waiting += fresh
    return count


def _has_convolution(module: nn.Module) -> bool:
    return any(isinstance(inner, nn.Conv2d) for inner in module.modules())
