"""Estimate: a number that never travels without its interval, level and sample size.

The sample is one value per run, never per step: steps inside a run are correlated. Intervals are Student's t of few
values and BCa bootstrap of many, for ratios on the logarithms of paired values (so the estimate is a geometric mean),
for cosines on the angles (so no interval reaches beyond what a cosine can be).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import acos, cos, exp, inf, log, pi, sqrt

import numpy as np
from scipy.special import ndtr, stdtrit
from scipy.stats import bootstrap

from controller.analysis.readings import Array

CONFIDENCE = 0.95
# From so many values on, their own shape says more than the normal distribution that Student's t takes for granted.
FEWEST_FOR_BOOTSTRAP = 15
_RESAMPLES = 9_999
_FEWEST_DISTINCT = 5
_KEPT = 4096  # intervals: resampling takes milliseconds, and pages over many jobs ask for the same ones again
_SEED = 1
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

    @property
    def bounds(self) -> tuple[float, float]:
        """The interval's ends; the value twice where there is none, to be drawn."""
        return self.value if self.low is None else self.low, self.value if self.high is None else self.high


def mean_estimate(
    values: Sequence[float],
    confidence: float = CONFIDENCE,
    *,
    deterministic: bool = False,
    limits: tuple[float, float] = (-inf, inf),
) -> Estimate:
    """Mean over runs with its interval, cut where the quantity cannot be: it holds the truth as often as before."""
    value, interval = _mean_and_interval(values, confidence)
    if interval is None:
        return _without_interval(value, values, confidence, deterministic=deterministic)
    low, high = max(limits[0], interval[0]), min(limits[1], interval[1])
    return Estimate(value, low, high, confidence, len(values))


def cosine_estimate(cosines: Sequence[float], confidence: float = CONFIDENCE) -> Estimate:
    """The cosine of the mean angle over runs, with the interval of the angles, cut where no angle is.

    Angles, and not Fisher's z: z of a cosine of exactly 1, which an exact gradient has, is infinite.
    """
    # Rounding takes the cosine of two all but equal directions beyond 1.
    angles = [acos(max(-1.0, min(1.0, cosine))) for cosine in cosines]
    angle, interval = _mean_and_interval(angles, confidence)
    if interval is None:
        return _without_interval(cos(angle), angles, confidence, deterministic=False)
    low, high = cos(min(pi, interval[1])), cos(max(0.0, interval[0]))
    return Estimate(cos(angle), low, high, confidence, len(angles))


def ratio_estimate(
    numerators: Sequence[float],
    denominators: Sequence[float],
    confidence: float = CONFIDENCE,
    *,
    deterministic: bool = False,
) -> Estimate | None:
    """Geometric mean of paired ratios with the interval of their logarithms; None unless all values are positive."""
    if min(*numerators, *denominators) <= 0:
        return None
    logs = [log(a / b) for a, b in zip(numerators, denominators, strict=True)]
    value, interval = _mean_and_interval(logs, confidence)
    if interval is None:
        return _without_interval(exp(value), logs, confidence, deterministic=deterministic)
    return Estimate(exp(value), exp(interval[0]), exp(interval[1]), confidence, len(logs))


def difference_estimate(
    values: Sequence[float], baselines: Sequence[float], confidence: float = CONFIDENCE, *, deterministic: bool = False
) -> Estimate:
    """Mean of paired differences, value minus baseline, with its interval."""
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


def _mean_and_interval(values: Sequence[float], confidence: float) -> tuple[float, tuple[float, float] | None]:
    """Mean and its interval; None for one value and for identical ones."""
    sample = np.asarray(values, dtype=np.float64)
    if _identical(sample):
        return float(sample[0]), None
    quantile = float(stdtrit(sample.size - 1, (1 + confidence) / 2))
    many = sample.size >= FEWEST_FOR_BOOTSTRAP
    resampled = _bca_interval(tuple(sample.tolist()), quantile) if many else None
    return float(sample.mean()), resampled or _students_interval(sample, quantile)


def _students_interval(sample: Array, quantile: float) -> tuple[float, float]:
    half_width = quantile * float(sample.std(ddof=1)) / sqrt(sample.size)
    return float(sample.mean()) - half_width, float(sample.mean()) + half_width


@lru_cache(maxsize=_KEPT)
def _bca_interval(values: tuple[float, ...], quantile: float) -> tuple[float, float] | None:
    """BCa bootstrap, expanded to hold the truth as often as it says for 15 to 100 values too, and the same every time.

    Resampled means spread less than the mean itself does, and by the normal distribution where Student's is due: both
    are made good by the level that is asked for. Source: Hesterberg, The American Statistician 69 (2015), 4.5.
    None where all but a few values are the same, so that resampling has next to nothing to draw from.
    """
    sample = np.asarray(values, dtype=np.float64)
    if np.unique(sample).size < _FEWEST_DISTINCT:
        return None
    level = 2 * float(ndtr(sqrt(sample.size / (sample.size - 1)) * quantile)) - 1
    found = bootstrap(
        (sample,),
        np.mean,
        n_resamples=_RESAMPLES,
        confidence_level=level,
        method="BCa",
        rng=np.random.default_rng(_SEED),
    ).confidence_interval
    return float(found.low), float(found.high)


def _identical(sample: Array) -> bool:
    return bool(np.ptp(sample) <= _ROUNDING * np.abs(sample).max())


def _without_interval(value: float, sample: Sequence[float], confidence: float, *, deterministic: bool) -> Estimate:
    return Estimate(value, None, None, confidence, len(sample), exact=deterministic)
