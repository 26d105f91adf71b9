"""Checks of single fields, each raising one ValueError that names the field.

A ValueError in a dataclass's __post_init__ becomes FastAPI's 422 without the field's location,
so the sentence itself must carry it. Types are checked by pydantic on the services' side and by
gradfilter.bench.decoding in the worker; here only what a type cannot say.
"""

import re
from math import isfinite
from typing import Any, Sequence, Sized

REFUSE_UNKNOWN_KEYS = {"extra": "forbid"}  # a dataclass's __pydantic_config__

_LONGEST_WORD = 100
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:+/\-]*\Z")
_WEIGHTS = re.compile(r"(random|pretrained|file:[A-Za-z0-9][A-Za-z0-9._/\-]*)\Z")
_TRAINABLE = re.compile(r"(all|head|bias|last:[1-9][0-9]{0,3})\Z")


def check_range(name: str, value: float, low: float, high: float) -> None:
    """Refuse a number outside [low, high], and NaN."""
    if not low <= value <= high:
        bound = "at least %g" % low if value < low else "between %g and %g" % (low, high)
        raise ValueError("%s must be %s, got %r." % (name, bound, value))


def check_positive(name: str, value: float) -> None:
    """Refuse zero, negative, NaN and infinite numbers."""
    if not (value > 0 and isfinite(value)):
        raise ValueError("%s must be greater than 0 and finite, got %r." % (name, value))


def check_choice(name: str, value: str, choices: Sequence[str]) -> None:
    """Refuse a value that is not one of the choices."""
    if value not in choices:
        raise ValueError("%s must be one of %s, got %r." % (name, ", ".join(choices), value))


def check_length(name: str, value: Sized, low: int, high: int) -> None:
    """Refuse a list, mapping or text of the wrong length."""
    if not low <= len(value) <= high:
        raise ValueError("%s must have %d to %d entries, got %d." % (name, low, high, len(value)))


def check_unique(name: str, values: Sequence[str]) -> None:
    """Refuse a list that names one thing twice."""
    twice = sorted({value for value in values if list(values).count(value) > 1})
    if twice:
        raise ValueError("%s must be distinct, got %s more than once." % (name, ", ".join(map(repr, twice))))


def check_word(name: str, value: str) -> None:
    """Refuse a name that is empty, long or holds more than letters, digits and . _ : + / -."""
    if len(value) > _LONGEST_WORD or not _WORD.match(value) or ".." in value:
        raise ValueError(
            "%s must be 1 to %d letters, digits or . _ : + / - and start with a letter or digit, got %r."
            % (name, _LONGEST_WORD, value[:120])
        )


def check_weights(name: str, value: str) -> None:
    """Refuse anything but 'random', 'pretrained' or 'file:' with a path below the board's weights folder."""
    if len(value) > _LONGEST_WORD or not _WEIGHTS.match(value) or ".." in value:
        raise ValueError(
            "%s must be 'random', 'pretrained' or 'file:NAME' with the name of a file in the board's weights folder, "
            "got %r." % (name, value[:120])
        )


def check_trainable(name: str, value: Any) -> None:
    """Refuse anything but 'all', 'last:k', 'head', 'bias' or a list of module names."""
    if isinstance(value, str):
        if not _TRAINABLE.match(value):
            raise ValueError(
                "%s must be 'all', 'last:k' with k at least 1, 'head', 'bias' or a list of module names, got %r."
                % (name, value[:120])
            )
        return
    check_length(name, value, 1, 1000)
    for module in value:
        check_word(name, module)
