"""The curve of the score over epochs: a line for each variant, its interval as a band."""

from collections.abc import Iterator, Sequence
from typing import Any

from controller.analysis import wording
from controller.analysis.verdicts import Comparison, VariantResult
from controller.report.drawing import Figure, svg, variant_colours
from controller.report.learning import score_over_epochs
from controller.report.units import choose_unit

_HEIGHT = 200
_MOST_TICKS = 10
_PERCENT = choose_unit("ratio", []).scale


def curve(comparison: Comparison) -> Iterator[Figure]:
    """The mean score after each epoch; nothing where the job counts steps or no run has ended."""
    if not any(variant.epochs for variant in comparison.variants):
        return
    metric, title = score_over_epochs(comparison)
    points = [point for variant in comparison.variants for point in _points(variant, metric)]
    import altair as alt  # noqa: PLC0415 - see drawing.py's first lines

    ticks = alt.Axis(values=_ticks([int(point["epoch"]) for point in points]), format="d")
    x = alt.X("epoch:Q", title="epoch", axis=ticks, scale=alt.Scale(zero=False, nice=False, padding=8))
    y_scale = alt.Scale(zero=False, nice=True)
    colour = variant_colours(comparison, legend=True)
    base = alt.Chart(alt.InlineData(values=points))
    band = base.mark_area(opacity=0.18).encode(
        x=x, y=alt.Y("low:Q", title="%", scale=y_scale), y2="high:Q", color=colour
    )
    line = base.mark_line(point=alt.OverlayMarkDef(size=24)).encode(
        x=x, y=alt.Y("value:Q", title="%", scale=y_scale), color=colour
    )
    yield Figure(f"{title} after each epoch", svg(alt.layer(band, line), _HEIGHT), _words(comparison, metric, title))


def _ticks(epochs: Sequence[int]) -> list[int]:
    """Whole epochs, about ten at most."""
    first, last = min(epochs), max(epochs)
    return list(range(first, last + 1, max(1, round((last - first) / _MOST_TICKS))))


def _points(variant: VariantResult, metric: str) -> Iterator[dict[str, Any]]:
    for result in variant.epochs:
        score = result.metrics.get(metric)
        if score is not None:
            low, high = score.bounds  # a band needs two edges
            scaled = {"value": score.value / _PERCENT, "low": low / _PERCENT, "high": high / _PERCENT}
            yield {"variant": variant.variant, "epoch": result.epoch, **scaled}


def _words(comparison: Comparison, metric: str, title: str) -> str:
    """The first and the last epoch of every variant."""
    said = []
    for variant in comparison.variants:
        scores = [(result.epoch, result.metrics[metric]) for result in variant.epochs if metric in result.metrics]
        ends = [f"{wording.with_interval(s, _PERCENT)} after epoch {e}" for e, s in (*scores[:1], *scores[1:][-1:])]
        said += [f"{variant.variant} {', '.join(ends)}"] if ends else []
    return f"Mean {title} in % after each epoch, its interval as a band. {'; '.join(said)}."
