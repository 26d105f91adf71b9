"""Which convolutions a method touches."""

import difflib
from typing import List, Optional, Tuple

from torch import nn

from gradfilter.bench.schema.checks import check_length, check_range, check_unique
from gradfilter.errors import UnsupportedModel

NamedConvolution = Tuple[str, nn.Conv2d]

_MOST_LAYERS = 10000


def check_selection(last: Optional[int], layers: Optional[List[str]]) -> None:
    """Refuse a selection that no model could satisfy.

    Raises:
        ValueError: naming the option.
    """
    if last is not None and layers is not None:
        raise ValueError("last and layers exclude each other: give one of them, or neither for every convolution.")
    if last is not None:
        check_range("last", last, 1, _MOST_LAYERS)
    if layers is not None:
        check_length("layers", layers, 1, _MOST_LAYERS)
        check_unique("layers", layers)


def select_convolutions(
    model: nn.Module, method: str, last: Optional[int] = None, layers: Optional[List[str]] = None
) -> List[NamedConvolution]:
    """The model's last `last` Conv2d, those with these names, or all of them, in registration order.

    Conv2d includes its subclasses; whether the method can handle one is the method's to say.

    Raises:
        UnsupportedModel: there are fewer Conv2d than asked for, or names that are no Conv2d.
    """
    convolutions = [(name, module) for name, module in model.named_modules() if isinstance(module, nn.Conv2d)]
    if layers is not None:
        return _with_names(model, method, convolutions, layers)
    if len(convolutions) < (last or 1):
        raise UnsupportedModel(
            method,
            ["%s has %d Conv2d, and %d were asked for." % (type(model).__name__, len(convolutions), last or 1)],
        )
    return convolutions[-last:] if last else convolutions


def _with_names(
    model: nn.Module, method: str, convolutions: List[NamedConvolution], layers: List[str]
) -> List[NamedConvolution]:
    known = [name for name, _ in convolutions]
    problems = [_name_problem(model, known, name) for name in layers if name not in known]
    if problems:
        raise UnsupportedModel(method, problems)
    return [(name, module) for name, module in convolutions if name in layers]


def _name_problem(model: nn.Module, known: List[str], name: str) -> str:
    modules = dict(model.named_modules())
    if name in modules:
        return "%s: it is a %s, not a Conv2d." % (name, type(modules[name]).__name__)
    nearest = difflib.get_close_matches(name, known, n=3)
    hint = "Nearest: %s." % ", ".join(nearest) if nearest else "Its last Conv2d is %s." % known[-1] if known else ""
    return ("%s: there is no such module. %s" % (name, hint)).strip()
