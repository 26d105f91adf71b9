"""Finding numbers in what a meter answers: a JSON document, or a number by itself."""

import json
import math
import re
from decimal import Decimal
from typing import Any

_STEP = re.compile(r"[^.\[\]]+")
_NUMBER = re.compile(r"[+-]?[0-9]{1,20}(\.[0-9]{1,20})?")
_MOST_KEYS, _LONGEST_WORD = 12, 40


class MeterError(OSError):
    """A meter gives no reading, and why, in a sentence that says what to do where something can be done."""


def parse(body: bytes) -> Any:
    """The JSON document. Its fractions are decimals, which keep the digits that were printed.

    Raises:
        MeterError: it is none.
    """
    try:
        return json.loads(body, parse_float=Decimal)
    except (ValueError, RecursionError):
        start = body[:_LONGEST_WORD].decode(errors="replace")
        raise MeterError(f"its answer is no JSON; it begins with {start!r}.") from None


def find(document: Any, path: str) -> Any:
    """What stands at a path such as meters[0].power; at '' the document itself.

    Raises:
        MeterError: there is no such place, and what there is instead.
    """
    place, walked = document, ""
    for step in _STEP.findall(path):
        if isinstance(place, dict) and step in place:
            place = place[step]
        elif isinstance(place, list) and step.isdecimal() and int(step) < len(place):
            place = place[int(step)]
        else:
            where = f"at {walked}" if walked else "at the top"
            raise MeterError(f"its answer has no {step!r} {where}; there {_described(place)}.")
        walked = f"{walked}.{step}" if walked else step
    return place


def number(document: Any, path: str) -> float:
    """The number at a path; one in quotes counts too.

    Raises:
        MeterError: there is none, or it is below 0, which no board takes.
    """
    value = find(document, path)
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        value = Decimal(value.strip())
    where = f"at {path}" if path else "in its answer"
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise MeterError(f"what stands {where} is no number: {_short(value)}.")
    found = _float(value)
    if not math.isfinite(found):
        raise MeterError(f"what stands {where} is no finite number.")
    if found < 0:
        raise MeterError(
            f"the number {where} is negative ({_short(value)}): is the meter connected the wrong way round?"
        )
    return found


def printed_step(document: Any, path: str) -> float:
    """One step of the last digit that was printed: 0.001 for 3.705, 1 for 42."""
    value = find(document, path)
    exponent = value.as_tuple().exponent if isinstance(value, Decimal) else 0
    return float(10 ** int(exponent))


def _float(value: float | Decimal) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _described(place: Any) -> str:
    if isinstance(place, dict):
        keys = [_short(key) for key in list(place)[:_MOST_KEYS]]
        more = ", …" if len(place) > _MOST_KEYS else ""
        return f"are {', '.join(keys)}{more}" if keys else "is nothing"
    if isinstance(place, list):
        return f"is a list of {len(place)}, counted from 0"
    return f"is {_short(place)}"


def _short(value: Any) -> str:
    text = str(value)
    text = "".join(character if character.isprintable() else "?" for character in text)
    return text if len(text) <= _LONGEST_WORD else text[:_LONGEST_WORD] + "…"
