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

_VARIANT = re.compile(r"(?:(?P<name>[^=:+]+)=)?(?P<methods>.+)")
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
    methods = [_parse_method(part, text) for part in match["methods"].split("+")]
    return {"name": match["name"] or _NOT_A_NAME.sub("_", match["methods"]).strip("_"), "methods": methods}


def _parse_method(part: str, text: str) -> dict[str, Any]:
    name, _, listed = part.partition(":")
    options = dict(_parse_option(option, text) for option in listed.split(",") if option)
    if not name or "=" in name:
        raise InputError(f"--method must be {METHOD_FORM}, got {text!r}.")
    return {"name": name, "options": options}


def _parse_option(option: str, text: str) -> tuple[str, Any]:
    """An option's value is read as JSON, so that 4 is a number and true a truth; anything else is text."""
    name, equals, value = option.partition("=")
    if not (name and equals and value):
        raise InputError(f"--method must be {METHOD_FORM}, got {option!r} in {text!r}.")
    try:
        return name, json.loads(value)
    except (ValueError, RecursionError):
        return name, value
