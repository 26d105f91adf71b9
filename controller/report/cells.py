"""What stands in a cell: a metric's mean, what it is against the baseline, and the word for the difference."""

from collections.abc import Sequence
from typing import Literal

from controller.analysis import wording
from controller.analysis.metrics import Metric
from controller.analysis.verdicts import DIFFERENT, MetricValue
from controller.report.units import Unit, choose_unit, difference_unit

Mark = Literal["", "better", "worse", "unclear"]
NOTHING = "–"  # noqa: RUF001 - a dash stands for an empty cell
UNMEASURED = "unmeasured"


def common_unit(metric: Metric, values: Sequence[MetricValue]) -> Unit:
    """The one unit of these values, so that they can be compared by eye."""
    return choose_unit(metric.unit, [value.estimate.value for value in values if value.estimate is not None])


def title_with_unit(value: MetricValue, unit: Unit, part: str = "") -> str:
    """What heads a metric's rows: 'step time [ms]'."""
    symbol = f" [{unit.symbol}]" if unit.symbol else ""
    return f"{part}{': ' if part else ''}{value.title}{symbol}"


def mean(value: MetricValue, unit: Unit, wanted: int) -> str:
    """The estimate; n is told where it is not the number of repetitions asked for."""
    if value.estimate is None:
        return UNMEASURED
    n = value.estimate.n
    return wording.with_interval(value.estimate, unit.scale) + (f", n={n}" if n != wanted else "")


def against(metric: Metric, value: MetricValue, unit: Unit) -> str:
    """The difference from the baseline, in words."""
    if value.difference is not None:
        return wording.difference(value.difference, unit.scale, difference_unit(unit))
    if value.ratio is not None:
        return wording.speed_up(value.ratio) if metric.against == "speed_up" else wording.ratio(value.ratio)
    return NOTHING


def compared(metric: Metric, value: MetricValue, unit: Unit) -> tuple[str, str]:
    """The difference from the baseline in words, and the word for how sure it is."""
    return against(metric, value, unit), verdict(metric, value)


def verdict(metric: Metric, value: MetricValue) -> str:
    """The verdict of a primary metric; of any other only whether its interval is clear of no difference."""
    if value.verdict is not None:
        return value.verdict.word
    found = value.difference if metric.against == "difference" else value.ratio
    if found is None:
        return NOTHING
    if found.exact:
        return "exact"
    return {True: "clear", False: "not clear", None: "no interval"}[value.clear]


def mark(metric: Metric, value: MetricValue) -> Mark:
    """Better is faster, smaller and, of scores, higher."""
    found, neutral = (value.difference, 0.0) if metric.against == "difference" else (value.ratio, 1.0)
    if found is None or (value.verdict is None and value.clear is None):
        return ""
    if not (value.clear if value.verdict is None else value.verdict.word in DIFFERENT):
        return "unclear"
    more_is_better = metric.against == "speed_up" or metric.more_is_better
    return "better" if (found.value > neutral) == more_is_better else "worse"
