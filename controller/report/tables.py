"""The report for programs: JSON is the comparison itself, CSV one line per variant, part and metric.

Both are derived from the verdict types, so that a field added there appears here.
"""

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import asdict, fields
from typing import Any, get_args, get_type_hints

from controller.analysis.estimate import Estimate
from controller.analysis.verdicts import Comparison, MetricValue

_IDENTITY = ("job_id", "device", "variant", "methods", "part")
_HINTS = get_type_hints(MetricValue)


def render_json(comparison: Comparison) -> str:
    """The whole comparison as strict JSON; a value that is not finite is an error, not a NaN."""
    return json.dumps(asdict(comparison), ensure_ascii=False, allow_nan=False, indent=2) + "\n"


def render_csv(comparison: Comparison) -> str:
    """A line per variant, part and metric, in the metric's own unit; several run values are split by spaces."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [*_IDENTITY, *_columns()], lineterminator="\n")
    writer.writeheader()
    writer.writerows(_lines(comparison))
    return text.getvalue()


def _lines(comparison: Comparison) -> Iterator[dict[str, Any]]:
    for variant in comparison.variants:
        for part in variant.parts:
            who = (comparison.job_id, comparison.device, variant.variant, variant.methods, part.part)
            identity = dict(zip(_IDENTITY, map(_literal, who), strict=True))
            yield from (identity | _flat(value) for value in part.metrics.values())


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
