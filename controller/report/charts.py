"""The charts of a report: where a step's time goes, every run of the main metrics, and those of its other files."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from controller.analysis import wording
from controller.analysis.metrics import METRICS, Metric
from controller.analysis.verdicts import Comparison, MetricValue
from controller.report.cost_charts import pareto_charts, power_charts
from controller.report.curves import curve
from controller.report.drawing import ROW, Figure, isolated, svg, variant_colours
from controller.report.layer_charts import layer_charts
from controller.report.units import Unit, choose_unit

PART_COLOURS = {"forward": "#4b9ab0", "backward": "#d9782d", "optimizer": "#8a7bd0"}
STRIP_METRICS = (
    "step_time",
    "backward",
    "peak_rss_bytes",
    "saved_activation_bytes",
    "energy_per_step",
    "test_accuracy",
    "test_miou",
    "test_loss",
)
MOST_LAYERS = 12


@dataclass(frozen=True)
class _Bar:
    """One variant's value in a chart, in the chart's unit."""

    variant: str
    value: MetricValue


def figures(comparison: Comparison) -> list[Figure]:
    """The charts of a comparison: where a step's time goes, or each layer's; then every run of the main metrics."""
    layers = [part.part for part in comparison.variants[0].parts if part.part]
    if layers:
        drawn = [figure for part in layers[:MOST_LAYERS] for figure in _stack(comparison, part)]
    else:
        strips = [figure for name in STRIP_METRICS for figure in _strip(comparison, METRICS[name])]
        drawn = [
            *_stack(comparison, ""),
            *curve(comparison),
            *pareto_charts(comparison),
            *strips,
            *power_charts(comparison),
            *layer_charts(comparison),
        ]
    return [Figure(f.title, isolated(f.svg, i), f.description) for i, f in enumerate(drawn)]


def _bars(comparison: Comparison, metric: Metric, part: str) -> list[_Bar]:
    found = [
        _Bar(variant.variant, p.metrics[metric.name])
        for variant in comparison.variants
        for p in variant.parts
        if p.part == part and metric.name in p.metrics
    ]
    return [bar for bar in found if bar.value.estimate is not None]


def _strip(comparison: Comparison, metric: Metric) -> Iterator[Figure]:
    """Every run as a dot, the mean as a tick, the interval as a line; nothing where nothing was measured."""
    bars = _bars(comparison, metric, "")
    if not bars:
        return
    unit = choose_unit(metric.unit, [bar.value.estimate.value for bar in bars if bar.value.estimate])
    import altair as alt  # noqa: PLC0415 - see drawing.py's first lines

    # The order is named: the intervals are drawn first, and the first variant may have none.
    y = alt.Y("variant:N", sort=[bar.variant for bar in bars], title=None)
    colour = variant_colours(comparison)
    scale = alt.Scale(zero=False, nice=True, padding=8)
    x = alt.X("value:Q", title=unit.symbol or None, scale=scale, axis=alt.Axis(tickCount=5))
    base = alt.Chart(alt.InlineData(values=[_summary(bar, unit) for bar in bars]))
    line = base.transform_filter("isValid(datum.low)").mark_rule(strokeWidth=3, opacity=0.55)
    interval = line.encode(x=alt.X("low:Q", title=unit.symbol or None, scale=scale), x2="high:Q", y=y, color=colour)
    mean = base.mark_tick(thickness=3, size=18).encode(x=x, y=y, color=colour)
    runs = [{"variant": bar.variant, "value": run / unit.scale} for bar in bars for run in bar.value.runs]
    dots = alt.Chart(alt.InlineData(values=runs)).mark_point(size=34, filled=False, opacity=0.85)
    chart = alt.layer(interval, mean, dots.encode(x=x, y=y, color=colour))
    title = bars[0].value.title
    yield Figure(f"{title}, every run", svg(chart, ROW * len(bars)), _strip_words(title, bars, unit))


def _stack(comparison: Comparison, part: str) -> Iterator[Figure]:
    """Forward, backward and optimizer of each variant, end to end; of a layer, which has no optimizer, the others."""
    parts = {name: _bars(comparison, METRICS[name], part) for name in PART_COLOURS}
    if not parts["backward"]:
        return
    means = [bar.value.estimate.value for bars in parts.values() for bar in bars if bar.value.estimate]
    unit = choose_unit("s", means)
    values = [
        {"variant": bar.variant, "part": name, "order": i, "value": bar.value.estimate.value / unit.scale}
        for i, (name, bars) in enumerate(parts.items())
        for bar in bars
        if bar.value.estimate
    ]
    import altair as alt  # noqa: PLC0415 - see drawing.py's first lines

    shown = {name: colour for name, colour in PART_COLOURS.items() if parts[name]}
    colours = alt.Scale(domain=list(shown), range=list(shown.values()))
    legend = alt.Legend(title=None, orient="top", direction="horizontal")
    chart = (
        alt.Chart(alt.InlineData(values=values))
        .mark_bar(height=18)
        .encode(
            x=alt.X("value:Q", title=unit.symbol, axis=alt.Axis(tickCount=5)),
            y=alt.Y("variant:N", sort=None, title=None),
            color=alt.Color("part:N", scale=colours, legend=legend),
            order=alt.Order("order:Q"),
        )
    )
    words = "; ".join(
        f"{variant}: " + ", ".join(f"{v['part']} {v['value']:.3g}" for v in values if v["variant"] == variant)
        for variant in dict.fromkeys(str(v["variant"]) for v in values)
    )
    title = f"{part}: forward and backward" if part else "where a step's time goes"
    description = f"{title}: means in {unit.symbol}. {words}."
    yield Figure(title, svg(chart, ROW * len(parts["backward"])), description)


def _summary(bar: _Bar, unit: Unit) -> dict[str, Any]:
    estimate = bar.value.estimate
    scaled = {
        name: None if estimate is None or (value := getattr(estimate, name)) is None else value / unit.scale
        for name in ("value", "low", "high")
    }
    return {"variant": bar.variant, **scaled}


def _strip_words(title: str, bars: Sequence[_Bar], unit: Unit) -> str:
    means = [f"{b.variant} {wording.with_interval(b.value.estimate, unit.scale)}" for b in bars if b.value.estimate]
    symbol = f" in {unit.symbol}" if unit.symbol else ""
    return f"Mean {title}{symbol} with its interval, and every run as a dot. {'; '.join(means)}."
