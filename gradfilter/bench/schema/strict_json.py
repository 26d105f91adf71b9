"""Reading JSON as it may travel: finite numbers, each field once, and text that every database takes."""

import json
import math
from typing import Any, Dict, List, Tuple


def parse_json(body: bytes) -> Any:
    """A JSON value.

    Raises:
        json.JSONDecodeError: the body is not JSON in UTF-8, or holds NaN, Infinity, a number too large for a float, a
            field twice, a NUL character or half a surrogate pair.
    """
    try:
        text = body.decode()  # as UTF-8 and nothing else: json itself would guess, and let halves of pairs through
        value = json.loads(
            text, parse_constant=_refuse_constant, parse_float=_finite, object_pairs_hook=_without_repetition
        )
        if "\\u" in text:
            _check_text(json.dumps(value, ensure_ascii=False))
    except json.JSONDecodeError:
        raise
    except (ValueError, RecursionError) as error:
        raise json.JSONDecodeError(str(error), "", 0) from error
    return value


def _refuse_constant(name: str) -> float:
    raise ValueError("%s is no JSON number" % name)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("%s is too large" % text[:40])
    return number


def _without_repetition(fields: List[Tuple[str, Any]]) -> Dict[str, Any]:
    """Of a field that is there twice some readers take the first and others the last."""
    value = {}  # type: Dict[str, Any]
    for name, content in fields:
        if name in value:
            raise ValueError("the field %s is there twice" % json.dumps(name[:80]))
        value[name] = content
    return value


def _check_text(written: str) -> None:
    if "\\u0000" in written.replace("\\\\", ""):
        raise ValueError("text must not hold the character NUL")
    try:
        written.encode()
    except UnicodeEncodeError as error:
        raise ValueError("text must not hold half a surrogate pair") from error
