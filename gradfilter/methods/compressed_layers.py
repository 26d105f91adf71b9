"""The convolutions whose inputs a method compresses: those that train, and their way back."""

from typing import List

from torch import nn

from gradfilter.bench.schema import MethodedLayer
from gradfilter.compression import CompressedConv2d, compression_problem
from gradfilter.errors import UnsupportedModel
from gradfilter.methods.layer_selection import LayerSelection, NamedConvolution


def compressible_convolutions(model: nn.Module, selection: LayerSelection, method: str) -> List[NamedConvolution]:
    """The selected convolutions whose weights train; a frozen one needs no input for its backward pass.

    Raises:
        UnsupportedModel: one of them cannot be compressed, or none trains.
    """
    selected = [(name, conv) for name, conv in selection.convolutions(model, method) if conv.weight.requires_grad]
    if not selected:
        raise UnsupportedModel(method, ["none of the selected Conv2d is trained, so that none keeps its input."])
    problems = [(name or "the model itself", compression_problem(conv)) for name, conv in selected]
    sentences = ["%s: %s." % (name, problem) for name, problem in problems if problem]
    if sentences:
        raise UnsupportedModel(method, [*sentences, "Choose other layers (options last, layers, types)."])
    return selected


def restore_convolutions(model: nn.Module, layers: List[MethodedLayer]) -> None:
    """Turn compressed convolutions back into plain ones, in place."""
    modules = dict(model.named_modules())
    for layer in layers:
        module = modules[layer.name]
        if isinstance(module, CompressedConv2d):
            CompressedConv2d.restore(module)
