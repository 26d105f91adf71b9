"""Which convolutions a method touches.

Candidates are the Conv2d that fit `layers` (names or shell-style patterns) and are of one of the
`types`; of these the last `last` are taken, in registration order. What is not given limits nothing.
Conv2d includes its subclasses; whether a method can handle one is the method's to say.
"""

import difflib
from fnmatch import fnmatchcase
from typing import List, NamedTuple, Optional, Tuple

from torch import nn

from gradfilter.bench.schema.checks import check_choice, check_length, check_range, check_unique
from gradfilter.errors import UnsupportedModel

NamedConvolution = Tuple[str, nn.Conv2d]

TYPES = ("standard", "pointwise", "depthwise", "grouped")

_MOST_LAYERS = 10000
_LONGEST_SHOWN = 100  # characters of a name that does not exist
_WILDCARDS = "*?["


# What the options that make a selection say of themselves, in every method that has them.
OPTIONS = {
    "last": {"help": "the last so many Conv2d in registration order, of those that fit layers and types"},
    "layers": {"help": "the Conv2d with these module names or patterns, such as layer4.*.conv?"},
    "types": {"help": "the Conv2d of these types only: " + ", ".join(TYPES)},
}


class LayerSelection(NamedTuple):
    """The last so many of the convolutions with these names or patterns and of these types; None: no limit."""

    last: Optional[int] = None
    layers: Optional[List[str]] = None
    types: Optional[List[str]] = None

    def check(self) -> None:
        """Refuse a selection that no model could satisfy.

        Raises:
            ValueError: naming the option.
        """
        if self.last is not None:
            check_range("last", self.last, 1, _MOST_LAYERS)
        if self.layers is not None:
            check_length("layers", self.layers, 1, _MOST_LAYERS)
            check_unique("layers", self.layers)
        if self.types is not None:
            check_length("types", self.types, 1, len(TYPES))
            check_unique("types", self.types)
            for kind in self.types:
                check_choice("types", kind, TYPES)
        if self.last and self.layers and not any(map(is_pattern, self.layers)) and self.last > len(self.layers):
            raise ValueError(
                "last must be at most %d, the number of names in layers, got %d." % (len(self.layers), self.last)
            )

    def convolutions(self, model: nn.Module, method: str) -> List[NamedConvolution]:
        """The selected convolutions of a model, named, in registration order.

        Raises:
            UnsupportedModel: there are fewer than asked for, or an entry of layers fits no Conv2d.
        """
        candidates = [(name, module) for name, module in model.named_modules() if isinstance(module, nn.Conv2d)]
        if self.layers is not None:
            refuse_strangers(model, method, candidates, self.layers)
            candidates = [(name, conv) for name, conv in candidates if any(fits(name, e) for e in self.layers)]
        if self.types is not None:
            candidates = [(name, conv) for name, conv in candidates if convolution_type(conv) in self.types]
        if len(candidates) < (self.last or 1):
            raise UnsupportedModel(method, [self._too_few(type(model).__name__, len(candidates))])
        return candidates[-self.last :] if self.last else candidates

    def _too_few(self, model: str, count: int) -> str:
        kind = " of type " + " or ".join(self.types) if self.types else ""
        names = " that fit layers" if self.layers else ""
        return "%s has %d Conv2d%s%s, and %d were asked for." % (model, count, kind, names, self.last or 1)


def convolution_type(conv: nn.Conv2d) -> str:
    """One of TYPES: pointwise is 1×1, depthwise has a group per input channel, grouped any other groups."""
    if conv.groups == 1:
        return "pointwise" if tuple(conv.kernel_size) == (1, 1) else "standard"
    return "depthwise" if conv.groups == conv.in_channels else "grouped"


def is_pattern(entry: str) -> bool:
    """Whether an entry can fit other names than itself."""
    return any(character in entry for character in _WILDCARDS)


def fits(name: str, entry: str) -> bool:
    """Whether a module's name is the entry or fits it as a pattern, in which * also covers dots."""
    return name == entry or fnmatchcase(name, entry)


def refuse_strangers(model: nn.Module, method: str, convolutions: List[NamedConvolution], entries: List[str]) -> None:
    """Refuse names and patterns that fit none of the model's convolutions.

    Raises:
        UnsupportedModel: with a sentence for each.
    """
    known = [name for name, _ in convolutions]
    strangers = [entry for entry in entries if not any(fits(name, entry) for name in known)]
    if strangers:
        raise UnsupportedModel(method, [_stranger_problem(model, known, entry) for entry in strangers])


def _stranger_problem(model: nn.Module, known: List[str], entry: str) -> str:
    modules = dict(model.named_modules())
    if entry in modules:
        inside = any(name.startswith(entry + ".") for name in known)
        hint = "Its convolutions are %s.*." % entry if inside else ""
        named = entry or "the model itself"
        return ("%s: it is a %s, not a Conv2d. %s" % (named, type(modules[entry]).__name__, hint)).strip()
    problem = "no Conv2d fits this pattern." if is_pattern(entry) else "there is no such module."
    shown = entry[:_LONGEST_SHOWN]
    return ("%s: %s %s" % (shown, problem, nearest(shown, known))).strip()


def nearest(entry: str, known: List[str]) -> str:
    """A sentence with the names most like an entry, or with the last of them; '' if there are none."""
    names = difflib.get_close_matches(entry, known, n=3)
    if names:
        return "Nearest: %s." % ", ".join(names)
    return "The last Conv2d is %s." % known[-1] if known else ""
