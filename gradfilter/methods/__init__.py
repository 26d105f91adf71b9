"""The training methods, and the table of them: one line per method."""

from typing import Dict, Tuple, Type

from gradfilter.methods.changes import changed_layers
from gradfilter.methods.comet import Comet
from gradfilter.methods.gradient_filter import GradientFilter
from gradfilter.methods.lean import Lean
from gradfilter.methods.method import Method

_ALL: Tuple[Type[Method], ...] = (GradientFilter, Lean, Comet)

METHODS: Dict[str, Type[Method]] = {method.name: method for method in _ALL}

__all__ = ["METHODS", "Comet", "GradientFilter", "Lean", "Method", "changed_layers"]
