"""What became of single layers: how many ran in which way, and how near their gradients are to the exact ones."""

from collections.abc import Iterator
from typing import Any

from controller.analysis.verdicts import Comparison
from controller.report.drawing import Figure, svg, variant_colours
from controller.report.rows import Group, Row, Table

MOST_LAYERS = 40
_ROW = 16


def way_table(comparison: Comparison) -> Table | None:
    """How the changed layers took their backward pass, counted; None where no method changed a layer."""
    groups = tuple(
        Group(variant.variant, tuple(Row(way, (str(count),)) for way, count in variant.ways.items()))
        for variant in comparison.variants
        if variant.ways
    )
    return (
        Table("How the changed layers ran", ("layers' change and backward pass", "layers"), groups) if groups else None
    )


def gradient_chart(comparison: Comparison) -> Iterator[Figure]:
    """The cosine of every changed layer's weight gradient to the exact one, in the order of the network."""
    points: list[dict[str, Any]] = [
        {
            "variant": variant.variant,
            "layer": layer.layer,
            "value": layer.cosine.value,
            "low": layer.cosine.value if layer.cosine.low is None else layer.cosine.low,
            "high": layer.cosine.value if layer.cosine.high is None else layer.cosine.high,
        }
        for variant in comparison.variants
        for layer in variant.gradients
        if layer.cosine is not None
    ]
    layers = list(dict.fromkeys(point["layer"] for point in points))[-MOST_LAYERS:]
    points = [point for point in points if point["layer"] in layers]
    if not points:
        return
    import altair as alt  # noqa: PLC0415 - see drawing.py's first lines

    y = alt.Y("layer:N", sort=layers, title=None)
    x = alt.X("value:Q", title="cosine", scale=alt.Scale(zero=False, nice=True), axis=alt.Axis(tickCount=5))
    colour = variant_colours(comparison, legend=True)
    base = alt.Chart(alt.InlineData(values=points))
    interval = base.mark_rule(strokeWidth=2, opacity=0.5).encode(
        x=alt.X("low:Q", title="cosine"), x2="high:Q", y=y, color=colour
    )
    dots = base.mark_point(size=40, filled=True, opacity=0.9).encode(x=x, y=y, color=colour)
    lowest = min(points, key=lambda point: point["value"])
    words = (
        f"Cosine of the weight gradient to the exact one for {len(layers)} layers, with intervals. The lowest: "
        f"{lowest['variant']}, {lowest['layer']}, {lowest['value']:.3f}."
    )
    chart = svg(alt.layer(interval, dots), max(_ROW * len(layers), 60))
    yield Figure("gradient of each changed layer beside the exact one", chart, words)
