"""Lean layers: the same training, with less kept for the backward pass.

Stock PyTorch keeps inputs that no gradient needs where layers are frozen, so that freezing alone saves little memory.
Own engineering after PyTorch issues 42371 and 133566, which describe it; no training method.
"""

from dataclasses import dataclass
from typing import ClassVar, List

from torch import nn

from gradfilter.bench.schema import MethodedLayer
from gradfilter.errors import UnsupportedModel
from gradfilter.lean import make_lean, restore_plain
from gradfilter.methods.method import Method


@dataclass
class Lean(Method):
    """Replace frozen convolutions and BatchNorm, activations and pooling by layers that keep what gradients need.

    Outputs and gradients stay exact. What is frozen must be frozen before; trained convolutions stay plain. An
    activation between two trained convolutions is kept by the second as its input anyway, and its bits come on top.
    """

    name: ClassVar[str] = "lean"
    source: ClassVar[str] = "own engineering; the waste that it avoids is described in PyTorch issues 42371 and 133566"

    def change(self, model: nn.Module) -> List[MethodedLayer]:
        """Turn layers into their lean twins, in place."""
        kept = make_lean(model)
        if not kept:
            raise UnsupportedModel(
                self.name,
                ["It has no frozen Conv2d or BatchNorm2d, piecewise linear activation or pooling of PyTorch's own."],
            )
        return [MethodedLayer(name, "%s keeps %s" % (self.name, keeps)) for name, keeps in kept.items()]

    def restore(self, model: nn.Module, layers: List[MethodedLayer]) -> None:
        """Turn the lean layers back into PyTorch's own, in place."""
        restore_plain(model, [layer.name for layer in layers])
