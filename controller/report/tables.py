"""The report for programs: JSON is the comparison itself, CSV one line per variant, part and metric.

Both are derived from the verdict types, so that a field added there appears here. A published figure is a line of
its own in columns of its own.
"""

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import asdict, fields
from typing import Any, get_args, get_type_hints

from controller.analysis.estimate import Estimate
from controller.analysis.verdicts import Comparison, MetricValue, PublishedResult

_IDENTITY = ("job_id", "device", "variant", "methods", "part")
_PUBLISHED = ("value", "against", "approximate", "measured_on", "source")
_HINTS = get_type_hints(MetricValue)


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
    methods = {variant.variant: variant.methods for variant in comparison.variants}
    for figure in comparison.published:
        yield _identity(comparison, figure.variant, methods[figure.variant], figure.part) | _reported(figure)


def _identity(comparison: Comparison, variant: str, methods: str, part: str) -> dict[str, Any]:
    who = (comparison.job_id, comparison.device, variant, methods, part)
    return dict(zip(_IDENTITY, map(_literal, who), strict=True))


def _reported(figure: PublishedResult) -> dict[str, Any]:
    """A published figure; what was measured beside it has lines of its own."""
    what = {name: getattr(figure, name) for name in ("metric", "title", "unit", "kind")}
    cells = what | {f"published_{name}": getattr(figure, name) for name in _PUBLISHED}
    return {name: _literal(cell) if isinstance(cell, str) else cell for name, cell in cells.items()}


def _columns() -> list[str]:
    return [
        column
        for field in fields(MetricValue)
        for column in (
            [f"{field.name}_{f.name}" for f in fields(Estimate)] if _is_estimate(field.name) else [field.name]
        )
    ]


def _flat(value: MetricValue) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for field in fields(MetricValue):
        found = getattr(value, field.name)
        if _is_estimate(field.name):
            flat |= {f"{field.name}_{f.name}": getattr(found, f.name, None) for f in fields(Estimate)}
        elif isinstance(found, tuple):
            flat[field.name] = " ".join(map(repr, found))
        else:
            flat[field.name] = _literal(found) if isinstance(found, str) else found
    return flat


def _is_estimate(name: str) -> bool:
    return Estimate in get_args(_HINTS[name])


def _literal(text: str) -> str:
    """The text as a spreadsheet shows it: one that it would take for a formula gets an apostrophe."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
