"""A job and its repetition: whether each ratio to the baseline came out as before."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import exp, hypot, log

from controller.analysis.estimate import Estimate
from controller.analysis.metrics import METRICS
from controller.analysis.verdicts import Comparison, PartResult


@dataclass(frozen=True)
class Agreement:
    """One ratio of a variant in two jobs. change: the second divided by the first, with its interval.

    agrees: the interval holds 1; None where either job gave no interval.
    """

    variant: str
    part: str
    metric: str
    first: Estimate
    second: Estimate
    change: Estimate
    agrees: bool | None


def agreements(first: Comparison, second: Comparison) -> list[Agreement]:
    """Every ratio that both jobs found, in the order of the first."""
    return list(_agreements(first, second))


def _agreements(first: Comparison, second: Comparison) -> Iterator[Agreement]:
    others = {(v.variant, p.part, name): m for v in second.variants for p in v.parts for name, m in p.metrics.items()}
    for variant in first.variants:
        for part in variant.parts:
            for name, ratio in _ratios(part):
                other = others.get((variant.variant, part.part, name))
                if other is not None and other.ratio is not None:
                    change = _change(ratio, other.ratio)
                    agrees = None if change.low is None or change.high is None else change.low <= 1 <= change.high
                    yield Agreement(variant.variant, part.part, name, ratio, other.ratio, change, agrees)


def _ratios(part: PartResult) -> Iterator[tuple[str, Estimate]]:
    """Exact ones are no matter of agreement between samples."""
    for name, value in part.metrics.items():
        if value.ratio is not None and not value.ratio.exact and name in METRICS:
            yield name, value.ratio


def _change(first: Estimate, second: Estimate) -> Estimate:
    """The quotient of two independent ratios; the half widths of the logarithms add as errors do."""
    value, n = second.value / first.value, min(first.n, second.n)
    confidence = min(first.confidence, second.confidence)
    bounds = (first.low, first.high, second.low, second.high)
    if any(bound is None for bound in bounds):
        return Estimate(value, None, None, confidence, n)
    low1, high1, low2, high2 = (log(bound) for bound in bounds if bound is not None)
    half = hypot((high1 - low1) / 2, (high2 - low2) / 2)
    return Estimate(value, value * exp(-half), value * exp(half), confidence, n)
