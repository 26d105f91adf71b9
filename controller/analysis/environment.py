"""Which runs may be compared: those whose conditions agree in everything that changes a measurement."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from gradfilter.bench.schema import RunRecord

# Key of RunRecord.environment → how a sentence calls it. A key that no run reports agrees everywhere.
MUST_AGREE = {
    "hostname": "device",
    "machine": "machine",
    "cpu": "processor",
    "python_version": "Python version",
    "torch_version": "torch version",
    "threads": "threads",
    "compute": "compute device",
    "gradient_filter_kernel": "gradient filter kernel",
    "governor": "CPU governor",
    "power_mode": "power mode",
}

Conditions = tuple[str, ...]


def conditions(record: RunRecord) -> Conditions:
    """The values of a run that must agree, as text, in the order of MUST_AGREE; '' where it reports none."""
    return tuple(_text(record.environment.get(key)) for key in MUST_AGREE)


def commonest_conditions(records: Sequence[RunRecord]) -> Conditions | None:
    """The conditions that most of the runs share; of equals, those of the earliest run."""
    counts = Counter(conditions(record) for record in records)
    return counts.most_common(1)[0][0] if counts else None


def differences(of: Conditions, from_: Conditions) -> list[str]:
    """What differs, in words: 'torch version 2.13.0 instead of 2.12.0'."""
    return [
        f"{name} {_or_unknown(a)} instead of {_or_unknown(b)}"
        for name, a, b in zip(MUST_AGREE.values(), of, from_, strict=True)
        if a != b
    ]


def common_environment(records: Sequence[RunRecord]) -> dict[str, str]:
    """Everything the runs report of their environment: the value where it agrees, else that it varied."""
    if not records:
        return {}
    flat = [_flatten(record.environment) for record in records]
    keys = list(dict.fromkeys(key for values in flat for key in values))
    return {key: _agreed([values.get(key, "") for values in flat]) for key in keys}


def _agreed(values: Sequence[str]) -> str:
    distinct = list(dict.fromkeys(values))
    if len(distinct) == 1:
        return distinct[0]
    return f"varied between runs, {_or_unknown(values[0])} in the first and {_or_unknown(values[-1])} in the last"


def _flatten(values: dict[str, Any], prefix: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for key, value in values.items():
        if isinstance(value, dict):
            flat |= _flatten(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = _text(value)
    return flat


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list):
        return ", ".join(_text(item) for item in value)
    return str(value)


def _or_unknown(value: str) -> str:
    return value or "unknown"
