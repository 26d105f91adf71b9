"""A report's content, in the order in which it is read; Markdown, HTML and text only lay it out."""

import json
from dataclasses import dataclass

from controller.analysis.verdicts import Comparison, Concern
from controller.report.across import across_table
from controller.report.layer_times import time_table
from controller.report.layers import layer_table, way_table
from controller.report.learning import epoch_table, start_words
from controller.report.method import kinds_of_numbers, method_sentences
from controller.report.published import published_table
from controller.report.rows import Table, result_tables, run_table, value_table
from controller.report.simulated import simulated_tables

LONGEST_FACT = 160
_LAYER_TABLES = (layer_table, time_table, way_table)


@dataclass(frozen=True)
class Content:
    """Everything that a report says, as text. facts and environment are (name, value)."""

    title: str
    headline: str
    missing: str
    facts: list[tuple[str, str]]
    results: list[Table]
    across: Table | None
    published: Table | None
    epochs: Table | None
    concerns: list[Concern]
    runs: Table
    failures: list[tuple[str, str]]
    layers: list[Table]
    values: Table
    method: list[str]
    kinds: list[tuple[str, str]]
    environment: list[tuple[str, str]]
    job_json: str
    command: str

    @property
    def beside(self) -> list[Table]:
        """What stands after the results, where there is any."""
        return [table for table in (self.across, self.published, self.epochs) if table is not None]


def content_of(comparison: Comparison) -> Content:
    """The content of a comparison's report."""
    return Content(
        title=comparison.title,
        headline=comparison.headline,
        missing=comparison.missing,
        facts=_facts(comparison),
        results=simulated_tables(comparison) or result_tables(comparison),
        across=across_table(comparison),
        published=published_table(comparison),
        epochs=epoch_table(comparison),
        concerns=comparison.concerns,
        runs=run_table(comparison),
        failures=[(v.variant, why) for v in comparison.variants for why in v.failures],
        layers=[table for make in _LAYER_TABLES if (table := make(comparison)) is not None],
        values=value_table(comparison),
        method=method_sentences(comparison),
        kinds=kinds_of_numbers(comparison),
        environment=[(name, _shortened(value)) for name, value in comparison.environment.items()],
        job_json=json.dumps(comparison.job, indent=2, ensure_ascii=False, allow_nan=False),
        command="gradfilter submit job.json --wait",
    )


def _shortened(value: str) -> str:
    """PyTorch describes how it was built in two thousand letters; who needs them finds them in the JSON."""
    return value if len(value) <= LONGEST_FACT else f"{value[:LONGEST_FACT]} … (whole in the JSON report)"


def _judged_by(comparison: Comparison) -> str:
    if comparison.quick:
        return "intervals, no test (quick job)"
    plan = comparison.judgement
    return f"{plan.tests} tests, which need {plan.blocks_needed} blocks" if plan is not None and plan.tests else ""


def _facts(comparison: Comparison) -> list[tuple[str, str]]:
    facts = [
        ("device", comparison.device),
        ("job", comparison.job_id),
        ("state", comparison.state),
        ("blocks", f"{comparison.blocks_complete} of {comparison.blocks_wanted} complete"),
        ("number of blocks", comparison.stopping.sentence if comparison.stopping is not None else ""),
        ("judged by", _judged_by(comparison)),
        ("before training", start_words(comparison.start) if comparison.start is not None else ""),
        ("suite", str(comparison.job.get("suite") or "")),
        ("note", str(comparison.job.get("note") or "")),
    ]
    return [(name, value) for name, value in facts if value]
