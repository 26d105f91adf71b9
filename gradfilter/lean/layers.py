"""Which layers have a lean twin, and turning the one into the other in place.

A module stays the same object, with its parameters, hooks and state dict; its class is extended. Only PyTorch's
own classes are turned, and one of timm's, since a subclass may compute something else.
"""

from typing import Any, Callable, Dict, List, NamedTuple, Tuple, Type

from torch import nn

from gradfilter.extended import Extension, extend, unextend
from gradfilter.lean.activation import SLOPES, LeanActivation
from gradfilter.lean.convolution import LeanConvolution, convolution_is_lean
from gradfilter.lean.normalisation import (
    LeanNormalisation,
    LeanNormalisedActivation,
    is_normalised_activation,
    normalisation_is_lean,
)
from gradfilter.lean.pooling import LeanAdaptivePooling, LeanAveragePooling, LeanMaxPooling, max_pooling_is_lean


class Twin(NamedTuple):
    """What makes layers of a kind lean, what they then keep of their input, and when there is something to gain."""

    is_for: Callable[[nn.Module], bool]
    lean: Type[Extension]
    keeps: str
    gains: Callable[[Any], bool] = lambda _: True


def exactly(*kinds: Type[nn.Module]) -> Callable[[nn.Module], bool]:
    """Whether a module is of one of these classes itself."""
    return lambda module: type(module) in kinds


TWINS: Tuple[Twin, ...] = (
    Twin(exactly(nn.Conv2d), LeanConvolution, "nothing", convolution_is_lean),
    Twin(exactly(nn.BatchNorm2d), LeanNormalisation, "nothing in evaluation", normalisation_is_lean),
    Twin(is_normalised_activation, LeanNormalisedActivation, "nothing in evaluation", normalisation_is_lean),
    Twin(exactly(*SLOPES), LeanActivation, "a bit per value"),
    Twin(exactly(nn.MaxPool2d), LeanMaxPooling, "a byte per window", max_pooling_is_lean),
    Twin(exactly(nn.AvgPool2d), LeanAveragePooling, "nothing"),
    Twin(exactly(nn.AdaptiveAvgPool2d), LeanAdaptivePooling, "nothing"),
)


def make_lean(model: nn.Module) -> Dict[str, str]:
    """Give every layer that has something to gain its lean twin; what each keeps of its input, by module name."""
    kept: Dict[str, str] = {}
    for name, module in model.named_modules():
        for twin in TWINS:
            if twin.is_for(module) and twin.gains(module):
                extend(module, twin.lean)
                kept[name] = twin.keeps
    return kept


def restore_plain(model: nn.Module, names: List[str]) -> None:
    """Turn the lean layers of these names back into what they were, whatever else was done to them since."""
    modules = dict(model.named_modules())
    for name in names:
        for twin in TWINS:
            unextend(modules[name], twin.lean)
