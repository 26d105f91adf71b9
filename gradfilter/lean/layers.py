"""Which layers have a lean twin, and turning the one into the other in place.

A module stays the same object, with its parameters, hooks and state dict; only its class changes. Only PyTorch's
own classes are turned, and one of timm's, since a subclass may compute something else.
"""

from typing import Any, Callable, Dict, List, NamedTuple, Type, cast

from torch import nn

from gradfilter.extended import Extension, extend, unextend
from gradfilter.lean.activation import LeanLeakyReLU, LeanReLU, LeanReLU6
from gradfilter.lean.convolution import LeanConv2d, convolution_is_lean
from gradfilter.lean.normalisation import (
    LeanBatchNorm2d,
    LeanNormalisedActivation,
    is_normalised_activation,
    normalisation_is_lean,
)
from gradfilter.lean.pooling import LeanAdaptiveAvgPool2d, LeanAvgPool2d, LeanMaxPool2d, max_pooling_is_lean


class Twin(NamedTuple):
    """A layer's lean class, what it keeps of its input, and when there is something to gain."""

    lean: Type[nn.Module]
    keeps: str
    gains: Callable[[Any], bool] = lambda _: True


TWINS: Dict[Type[nn.Module], Twin] = {
    nn.Conv2d: Twin(LeanConv2d, "nothing", convolution_is_lean),
    nn.BatchNorm2d: Twin(LeanBatchNorm2d, "nothing in evaluation", normalisation_is_lean),
    nn.ReLU: Twin(LeanReLU, "a bit per value"),
    nn.ReLU6: Twin(LeanReLU6, "a bit per value"),
    nn.LeakyReLU: Twin(LeanLeakyReLU, "a bit per value"),
    nn.MaxPool2d: Twin(LeanMaxPool2d, "a byte per window", max_pooling_is_lean),
    nn.AvgPool2d: Twin(LeanAvgPool2d, "nothing"),
    nn.AdaptiveAvgPool2d: Twin(LeanAdaptiveAvgPool2d, "nothing"),
}

# timm's class itself is not at hand here: put in front of it, whichever timm it comes from.
_NORMALISED_ACTIVATION = Twin(LeanNormalisedActivation, "nothing in evaluation", normalisation_is_lean)

_PLAIN: Dict[Type[nn.Module], Type[nn.Module]] = {twin.lean: plain for plain, twin in TWINS.items()}


def make_lean(model: nn.Module) -> Dict[str, str]:
    """Turn every layer that has something to gain into its lean twin; what each keeps of its input, by module name."""
    kept: Dict[str, str] = {}
    for name, module in model.named_modules():
        twin = _NORMALISED_ACTIVATION if is_normalised_activation(module) else TWINS.get(type(module))
        if twin is not None and twin.gains(module):
            _turn(module, twin.lean)
            kept[name] = twin.keeps
    return kept


def restore_plain(model: nn.Module, names: List[str]) -> None:
    """Turn the lean layers of these names back into what they were."""
    modules = dict(model.named_modules())
    for name in names:
        unextend(modules[name], LeanNormalisedActivation)
        plain = _PLAIN.get(type(modules[name]))
        if plain is not None:
            _turn(modules[name], plain)


def _turn(module: nn.Module, kind: Type[nn.Module]) -> None:
    if issubclass(kind, Extension):
        extend(module, kind)
    else:
        cast("Any", module).__class__ = kind
