"""Charts of what a step costs beside what it reaches: quality against cost, and power over one run of each variant."""

from collections.abc import Iterator

from controller.analysis import wording
from controller.analysis.estimate import Estimate
from controller.analysis.metrics import METRICS
from controller.analysis.pareto import COSTS, ParetoPoint, pareto_points, quality_of
from controller.analysis.verdicts import Comparison, PowerTrace
from controller.report.drawing import Figure, svg, variant_colours
from controller.report.units import choose_unit

_HEIGHT = 200
_POWER_HEIGHT = 120
_PERCENT = 0.01
_SHOWN_COSTS = COSTS[:3]
# Light enough to stand behind a line on white and on near-black.
_PHASE_COLOURS = {
    "settle": "#8f7a1f",
    "gate": "#b8860b",
    "setup": "#7f8792",
    "rehearsal": "#c2566a",
    "data": "#b25aa8",
    "warm_up": "#d9782d",
    "measured": "#2a9d7c",
    "evaluation": "#6a6ee0",
}


def pareto_charts(comparison: Comparison) -> Iterator[Figure]:
    """Every variant by its cost and its quality, with both intervals; what no other beats in both is filled."""
    quality = quality_of(comparison)
    if quality is None:
        return
    for cost in _SHOWN_COSTS:
        points = pareto_points(comparison, cost)
        if len(points) > 1:
            yield _pareto_chart(comparison, METRICS[cost].title, quality, points)


def power_charts(comparison: Comparison) -> Iterator[Figure]:
    """Power over the run of each variant in the first complete block, its phases shaded; all on one scale."""
    highest = max((max(trace.watts) for trace in comparison.power), default=0.0)
    for trace in comparison.power:
        yield _power_chart(trace, highest)


def _pareto_chart(comparison: Comparison, title: str, quality: str, points: list[ParetoPoint]) -> Figure:
    unit = choose_unit(points[0].unit, [point.cost.value for point in points])
    values = [
        {"variant": point.variant, "efficient": point.efficient}
        | _ends("cost", point.cost, unit.scale)
        | _ends("quality", point.quality, _PERCENT)
        for point in points
    ]
    import altair as alt  # noqa: PLC0415 - see drawing.py's first lines

    scale = alt.Scale(zero=False, nice=True, padding=10)
    x_title = f"{title} [{unit.symbol}]"
    x = alt.X("cost:Q", title=x_title, scale=scale, axis=alt.Axis(tickCount=5))
    y_title = f"{METRICS[quality].title} [%]"
    y = alt.Y("quality:Q", title=y_title, scale=scale, axis=alt.Axis(tickCount=5))
    colour = variant_colours(comparison, legend=True)
    base = alt.Chart(alt.InlineData(values=values))
    across = base.mark_rule(opacity=0.5).encode(
        x=alt.X("cost_low:Q", title=x_title), x2="cost_high:Q", y=y, color=colour
    )
    along = base.mark_rule(opacity=0.5).encode(
        x=x, y=alt.Y("quality_low:Q", title=y_title, scale=scale), y2="quality_high:Q", color=colour
    )
    dots = base.mark_point(size=70, strokeWidth=2).encode(
        x=x,
        y=y,
        color=colour,
        fill=alt.condition("datum.efficient", colour, alt.value("transparent")),
    )
    said = "; ".join(
        f"{p.variant} {wording.with_interval(p.cost, unit.scale)} {unit.symbol} and "
        f"{wording.with_interval(p.quality, _PERCENT)} %{'' if p.efficient else ', beaten in both'}"
        for p in points
    )
    words = f"Quality against {title}, with intervals; filled: beaten by no other variant in both. {said}."
    return Figure(f"quality against {title}", svg(alt.layer(across, along, dots), _HEIGHT), words)


def _ends(name: str, estimate: Estimate, scale: float) -> dict[str, float]:
    """A value with its interval, which lies on the value where there is none."""
    low, high = estimate.bounds
    edges = {"": estimate.value, "_low": low, "_high": high}
    return {name + edge: number / scale for edge, number in edges.items()}


def _power_chart(trace: PowerTrace, highest: float) -> Figure:
    import altair as alt  # noqa: PLC0415 - see drawing.py's first lines

    spans = [
        {"phase": span.name.replace("_", "-"), "from": span.start_s, "to": span.end_s, "top": highest * 1.05}
        for span in trace.phases
    ]
    shown = {name.replace("_", "-"): colour for name, colour in _PHASE_COLOURS.items()}
    present = {name: colour for name, colour in shown.items() if any(span["phase"] == name for span in spans)}
    legend = alt.Legend(title=None, orient="top", direction="horizontal", columns=3)
    scale = alt.Scale(domain=list(present), range=list(present.values()))
    shade = (
        alt.Chart(alt.InlineData(values=spans))
        .transform_calculate(zero="0")
        .mark_rect(opacity=0.3)
        .encode(
            x=alt.X("from:Q", title="seconds"),
            x2="to:Q",
            y=alt.Y("zero:Q", title="W"),
            y2="top:Q",
            color=alt.Color("phase:N", scale=scale, legend=legend),
        )
    )
    readings = [{"at": at, "watts": watts} for at, watts in zip(trace.times_s, trace.watts, strict=True)]
    line = (
        alt.Chart(alt.InlineData(values=readings))
        .mark_line(strokeWidth=1.5, color="#2f81c7")
        .encode(x=alt.X("at:Q", title="seconds"), y=alt.Y("watts:Q", title="W"))
    )
    title = f"power over one run of {trace.variant}"
    lowest, most = min(trace.watts), max(trace.watts)
    words = (
        f"{title}, block {trace.block}, of {trace.source}: between {lowest:.3g} and {most:.3g} W over "
        f"{trace.times_s[-1] - trace.times_s[0]:.0f} s; the phases are shaded."
    )
    return Figure(title, svg(alt.layer(shade, line), _POWER_HEIGHT), words)
