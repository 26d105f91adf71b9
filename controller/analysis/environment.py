"""Which runs may be compared: those whose conditions agree in everything that changes a measurement."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from gradfilter.bench.schema import RunRecord

# Key of RunRecord.environment → how a sentence calls it. A key that no run reports agrees everywhere. What differs from
# run to run by its nature (clocks, heat, load) is judged by concerns and void causes: docs/environment.md has both.
MUST_AGREE = {
    "board": "board",
    "machine": "machine",
    "cpu": "processor",
    "kernel": "kernel",
    "firmware": "firmware",
    "allocator": "C library (the allocator)",
    "swap_areas": "swap areas",
    "accelerator": "accelerator",
    "accelerator_driver": "accelerator's driver",
    "python": "Python version",
    "torch": "torch version",
    "torch_config": "torch's build",
    "timm": "timm version",
    "torchvision": "torchvision version",
    "segmentation_models_pytorch": "segmentation_models_pytorch version",
    "numpy": "NumPy version",
    "threads": "threads",
    "interop_threads": "interop threads",
    "affinity": "cores allowed",
    "niceness": "niceness",
    "governor": "CPU governor",
    "power_mode": "power mode",
    "profile": "board's profile",
    "transparent_hugepage": "transparent huge pages",
    "patch_passes": "passes over patches",
}
# Variables that allocators and thread pools read, as the worker reports them: all of them must agree.
VARIABLE_PREFIX = "env_"
_LONGEST = 80  # letters of a value that is quoted whole; torch describes its build in two thousand
# What happened in one run is no property that runs could share.
_OF_ONE_RUN = {"started_monotonic_s", "clock_step_s", "rehearsals", "gate"}

Conditions = tuple[tuple[str, str], ...]


def conditions(record: RunRecord) -> Conditions:
    """(key, value) of everything that must agree and that the run reports, sorted by key."""
    return tuple(
        sorted(
            (key, _text(value))
            for key, value in record.environment.items()
            if key in MUST_AGREE or key.startswith(VARIABLE_PREFIX)
        )
    )


def commonest_conditions(records: Sequence[RunRecord]) -> Conditions | None:
    """The conditions that most of the runs share; of equals, those of the earliest run."""
    counts = Counter(conditions(record) for record in records)
    return counts.most_common(1)[0][0] if counts else None


def differences(of: Conditions, from_: Conditions) -> list[str]:
    """What differs, in words: 'torch version 2.13.0 instead of 2.12.0'."""
    ours, theirs = dict(of), dict(from_)
    return [
        f"{_name(key)} {_shown(ours.get(key), theirs.get(key))} instead of {_shown(theirs.get(key), ours.get(key))}"
        for key in dict.fromkeys([*MUST_AGREE, *ours, *theirs])
        if ours.get(key) != theirs.get(key)
    ]


def _shown(value: str | None, other: str | None) -> str:
    """The value, or of a long one the words that the other has not."""
    if not value:
        return "unknown"
    if len(value) <= _LONGEST:
        return value
    ours, theirs = value.split(), (other or "").split()
    apart = " ".join(word for word in ours if word not in theirs)
    nothing_more = "in another order" if sorted(ours) == sorted(theirs) else "without that"
    return f"{apart[:_LONGEST]}…" if len(apart) > _LONGEST else apart or nothing_more


def _name(key: str) -> str:
    return MUST_AGREE.get(key, key.removeprefix(VARIABLE_PREFIX))


def common_environment(records: Sequence[RunRecord]) -> dict[str, str]:
    """Everything the runs report of their environment: the value where it agrees, else that it varied."""
    if not records:
        return {}
    flat = [_flatten(record.environment) for record in records]
    keys = list(dict.fromkeys(key for values in flat for key in values if key not in _OF_ONE_RUN))
    return {key: _agreed([values.get(key, "") for values in flat]) for key in keys}


def _agreed(values: Sequence[str]) -> str:
    distinct = list(dict.fromkeys(values))
    if len(distinct) == 1:
        return distinct[0]
    return f"varied between runs, {values[0] or 'unknown'} in the first and {values[-1] or 'unknown'} in the last"


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
