"""Estimate: a number that never travels without its interval, level and sample size.

The sample is one value per run, never per step: steps inside a run are correlated. Intervals are
Student's t, for ratios on the logarithms of paired values (so the estimate is a geometric mean), for
cosines on the angles (so no interval reaches beyond what a cosine can be).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import acos, cos, exp, inf, log, pi, sqrt

import numpy as np
from scipy.special import stdtrit

CONFIDENCE = 0.95
# Relative spread below which values count as identical: rounding of doubles, not variation between runs.
_ROUNDING = 1e-12


@dataclass(frozen=True)
class Estimate:
    """A point estimate with its confidence interval over n runs (or pairs of runs).

    low and high are None where n is too small for an interval, where a measured quantity happened to be
    identical in all runs (no spread was seen, so none can be stated), and where the quantity is
    deterministic (exact is True: a byte count that does not vary between runs).
    """

    value: float
    low: float | None
    high: float | None
    confidence: float
    n: int
    exact: bool = False


def mean_estimate(
    values: Sequence[float],
    confidence: float = CONFIDENCE,
    *,
    deterministic: bool = False,
    limits: tuple[float, float] = (-inf, inf),
) -> Estimate:
    """Mean over runs with its t-interval, cut where the quantity cannot be: it holds the truth as often as before."""
    value, half_width = _mean_and_half_width(values, confidence)
    if half_width is None:
        return _without_interval(value, values, confidence, deterministic=deterministic)
    low, high = max(limits[0], value - half_width), min(limits[1], value + half_width)
    return Estimate(value, low, high, confidence, len(values))


def cosine_estimate(cosines: Sequence[float], confidence: float = CONFIDENCE) -> Estimate:
    """The cosine of the mean angle over runs, with the t-interval of the angles, cut where no angle is.

    Angles, and not Fisher's z: z of a cosine of exactly 1, which an exact gradient has, is infinite.
    """
    # Rounding takes the cosine of two all but equal directions beyond 1.
    angles = [acos(max(-1.0, min(1.0, cosine))) for cosine in cosines]
    angle, half_width = _mean_and_half_width(angles, confidence)
    if half_width is None:
        return _without_interval(cos(angle), angles, confidence, deterministic=False)
    low, high = cos(min(pi, angle + half_width)), cos(max(0.0, angle - half_width))
    return Estimate(cos(angle), low, high, confidence, len(angles))


def ratio_estimate(
    numerators: Sequence[float],
    denominators: Sequence[float],
    confidence: float = CONFIDENCE,
    *,
    deterministic: bool = False,
) -> Estimate | None:
    """Geometric mean of paired ratios with the t-interval of their logarithms; None unless all values are positive."""
    if min(*numerators, *denominators) <= 0:
        return None
    logs = [log(a / b) for a, b in zip(numerators, denominators, strict=True)]
    value, half_width = _mean_and_half_width(logs, confidence)
    if half_width is None:
        return _without_interval(exp(value), logs, confidence, deterministic=deterministic)
    return Estimate(exp(value), exp(value - half_width), exp(value + half_width), confidence, len(logs))


def difference_estimate(
    values: Sequence[float], baselines: Sequence[float], confidence: float = CONFIDENCE, *, deterministic: bool = False
) -> Estimate:
    """Mean of paired differences, value minus baseline, with its t-interval."""
    differences = [a - b for a, b in zip(values, baselines, strict=True)]
    return mean_estimate(differences, confidence, deterministic=deterministic)


def excludes(estimate: Estimate | None, neutral: float) -> bool | None:
    """Whether the estimate is clearly not the neutral value; None where no interval can say so."""
    if estimate is None:
        return None
    if estimate.exact:
        return estimate.value != neutral
    if estimate.low is None or estimate.high is None:
        return None
    return not estimate.low <= neutral <= estimate.high


def _mean_and_half_width(values: Sequence[float], confidence: float) -> tuple[float, float | None]:
    """Mean, and the half width of its t-interval; None for one value and for identical ones."""
    sample = np.asarray(values, dtype=np.float64)
    if _identical(sample):
        return float(sample[0]), None
    half_width = float(stdtrit(sample.size - 1, (1 + confidence) / 2) * sample.std(ddof=1) / sqrt(sample.size))
    return float(sample.mean()), half_width


def _identical(sample: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> bool:
    return bool(np.ptp(sample) <= _ROUNDING * np.abs(sample).max())


def _without_interval(value: float, sample: Sequence[float], confidence: float, *, deterministic: bool) -> Estimate:
    return Estimate(value, None, None, confidence, len(sample), exact=deterministic)
