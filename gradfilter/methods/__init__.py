"""The training methods, and the table of them: one line per method."""

from typing import Dict, Tuple, Type

from gradfilter.methods.changes import changed_layers
from gradfilter.methods.checkpointing import Checkpointing
from gradfilter.methods.comet import Comet
from gradfilter.methods.da3 import DA3
from gradfilter.methods.e2train import E2Train
from gradfilter.methods.gradient_filter import GradientFilter
from gradfilter.methods.lean import Lean
from gradfilter.methods.low_rank import LowRank
from gradfilter.methods.method import Method
from gradfilter.methods.virtual_pooling import VirtualPooling

_ALL: Tuple[Type[Method], ...] = (
    GradientFilter,
    DA3,
    Comet,
    E2Train,
    Lean,
    VirtualPooling,
    LowRank,
    Checkpointing,
)

METHODS: Dict[str, Type[Method]] = {method.name: method for method in _ALL}

__all__ = [
    "DA3",
    "METHODS",
    "Checkpointing",
    "Comet",
    "E2Train",
    "GradientFilter",
    "Lean",
    "LowRank",
    "Method",
    "VirtualPooling",
    "changed_layers",
]
