"""Charts as SVG that stands in the page itself: drawn once, no script, readable on light and dark.

Altair takes a third of a second to import and is needed only when a report with charts is drawn.
"""

import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from controller.analysis import wording
from controller.analysis.metrics import METRICS, Metric
from controller.analysis.verdicts import Comparison, MetricValue
from controller.report.units import Unit, choose_unit

# Of the middle of the scale, so that they are told apart on white and on near-black, by colour-blind readers too.
BASELINE_COLOUR = "#7f8792"
COLOURS = ("#2f81c7", "#d9782d", "#2a9d7c", "#b25aa8", "#8f7a1f", "#d0504b", "#6a6ee0", "#4b9ab0")
PART_COLOURS = {"forward": "#4b9ab0", "backward": "#d9782d", "optimizer": "#8a7bd0"}
STRIP_METRICS = ("step_time", "backward", "peak_rss_bytes", "energy_per_step", "test_accuracy", "test_loss")
MOST_LAYERS = 12
WIDTH = 300
_ROW = 34
# The reader's font may be wider than the one that Vega measures labels with.
_PADDING = {"left": 16, "right": 10, "top": 2, "bottom": 2}
# Vega takes only real colours; this one is replaced by the page's own text colour once the SVG is there.
_INK = "#010203"


@dataclass(frozen=True)
class Figure:
    """A chart: svg is one element without scripts or references; description says in words what it shows."""

    title: str
    svg: str
    description: str


@dataclass(frozen=True)
class _Bar:
    """One variant's value in a chart, in the chart's unit."""

    variant: str
    value: MetricValue


def figures(comparison: Comparison) -> list[Figure]:
    """The charts of a comparison: where a step's time goes, then every run of the main metrics; layers by shape."""
    layers = [part.part for part in comparison.variants[0].parts if part.part]
    drawn: list[Figure] = []
    if layers:
        for part in layers[:MOST_LAYERS]:
            drawn += _strip(comparison, METRICS["backward"], part)
    else:
        drawn += _stack(comparison)
        for name in STRIP_METRICS:
            drawn += _strip(comparison, METRICS[name], "")
    return [Figure(f.title, _isolated(f.svg, i), f.description) for i, f in enumerate(drawn)]


def _bars(comparison: Comparison, metric: Metric, part: str) -> list[_Bar]:
    found = [
        _Bar(variant.variant, p.metrics[metric.name])
        for variant in comparison.variants
        for p in variant.parts
        if p.part == part
    ]
    return [bar for bar in found if bar.value.estimate is not None]


def _strip(comparison: Comparison, metric: Metric, part: str) -> Iterator[Figure]:
    """Every run as a dot, the mean as a tick, the interval as a line; nothing where nothing was measured."""
    bars = _bars(comparison, metric, part)
    if not bars:
        return
    unit = choose_unit(metric.unit, [bar.value.estimate.value for bar in bars if bar.value.estimate])
    import altair as alt  # noqa: PLC0415 - see the module's first lines

    y = alt.Y("variant:N", sort=None, title=None)
    colour = _variant_colours(comparison)
    scale = alt.Scale(zero=False, nice=True, padding=8)
    x = alt.X("value:Q", title=unit.symbol or None, scale=scale, axis=alt.Axis(tickCount=5))
    base = alt.Chart(alt.InlineData(values=[_summary(bar, unit) for bar in bars]))
    line = base.transform_filter("isValid(datum.low)").mark_rule(strokeWidth=3, opacity=0.55)
    interval = line.encode(x=alt.X("low:Q", title=unit.symbol or None, scale=scale), x2="high:Q", y=y, color=colour)
    mean = base.mark_tick(thickness=3, size=18).encode(x=x, y=y, color=colour)
    runs = [{"variant": bar.variant, "value": run / unit.scale} for bar in bars for run in bar.value.runs]
    dots = alt.Chart(alt.InlineData(values=runs)).mark_point(size=34, filled=False, opacity=0.85)
    chart = alt.layer(interval, mean, dots.encode(x=x, y=y, color=colour))
    title = f"{part}: {metric.title}" if part else metric.title
    yield Figure(f"{title}, every run", _svg(chart, len(bars)), _strip_words(title, bars, unit))


def _stack(comparison: Comparison) -> Iterator[Figure]:
    """Forward, backward and optimizer of each variant, end to end."""
    parts = {name: _bars(comparison, METRICS[name], "") for name in PART_COLOURS}
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
    import altair as alt  # noqa: PLC0415 - see the module's first lines

    colours = alt.Scale(domain=list(PART_COLOURS), range=list(PART_COLOURS.values()))
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
    description = f"Mean time of the parts of a step in {unit.symbol}. {words}."
    yield Figure("where a step's time goes", _svg(chart, len(parts["backward"])), description)


def _summary(bar: _Bar, unit: Unit) -> dict[str, Any]:
    estimate = bar.value.estimate
    scaled = {
        name: None if estimate is None or (value := getattr(estimate, name)) is None else value / unit.scale
        for name in ("value", "low", "high")
    }
    return {"variant": bar.variant, **scaled}


def _variant_colours(comparison: Comparison) -> Any:
    import altair as alt  # noqa: PLC0415 - see the module's first lines

    names = [variant.variant for variant in comparison.variants]
    colours = [BASELINE_COLOUR, *(COLOURS[i % len(COLOURS)] for i in range(len(names) - 1))]
    return alt.Color("variant:N", scale=alt.Scale(domain=names, range=colours), legend=None)


def _strip_words(title: str, bars: Sequence[_Bar], unit: Unit) -> str:
    means = [f"{b.variant} {wording.with_interval(b.value.estimate, unit.scale)}" for b in bars if b.value.estimate]
    symbol = f" in {unit.symbol}" if unit.symbol else ""
    return f"Mean {title}{symbol} with its interval, and every run as a dot. {'; '.join(means)}."


def _svg(chart: Any, rows: int) -> str:
    """Draw a chart of so many rows."""
    styled = (
        chart.properties(width=WIDTH, height=rows * _ROW)
        .configure(background="transparent", aria=False, font="system-ui, sans-serif", padding=_PADDING)
        .configure_view(stroke=None)
        .configure_axis(
            labelColor=_INK,
            titleColor=_INK,
            gridColor=_INK,
            gridOpacity=0.13,
            domainColor=_INK,
            domainOpacity=0.35,
            tickColor=_INK,
            tickOpacity=0.35,
            labelFontSize=12,
            titleFontSize=12,
            titleFontWeight="normal",
            labelLimit=130,
            labelFlush=False,
        )
        .configure_axisY(grid=False, ticks=False, domain=False, labelPadding=8)
        .configure_legend(labelColor=_INK, labelFontSize=12, symbolType="square")
    )
    drawn = io.StringIO()
    styled.save(drawn, format="svg")
    return drawn.getvalue().replace(_INK, "currentColor")


def _isolated(svg: str, number: int) -> str:
    """The SVG as one element of a page: no namespaces, and names that no other chart of the page has."""
    svg = re.sub(r'\s(?:xmlns(?::\w+)?|version|class|pointer-events)="[^"]*"', "", svg)
    svg = re.sub(r'\s(?:role|aria-[a-z]+)="[^"]*"', "", svg)
    return re.sub(r'(\bid="|url\(#)', rf"\g<1>chart{number}-", svg)
