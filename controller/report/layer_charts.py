"""Charts of single layers, in the order of the network: what they save, and their gradients beside the exact ones."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from controller.analysis.estimate import Estimate
from controller.analysis.layer_times import DIRECTIONS
from controller.analysis.verdicts import Comparison
from controller.report.drawing import Figure, svg, variant_colours
from controller.report.layers import changed_in_any, saved_by
from controller.report.units import Unit, choose_unit

MOST_LAYERS = 40
_ROW = 16
_SHORTEST = 60  # pixels: a chart of one layer
_COSINE = Unit("cosine", 1.0)
_Found = Mapping[tuple[str, str], Estimate]  # by variant and layer
_Extreme = Callable[..., tuple[tuple[str, str], Estimate]]  # min or max


def layer_charts(comparison: Comparison) -> Iterator[Figure]:
    """Of the layers that a method changed: times, cosines, then the bytes in every variant; each where runs say so."""
    for way in DIRECTIONS:
        title = f"{way} of each changed layer, in the profiling run"
        words = f"What each changed layer took {way}, in {{unit}}, measured in the profiling run. The most"
        yield from _chart(comparison, _times(comparison, way), title, words, max, "s")
    cosines = {
        (variant.variant, layer.layer): layer.cosine
        for variant in comparison.variants
        for layer in variant.gradients
        if layer.cosine is not None
    }
    count = len({layer for _, layer in cosines})
    words = f"Cosine of the weight gradient to the exact one for {count} layers, with intervals. The lowest"
    yield from _chart(comparison, cosines, "gradient of each changed layer beside the exact one", words, min)
    words = "What each changed layer saves for backward, in {unit}. The most"
    yield from _chart(comparison, _saved(comparison), "saved for backward by each changed layer", words, max, "B")


def _saved(comparison: Comparison) -> _Found:
    told = [variant for variant in comparison.variants if variant.saved_by_layer]
    return {(v.variant, name): saved_by(v.saved_by_layer, name) for name in changed_in_any(comparison) for v in told}


def _times(comparison: Comparison, way: str) -> _Found:
    """What each changed layer took one way, where the job was profiled."""
    changed = changed_in_any(comparison)
    values = {
        (v.variant, name): v.time_by_layer.get(name, {}).get(way) for v in comparison.variants for name in changed
    }
    return {at: one.estimate for at, one in values.items() if one is not None and one.estimate is not None}


def _chart(  # noqa: PLR0917
    comparison: Comparison, found: _Found, title: str, words: str, extreme: _Extreme, unit: str = ""
) -> Iterator[Figure]:
    """The layers' chart and, after its words, the layer that is the extreme one; none where nothing was found.

    words: with {unit} for what the numbers are shown in.
    """
    if not found:
        return
    shown = choose_unit(unit, [estimate.value for estimate in found.values()]) if unit else _COSINE
    (variant, layer), one = extreme(found.items(), key=lambda item: item[1].value)
    number = f"{one.value / shown.scale:{'.3g' if unit else '.3f'}}"
    said = f"{words.format(unit=shown.symbol)}: {variant}, {layer}, {number}."
    yield Figure(title, _dots(comparison, found, shown), said)


def _dots(comparison: Comparison, found: _Found, unit: Unit) -> str:
    """A row for each layer, a dot for each variant, with its interval; the last layers where there are many."""
    import altair as alt  # noqa: PLC0415 - see drawing.py's first lines

    layers = list(dict.fromkeys(layer for _, layer in found))[-MOST_LAYERS:]
    points = [_point(variant, layer, one, unit) for (variant, layer), one in found.items() if layer in layers]
    y = alt.Y("layer:N", sort=layers, title=None)
    scale = alt.Scale(zero=False, nice=True)
    x = alt.X("value:Q", title=unit.symbol, scale=scale, axis=alt.Axis(tickCount=5))
    colour = variant_colours(comparison, legend=True)
    base = alt.Chart(alt.InlineData(values=points))
    interval = base.mark_rule(strokeWidth=2, opacity=0.5).encode(
        x=alt.X("low:Q", title=unit.symbol), x2="high:Q", y=y, color=colour
    )
    dots = base.mark_point(size=40, filled=True, opacity=0.9).encode(x=x, y=y, color=colour)
    return svg(alt.layer(interval, dots), max(_ROW * len(layers), _SHORTEST))


def _point(variant: str, layer: str, estimate: Estimate, unit: Unit) -> dict[str, Any]:
    """An estimate with its interval, which lies on the value where there is none."""
    low, high = estimate.bounds
    ends = {"value": estimate.value, "low": low, "high": high}
    return {"variant": variant, "layer": layer} | {name: end / unit.scale for name, end in ends.items()}
