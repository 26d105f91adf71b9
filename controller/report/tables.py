"""The report for programs: JSON is the comparison itself, CSV one line per variant, part and metric.

A layer of a profiled job is a part. Both are derived from the verdict types, so that a field added there appears here.
A published figure is a line of its own in columns of its own.
"""

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import asdict, fields
from typing import Any, get_args, get_type_hints

from controller.analysis.estimate import Estimate
from controller.analysis.verdicts import Comparison, MeterError, MetricValue, PublishedResult, Verdict

_IDENTITY = ("job_id", "device", "variant", "methods", "part")
_PUBLISHED = ("value", "against", "approximate", "measured_on", "source")
_HINTS = get_type_hints(MetricValue)
_NESTED = (Estimate, MeterError, Verdict)


def render_json(comparison: Comparison) -> str:
    """The whole comparison as strict JSON; a value that is not finite is an error, not a NaN."""
    return json.dumps(asdict(comparison), ensure_ascii=False, allow_nan=False, indent=2) + "\n"


def render_csv(comparison: Comparison) -> str:
    """A line per variant, part and metric, in the metric's own unit; several run values are split by spaces."""
    text = io.StringIO()
    columns = [*_IDENTITY, *_columns(), *(f"published_{name}" for name in _PUBLISHED)]
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(_lines(comparison))
    return text.getvalue()


def _lines(comparison: Comparison) -> Iterator[dict[str, Any]]:
    for variant in comparison.variants:
        for part in variant.parts:
            identity = _identity(comparison, variant.variant, variant.methods, part.part)
            yield from (identity | _flat(value) for value in part.metrics.values())
        for layer, ways in variant.time_by_layer.items():
            identity = _identity(comparison, variant.variant, variant.methods, layer)
            yield from (identity | _flat(value) for value in ways.values())
    methods = {variant.variant: variant.methods for variant in comparison.variants}
    yield from _across(comparison, methods)
    for figure in comparison.published:
        yield _identity(comparison, figure.variant, methods[figure.variant], figure.part) | _reported(figure)


def _across(comparison: Comparison, methods: dict[str, str]) -> Iterator[dict[str, Any]]:
    """The other boards' lines, and after each metric's that of the effect over boards, which belongs to several."""
    for effect in comparison.across.effects if comparison.across is not None else []:
        what = (effect.variant, methods[effect.variant], effect.part)
        for board in effect.boards:
            if board.job_id != comparison.job_id:
                yield _who(board.job_id, board.device, *what) | _flat(board.value)
        if effect.over_boards is not None:
            counted = [board for board in effect.boards if board.value.ratio or board.value.difference]
            jobs, devices = ([getattr(board, name) for board in counted] for name in ("job_id", "device"))
            yield _who(" ".join(jobs), " ".join(devices), *what) | _flat(effect.over_boards)


def _identity(comparison: Comparison, variant: str, methods: str, part: str) -> dict[str, Any]:
    return _who(comparison.job_id, comparison.device, variant, methods, part)


def _who(*who: str) -> dict[str, Any]:
    return dict(zip(_IDENTITY, map(_literal, who), strict=True))


def _reported(figure: PublishedResult) -> dict[str, Any]:
    """A published figure; what was measured beside it has lines of its own."""
    what = {name: getattr(figure, name) for name in ("metric", "title", "unit", "kind")}
    cells = what | {f"published_{name}": getattr(figure, name) for name in _PUBLISHED}
    return {name: _literal(cell) if isinstance(cell, str) else cell for name, cell in cells.items()}


def _columns() -> list[str]:
    return [column for field in fields(MetricValue) for column in _columns_of(field.name)]


def _columns_of(name: str) -> list[str]:
    nested = _nested(name)
    return [f"{name}_{field.name}" for field in fields(nested)] if nested else [name]


def _flat(value: MetricValue) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for field in fields(MetricValue):
        found = getattr(value, field.name)
        nested = _nested(field.name)
        if nested:
            flat |= {f"{field.name}_{f.name}": _cell(getattr(found, f.name, None)) for f in fields(nested)}
        else:
            flat[field.name] = _cell(found)
    return flat


def _cell(found: Any) -> Any:
    """Several values are split by spaces, of a mapping as name=value."""
    if isinstance(found, dict):
        return " ".join(f"{name}={value!r}" for name, value in found.items())
    if isinstance(found, tuple):
        return " ".join(one if isinstance(one, str) else repr(one) for one in found)
    return _literal(found) if isinstance(found, str) else found


def _nested(name: str) -> type[Estimate | MeterError | Verdict] | None:
    """The dataclass that a field holds, whose fields are columns of their own."""
    return next((kind for kind in _NESTED if kind in get_args(_HINTS[name])), None)


def _literal(text: str) -> str:
    """The text as a spreadsheet shows it: one that it would take for a formula gets an apostrophe."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
