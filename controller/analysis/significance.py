"""Whether paired runs differ by more than chance: an exact sign-flip test, and what many tests cost.

If a variant is no different, each pair's log-ratio could as well have had the other sign; p is the share of all 2^n
choices of signs whose mean is at least as far from zero. It needs no distribution, only that the order within a block
was drawn at random. Source: Fisher, The Design of Experiments (1935), section 21; Holm, Scand. J. Statist. 6 (1979).
"""

from collections.abc import Sequence

import numpy as np
from scipy.stats import permutation_test

from controller.analysis.readings import Array

ALPHA = 0.05
# Of more pairs not all choices of signs are looked at, but so many drawn at random.
MOST_PAIRS_EXACT = 40
_DRAWN = 9_999
_SEED = 1
# Sums that differ by rounding alone are equal: the observed choice of signs must count itself.
_ROUNDING = 1e-9


def sign_flip_p(effects: Sequence[float]) -> float:
    """The two-sided p of n paired effects (log-ratios), exact up to MOST_PAIRS_EXACT pairs; never below 2 / 2^n."""
    values = np.asarray(effects, dtype=np.float64)
    if values.size > MOST_PAIRS_EXACT:
        drawn = np.random.default_rng(_SEED)
        found = permutation_test((values,), np.mean, permutation_type="samples", n_resamples=_DRAWN, rng=drawn)
        return float(found.pvalue)
    half = values.size // 2
    left, right = _signed_sums(values[:half]), np.sort(_signed_sums(values[half:]))
    reached = abs(float(values.sum())) - _ROUNDING * float(np.abs(values).sum())
    above = right.size - np.searchsorted(right, reached - left, side="left")
    # For every choice of signs that lies above there is the opposite one below.
    return float(min(1.0, int(above.sum()) / 2 ** (values.size - 1)))


def _signed_sums(values: Array) -> Array:
    """The sums of the values under every choice of their signs."""
    sums = np.zeros(1)
    for value in values:
        sums = np.concatenate([sums + value, sums - value])
    return sums


def holm(p_values: Sequence[float], tests: int) -> list[float]:
    """Holm's adjusted p of each test: below ALPHA, and the chance of any false verdict among all is below ALPHA.

    tests: how many were declared beforehand; those that could not be made count as if nothing had been found.
    """
    adjusted = [1.0] * len(p_values)
    largest = 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        largest = max(largest, min(1.0, (tests - rank) * p_values[place]))
        adjusted[place] = largest
    return adjusted


def fewest_blocks_for_a_verdict(tests: int, looks: int) -> int:
    """The smallest n with which a p of 2 / 2^n, counted for every look, can pass the first of Holm's steps."""
    blocks = 1
    while looks * tests * 2 / 2**blocks > ALPHA:
        blocks += 1
    return blocks
