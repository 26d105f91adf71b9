"""A job from what a user typed: a JSON file, or flags.

The result is the plain mapping that is sent; whether it can be run is the controller's to judge.
"""

import json
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

BASELINE = {"name": "baseline", "methods": []}
METHOD_FORM = "[NAME=]METHOD[:OPTION=VALUE,…][+METHOD…], for example gradient_filter:patch_size=4,last=4"

_VARIANT = re.compile(r"(?:(?P<name>[^=:+]+)=)?(?P<methods>.+)", re.DOTALL)
_LONGEST_NAME = 100
_TEXT_OR_CHARACTER = re.compile(r'"(?:[^"\\]|\\.)*"|.', re.DOTALL)
_NOT_A_NAME = re.compile(r"[^A-Za-z0-9._]+")


class InputError(ValueError):
    """What the user typed does not make a job; str() says what would."""


def job_from_file(path: Path, changes: Mapping[str, Any]) -> dict[str, Any]:
    """The job in a JSON file ('-' reads standard input), with the fields that flags gave replaced."""
    try:
        text = sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read the job file {str(path)!r}: {getattr(error, 'strerror', error)}.") from error
    try:
        job = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"the job file {str(path)!r} is not JSON: {error}.") from error
    if not isinstance(job, dict):
        raise InputError(f"the job file {str(path)!r} must hold one JSON object, got a {type(job).__name__}.")
    return {**job, **changes}


def job_from_flags(workload: Mapping[str, Any], methods: Sequence[str], changes: Mapping[str, Any]) -> dict[str, Any]:
    """A training job from flags: the baseline, then one variant for each --method."""
    variants = [BASELINE, *(parse_variant(text) for text in methods)]
    return {"workload": {"kind": "training", **workload}, "variants": variants, **changes}


def parse_variant(text: str) -> dict[str, Any]:
    """A variant as a flag writes it: [NAME=]METHOD[:OPTION=VALUE,…][+METHOD…]."""
    match = _VARIANT.fullmatch(text)
    if match is None:
        raise InputError(f"--method must be {METHOD_FORM}, got {text!r}.")
    methods = [_parse_method(part, text) for part in _split(match["methods"], "+")]
    name = match["name"] or _NOT_A_NAME.sub("_", match["methods"]).strip("_")
    if len(name) > _LONGEST_NAME:
        raise InputError(f"a --method with so many options needs a short name before it: NAME={match['methods'][:60]}…")
    return {"name": name, "methods": methods}


def _parse_method(part: str, text: str) -> dict[str, Any]:
    name, _, listed = part.partition(":")
    options = dict(_parse_option(option, text) for option in _split(listed, ",") if option)
    if not name or "=" in name:
        raise InputError(f"--method must be {METHOD_FORM}, got {text!r}.")
    return {"name": name, "options": options}


def _parse_option(option: str, text: str) -> tuple[str, Any]:
    """An option's value is read as JSON, so that 4 is a number and true a truth; any other word is text.

    What begins like a list or an object is meant as one, which it is not without the quotation marks that shells take.
    """
    name, equals, value = option.partition("=")
    if not (name and equals and value):
        raise InputError(f"--method must be {METHOD_FORM}, got {option!r} in {text!r}.")
    try:
        return name, json.loads(value)
    except (ValueError, RecursionError) as error:
        if value[0] not in "[{":
            return name, value
        raise InputError(
            f"{name} must be JSON, got {value!r:.120}; lists and objects keep their quotation marks where the whole "
            "--method stands in single ones: 'gradient_filter:layers=[\"layer4.*\"]'."
        ) from error


def _split(text: str, separator: str) -> list[str]:
    """Split where the separator stands outside the brackets, braces and quotation marks of JSON."""
    parts, depth = [""], 0
    for token in _TEXT_OR_CHARACTER.findall(text):
        depth += (token in ("[", "{")) - (token in ("]", "}"))
        if token == separator and depth <= 0:
            parts.append("")
        else:
            parts[-1] += token
    return parts
