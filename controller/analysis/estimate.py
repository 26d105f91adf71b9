"""Estimate: a number that never travels without its interval, level and sample size."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Estimate:
    """A point estimate with its confidence interval over n runs.

    low and high are None where n is too small for an interval, and where the quantity is
    deterministic (exact is True: a byte count that does not vary between runs).
    """

    value: float
    low: float | None
    high: float | None
    confidence: float
    n: int
    exact: bool = False
