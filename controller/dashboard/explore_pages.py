"""The pages across jobs, rendered."""

from collections.abc import Mapping, Sequence
from typing import Any

from controller.analysis.metrics import METRICS
from controller.dashboard.history import History
from controller.dashboard.pareto import ParetoPlot
from controller.dashboard.rendering import render
from controller.dashboard.results import ResultLine, SideBySide
from controller.dashboard.turns import Turns

_METRICS = [(metric.name, metric.title) for metric in METRICS.values()]


def results_page(
    asked: Any,
    measured: tuple[str, Sequence[ResultLine]],
    pareto: ParetoPlot | None,
    choices: Mapping[str, Sequence[str]],
    older: str,
) -> str:
    """Results across jobs; asked: what the filters were filled in with; older: the query of the next page."""
    title, lines = measured
    shown = {"title": title, "lines": lines, "pareto": pareto}
    return render("results.html", asked=asked, choices=choices, older=older, metrics=_METRICS, **shown)


def compare_page(compared: SideBySide) -> str:
    """Two variants side by side."""
    return render("compare.html", compared=compared)


def history_page(asked: Any, shown: History | None, turns: Turns, choices: Mapping[str, Sequence[str]]) -> str:
    """A quantity over time, and where it took a turn."""
    return render("history.html", asked=asked, shown=shown, turns=turns, choices=choices, metrics=_METRICS)
