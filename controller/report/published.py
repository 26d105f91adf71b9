"""The table that sets what a job measured beside what publications report; kinds never share a column."""

from collections.abc import Iterator, Sequence

from controller.analysis import wording
from controller.analysis.metrics import METRICS
from controller.analysis.verdicts import Comparison, PublishedResult
from controller.report.cells import NOTHING, UNMEASURED
from controller.report.rows import Group, Row, Table
from controller.report.units import Unit, choose_unit, difference_unit

CAVEAT = "measured and reported figures come from different boards and software; whether they agree is not judged"
_LAYERS = "single layers, not a network's training step"


def published_table(comparison: Comparison) -> Table | None:
    """One row per published figure, by part and metric; None where the job names none.

    A measured speed-up of backward has that of the whole step beside it (of a layer: forward and backward).
    """
    figures = comparison.published
    if not figures:
        return None
    sources = list(dict.fromkeys(figure.source for figure in figures))
    layers = any(figure.part for figure in figures)
    with_step = any(figure.metric == "backward" for figure in figures)
    where = f"measured on {comparison.device}" if comparison.device else "measured"
    whole = (f"{'forward and backward' if layers else 'whole step'}, {where}",) if with_step else ()
    groups = dict.fromkeys((figure.part, figure.metric, figure.against) for figure in figures)
    notes = (CAVEAT, *(f"[{number}] {source}" for number, source in enumerate(sources, 1)))
    return Table(
        f"Beside the published figures{': ' + _LAYERS if layers else ''}",
        ("variant", where, *whole, "paper-reported", "reported for"),
        (
            *(
                _group([f for f in figures if (f.part, f.metric, f.against) == key], sources, with_step=with_step)
                for key in groups
            ),
            Group("Sources", (), notes),
        ),
    )


def _group(figures: Sequence[PublishedResult], sources: Sequence[str], *, with_step: bool) -> Group:
    """The figures of one part, metric and way to set it against the baseline."""
    unit = _unit(figures)
    rows = []
    for figure in figures:
        whole = (wording.ratio(figure.whole_step) if figure.whole_step is not None else NOTHING,) if with_step else ()
        reported_for = f"{figure.measured_on} [{sources.index(figure.source) + 1}]"
        rows.append(Row(figure.variant, (_measured(figure, unit), *whole, _reported(figure, unit), reported_for)))
    return Group(_title(figures[0], unit), tuple(rows), tuple(dict.fromkeys(_why_unmeasured(figures))))


def _why_unmeasured(figures: Sequence[PublishedResult]) -> Iterator[str]:
    yield from (f"{UNMEASURED}: {figure.unmeasured}" for figure in figures if figure.measured is None)


def _unit(figures: Sequence[PublishedResult]) -> Unit:
    """One unit for both kinds, so that they can be read beside each other; a ratio has none."""
    first = figures[0]
    if first.against == "baseline" and (first.metric not in METRICS or METRICS[first.metric].against != "difference"):
        return Unit("", 1.0)
    measured = [figure.measured.value for figure in figures if figure.measured is not None]
    return choose_unit(first.unit, [*(figure.value for figure in figures), *measured])


def _title(figure: PublishedResult, unit: Unit) -> str:
    symbol = f" [{unit.symbol}]" if unit.symbol else ""
    part = f"{figure.part}: " if figure.part else ""
    if figure.against == "value":
        return f"{part}{figure.title}{symbol}"
    if _against(figure) == "speed_up":
        return f"{part}speed-up of {figure.title}"
    return f"{part}{figure.title}, against the baseline"


def _measured(figure: PublishedResult, unit: Unit) -> str:
    if figure.measured is None:
        return UNMEASURED
    if figure.against == "value":
        return wording.with_interval(figure.measured, unit.scale)
    if _against(figure) == "difference":
        return wording.difference(figure.measured, unit.scale, difference_unit(unit))
    return wording.ratio(figure.measured)


def _reported(figure: PublishedResult, unit: Unit) -> str:
    """The figure with the digits that it was published with."""
    number = f"{figure.value / unit.scale:.10g}"
    if figure.against == "baseline":
        ending = f" {difference_unit(unit)}" if _against(figure) == "difference" else wording.TIMES
        number = number.replace("-", wording.MINUS) + ending
    return f"about {number}" if figure.approximate else number


def _against(figure: PublishedResult) -> str:
    return METRICS[figure.metric].against if figure.metric in METRICS else "ratio"
