"""Figures of publications beside what a job measured: the same variant, part and metric, and nothing judged."""

from collections.abc import Sequence

from controller.analysis.estimate import Estimate
from controller.analysis.metrics import METRICS
from controller.analysis.verdicts import MetricValue, PublishedResult, VariantResult
from gradfilter.bench.schema import PublishedFigure


def beside(figures: Sequence[PublishedFigure], variants: Sequence[VariantResult]) -> list[PublishedResult]:
    """Every figure of the job with the measured value that it belongs to, or why there is none."""
    by_name = {variant.variant: variant for variant in variants}
    return [_beside(figure, by_name[figure.variant]) for figure in figures]


def _beside(figure: PublishedFigure, variant: VariantResult) -> PublishedResult:
    metrics = next((part.metrics for part in variant.parts if part.part == figure.part), {})
    value = metrics.get(figure.metric)
    measured = _same_quantity(figure, value) if value is not None else None
    known = METRICS.get(figure.metric)
    return PublishedResult(
        variant=figure.variant,
        part=figure.part,
        metric=figure.metric,
        title=value.title if value is not None else known.title if known is not None else figure.metric,
        unit=known.unit if known is not None else "",
        against=figure.against,
        value=figure.value,
        approximate=figure.approximate,
        measured_on=figure.measured_on,
        source=figure.source,
        measured=measured,
        unmeasured="" if measured is not None else _why_not(figure, value),
        whole_step=metrics["step_time"].ratio if figure.metric == "backward" and "step_time" in metrics else None,
    )


def _same_quantity(figure: PublishedFigure, value: MetricValue) -> Estimate | None:
    """The value itself, or the variant set against the baseline as the metric is."""
    if figure.against == "value":
        return value.estimate
    return value.ratio if value.ratio is not None else value.difference


def _why_not(figure: PublishedFigure, value: MetricValue | None) -> str:
    if value is None:
        where = f" of {figure.part}" if figure.part else ""
        return f"this job does not measure {figure.metric}{where}"
    return value.unmeasured or "no pair of runs compares this variant with the baseline"
