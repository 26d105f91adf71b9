"""Measured values outside of a report: the variants of a job at a glance, and any two of any jobs side by side.

Pure, from the results that every finished run left. Two variants of one job are compared in pairs within blocks, as
the report does; of two jobs the runs are no pairs, and the interval is Welch's, which asks for no equal spread.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp, log

import numpy as np
from scipy.special import stdtrit

from controller.analysis.estimate import Estimate, difference_estimate, mean_estimate, ratio_estimate
from controller.analysis.metrics import Metric

FEWEST_RUNS = 2  # of each side, for an interval over runs that are no pairs


@dataclass(frozen=True)
class RunValue:
    """One metric of one part of one finished run; covers: what its meter covers, '' of what needs none."""

    variant: str
    part: str
    block: int
    value: float
    covers: str = ""


@dataclass(frozen=True)
class VariantValue:
    """A variant's mean over its runs, and against the baseline, which itself has neither ratio nor difference."""

    variant: str
    part: str
    estimate: Estimate
    ratio: Estimate | None
    difference: Estimate | None


def variant_values(metric: Metric, baseline: str, values: Sequence[RunValue], confidence: float) -> list[VariantValue]:
    """Every variant and part that was measured, the parts in their order, the baseline first in each.

    confidence: of the intervals, which depends on the job (controller/analysis/looks.py).
    """
    by_block: dict[tuple[str, str], dict[int, float]] = {}
    for value in values:
        by_block.setdefault((value.part, value.variant), {})[value.block] = value.value
    found = []
    for part, variant in sorted(by_block, key=lambda key: (key[0], key[1] != baseline, key[1])):
        own = by_block[part, variant]
        base = {} if variant == baseline else by_block.get((part, baseline), {})
        ratio, difference = set_against(metric, own, base, confidence, paired=True)
        mean = mean_estimate(list(own.values()), confidence, deterministic=metric.deterministic, limits=metric.limits)
        found.append(VariantValue(variant, part, mean, ratio, difference))
    return found


def common_covers(values: Sequence[RunValue]) -> str:
    """What the meters of these runs cover: all of it, where they differ."""
    return " and ".join(sorted({value.covers for value in values if value.covers}))


def set_against(
    metric: Metric,
    own: Mapping[int, float],
    other: Mapping[int, float],
    confidence: float,
    *,
    paired: bool,
) -> tuple[Estimate | None, Estimate | None]:
    """(ratio, difference) of one variant's runs against another's, by block; as the metric is compared.

    A ratio is a speed-up (other divided by own) for times and own divided by other for everything else.
    """
    if paired:
        blocks = sorted(own.keys() & other.keys())
        ours, theirs = [own[block] for block in blocks], [other[block] for block in blocks]
    else:
        ours, theirs = list(own.values()), list(other.values())
    if not ours or not theirs:
        return None, None
    if metric.against == "difference":
        return None, (difference_estimate if paired else _welch)(ours, theirs, confidence)
    above, below = (theirs, ours) if metric.against == "speed_up" else (ours, theirs)
    if paired:
        return ratio_estimate(above, below, confidence, deterministic=metric.deterministic), None
    return _unpaired_ratio(above, below, confidence), None


def _unpaired_ratio(above: Sequence[float], below: Sequence[float], confidence: float) -> Estimate | None:
    """The ratio of geometric means; None unless all values are positive."""
    if min(*above, *below) <= 0:
        return None
    logs = _welch([log(value) for value in above], [log(value) for value in below], confidence)
    low, high = (None if bound is None else exp(bound) for bound in (logs.low, logs.high))
    return Estimate(exp(logs.value), low, high, logs.confidence, logs.n)


def _welch(own: Sequence[float], other: Sequence[float], confidence: float) -> Estimate:
    """The difference of two means with Welch's interval; n is that of the smaller side."""
    ours, theirs = np.asarray(own, dtype=np.float64), np.asarray(other, dtype=np.float64)
    value, n = float(ours.mean() - theirs.mean()), min(ours.size, theirs.size)
    if n < FEWEST_RUNS:
        return Estimate(value, None, None, confidence, n)
    squares = ours.var(ddof=1) / ours.size, theirs.var(ddof=1) / theirs.size
    if sum(squares) == 0:
        return Estimate(value, None, None, confidence, n)
    freedom = sum(squares) ** 2 / (squares[0] ** 2 / (ours.size - 1) + squares[1] ** 2 / (theirs.size - 1))
    half_width = float(stdtrit(freedom, (1 + confidence) / 2) * np.sqrt(sum(squares)))
    return Estimate(value, value - half_width, value + half_width, confidence, n)
