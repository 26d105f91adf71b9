"""How every chart looks: SVG that stands in the page itself, drawn once, no script, readable on light and dark.

Altair takes a third of a second to import and is needed only when a report with charts is drawn.
"""

import io
import re
from dataclasses import dataclass
from typing import Any

from controller.analysis.verdicts import Comparison

# Of the middle of the scale, so that they are told apart on white and on near-black, by colour-blind readers too.
BASELINE_COLOUR = "#7f8792"
COLOURS = ("#2f81c7", "#d9782d", "#2a9d7c", "#b25aa8", "#8f7a1f", "#d0504b", "#6a6ee0", "#4b9ab0")
WIDTH = 300
ROW = 34  # pixels of a variant's line
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


def variant_colours(comparison: Comparison, *, legend: bool = False) -> Any:
    """A colour for each variant, the same in every chart; a legend where no axis names them."""
    import altair as alt  # noqa: PLC0415 - see the module's first lines

    names = [variant.variant for variant in comparison.variants]
    colours = [BASELINE_COLOUR, *(COLOURS[i % len(COLOURS)] for i in range(len(names) - 1))]
    key = alt.Legend(title=None, orient="top", direction="horizontal", columns=2, symbolOpacity=1) if legend else None
    return alt.Color("variant:N", scale=alt.Scale(domain=names, range=colours), legend=key)


def svg(chart: Any, height: int) -> str:
    """Draw a chart of so many pixels' height."""
    styled = (
        chart.properties(width=WIDTH, height=height)
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


def isolated(drawn: str, number: int) -> str:
    """The SVG as one element of a page: no namespaces, and names that no other chart of the page has."""
    drawn = re.sub(r'\s(?:xmlns(?::\w+)?|version|class|pointer-events)="[^"]*"', "", drawn)
    drawn = re.sub(r'\s(?:role|aria-[a-z]+)="[^"]*"', "", drawn)
    return re.sub(r'(\bid="|url\(#)', rf"\g<1>chart{number}-", drawn)
