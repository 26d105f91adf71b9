"""Intervals against hand calculation and scipy, and how often they hold the truth."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from controller.analysis.estimate import (
    FEWEST_FOR_BOOTSTRAP,
    Estimate,
    cosine_estimate,
    difference_estimate,
    excludes,
    mean_estimate,
    ratio_estimate,
)

FEW = FEWEST_FOR_BOOTSTRAP - 1
POSITIVE = st.floats(min_value=1e-3, max_value=1e3)


class TestMean:
    def test_the_interval_is_students(self):
        """1, 2, 3: mean 2, standard error 1/sqrt(3), t(0.975, 2) = 4.3027 from the tables."""
        estimate = mean_estimate([1.0, 2.0, 3.0])
        assert (2.0, 3, 0.95, False) == (estimate.value, estimate.n, estimate.confidence, estimate.exact)
        assert 2.0 - 4.302652729911275 / math.sqrt(3) == pytest.approx(estimate.low)
        assert 2.0 + 4.302652729911275 / math.sqrt(3) == pytest.approx(estimate.high)

    @given(st.lists(POSITIVE, min_size=2, max_size=FEW, unique=True), st.sampled_from([0.8, 0.95, 0.99]))
    def test_it_agrees_with_scipy(self, values, confidence):
        """For any small sample it is scipy's own interval of a mean."""
        estimate = mean_estimate(values, confidence)
        if estimate.low is not None:
            expected = stats.ttest_1samp(values, 0.0).confidence_interval(confidence)
            assert tuple(expected) == pytest.approx((estimate.low, estimate.high), rel=1e-6, abs=1e-9)

    def test_it_ends_where_the_quantity_does(self):
        """An accuracy is at most 1 and a time at least 0; the other end and the mean stay where they are."""
        whole, cut = (mean_estimate([0.9, 0.97, 1.0], limits=limits) for limits in ((-math.inf, math.inf), (0.0, 1.0)))
        assert whole.high > 1.0
        assert replace(whole, high=1.0) == cut
        assert 0.0 == mean_estimate([0.1, 0.9], limits=(0.0, math.inf)).low

    def test_one_run_has_no_interval(self):
        """A single value says nothing about its spread."""
        assert Estimate(5.0, None, None, 0.95, 1) == mean_estimate([5.0])

    def test_identical_measurements_have_no_interval(self):
        """No spread was seen, so none is stated, least of all one of width zero."""
        assert Estimate(0.97, None, None, 0.95, 3) == mean_estimate([0.97, 0.97, 0.97])

    def test_a_count_that_does_not_vary_is_exact(self):
        """Saved bytes that are equal in all runs are exact, even in one run."""
        assert Estimate(512.0, None, None, 0.95, 3, exact=True) == mean_estimate([512.0] * 3, deterministic=True)
        assert mean_estimate([512.0], deterministic=True).exact

    def test_a_count_that_varies_is_treated_as_measured(self):
        """What was expected to be deterministic and is not gets an interval like anything else."""
        estimate = mean_estimate([512.0, 640.0], deterministic=True)
        assert not estimate.exact
        assert estimate.low is not None


class TestCosine:
    def test_the_interval_is_that_of_the_angles(self):
        """0°, 30° and 60°: 30° ± 4.3027 · 30°/sqrt(3), which is cut at 0°, as no two directions are nearer."""
        estimate = cosine_estimate([1.0, math.sqrt(0.75), 0.5])
        half_width = 4.302652729911275 * math.pi / 6 / math.sqrt(3)
        assert math.sqrt(0.75) == pytest.approx(estimate.value)
        assert (math.cos(math.pi / 6 + half_width), 1.0) == (pytest.approx(estimate.low), estimate.high)

    @given(st.lists(st.floats(-1.0, 1.0), min_size=2, max_size=FEW))
    def test_it_agrees_with_scipy_and_is_a_cosine(self, cosines):
        """For any small sample it is scipy's interval of the mean angle, and never outside −1 to 1."""
        estimate = cosine_estimate(cosines)
        if estimate.low is not None:
            angles = stats.ttest_1samp(np.arccos(cosines), 0.0).confidence_interval(0.95)
            expected = np.cos(np.clip(angles, 0.0, np.pi))[::-1]
            assert tuple(expected) == pytest.approx((estimate.low, estimate.high), abs=1e-7)
            assert -1.0 <= estimate.low <= estimate.value <= estimate.high <= 1.0

    def test_equal_gradients_have_no_interval(self):
        """A cosine of 1 in every run, or of a rounding error more, is 1."""
        assert Estimate(1.0, None, None, 0.95, 3) == cosine_estimate([1.0, 1.0, 1.0 + 2**-52])


class TestRatio:
    def test_pairs_that_double_in_the_geometric_mean(self):
        """Ratios 1, 2 and 4 have the geometric mean 2; the interval is that of their logarithms."""
        estimate = ratio_estimate([1.0, 2.0, 4.0], [1.0, 1.0, 1.0])
        half_width = 4.302652729911275 * math.log(2) / math.sqrt(3)
        assert 2.0 == pytest.approx(estimate.value)
        assert 2.0 * math.exp(-half_width) == pytest.approx(estimate.low)
        assert 2.0 * math.exp(half_width) == pytest.approx(estimate.high)

    def test_pairing_removes_what_blocks_share(self):
        """Blocks that differ a hundredfold do not widen the interval when both runs of a pair share it."""
        estimate = ratio_estimate([2.0, 20.2, 198.0], [1.0, 10.0, 100.0])
        assert (1.9, 2.1) == (pytest.approx(estimate.low, abs=0.1), pytest.approx(estimate.high, abs=0.1))

    @given(st.lists(st.tuples(POSITIVE, POSITIVE), min_size=2, max_size=9))
    def test_turning_it_round_gives_the_reciprocal(self, pairs):
        """Baseline over variant and variant over baseline tell the same story."""
        above, below = zip(*pairs, strict=True)
        there, back = ratio_estimate(above, below), ratio_estimate(below, above)
        assert there.value == pytest.approx(1 / back.value)
        assert there.low is None or there.low == pytest.approx(1 / back.high)

    def test_no_ratio_without_positive_values(self):
        """A time of zero has no logarithm, so there is no ratio."""
        assert ratio_estimate([1.0, 0.0], [1.0, 1.0]) is None

    def test_a_ratio_of_counts_is_exact(self):
        """A quarter of the bytes is a quarter in every run."""
        estimate = ratio_estimate([2e6, 2e6], [8e6, 8e6], deterministic=True)
        assert (0.25, True) == (pytest.approx(estimate.value), estimate.exact)


def test_a_difference_is_paired():
    """Both runs of a block share what the block brought; only their differences count."""
    estimate = difference_estimate([0.51, 0.72, 0.93], [0.50, 0.70, 0.90])
    expected = stats.ttest_rel([0.51, 0.72, 0.93], [0.50, 0.70, 0.90]).confidence_interval(0.95)
    assert 0.02 == pytest.approx(estimate.value)
    assert tuple(expected) == pytest.approx((estimate.low, estimate.high))


@pytest.mark.parametrize(
    ("estimate", "expected"),
    [
        (None, None),
        (Estimate(2.0, None, None, 0.95, 1), None),
        (Estimate(2.0, 1.5, 2.5, 0.95, 3), True),
        (Estimate(0.5, 0.4, 0.6, 0.95, 3), True),
        (Estimate(1.1, 0.9, 1.3, 0.95, 3), False),
        (Estimate(1.0, None, None, 0.95, 3, exact=True), False),
        (Estimate(0.2, None, None, 0.95, 3, exact=True), True),
    ],
)
def test_clear_is_what_an_interval_excludes(estimate, expected):
    """A difference is clear where the interval excludes the neutral value or the number is exact; else nobody knows."""
    assert expected is excludes(estimate, 1.0)


class TestManyValues:
    def test_the_interval_is_bca(self):
        """For 15 lopsided values it is Efron's BCa, computed here from its formula, at Hesterberg's expanded level."""
        values = np.exp(np.random.default_rng(3).normal(0.0, 0.3, 15))
        estimate = mean_estimate(values)
        low, high = bca_of_the_mean(values, stats.norm.cdf(math.sqrt(15 / 14) * stats.t.ppf([0.025, 0.975], 14)))
        assert (pytest.approx(low, rel=0.02), pytest.approx(high, rel=0.02)) == (estimate.low, estimate.high)
        assert estimate.high - estimate.value > estimate.value - estimate.low

    def test_it_is_the_same_every_time(self):
        """A report that is rendered again says the same."""
        values = np.random.default_rng(4).normal(1.0, 0.1, 20)
        assert mean_estimate(values) == mean_estimate(values)

    def test_values_that_hardly_differ_are_left_to_student(self):
        """Two different values in twenty give resampling nothing to draw from."""
        values = [0.9] * 19 + [0.8]
        expected = stats.ttest_1samp(values, 0.0).confidence_interval(0.95)
        assert tuple(expected) == pytest.approx((mean_estimate(values).low, mean_estimate(values).high))


def bca_of_the_mean(values, levels):
    """Efron (1987): the quantiles of resampled means, moved for bias and acceleration."""
    resampled = np.random.default_rng(5).choice(values, (100_000, len(values))).mean(axis=1)
    bias = stats.norm.ppf(np.mean(resampled < values.mean()))
    away = values.mean() - values
    acceleration = np.sum(-(away**3)) / (6 * np.sum(away**2) ** 1.5)
    z = bias + stats.norm.ppf(levels)
    return np.quantile(resampled, stats.norm.cdf(bias + z / (1 - acceleration * z)))


def share_that_holds(pairs, jobs):
    """How many of the intervals of simulated jobs of drifting blocks hold the true ratio."""
    random = np.random.default_rng(20240607)
    held = 0
    for _ in range(jobs):
        block = np.exp(random.normal(0.0, 0.3, pairs))
        base, variant = (block * mean * np.exp(random.normal(0.0, 0.02, pairs)) for mean in (0.1, 0.07))
        estimate = ratio_estimate(base, variant)
        held += estimate.low <= 0.1 / 0.07 <= estimate.high
    return held / jobs


@pytest.mark.parametrize("pairs", [3, 8])
def test_paired_intervals_hold_the_truth_as_often_as_they_say(pairs):
    """Over 2000 simulated jobs of drifting blocks, 94 to 96 % of the 95 % intervals hold the true ratio."""
    assert 0.94 <= share_that_holds(pairs, 2000) <= 0.96


def test_bootstrapped_intervals_hold_it_too():
    """Over 200 jobs of 16 blocks, 95 % within three standard errors of so few jobs."""
    assert abs(share_that_holds(16, 200) - 0.95) <= 3 * (0.95 * 0.05 / 200) ** 0.5


@pytest.mark.long
@pytest.mark.parametrize("pairs", [15, 16, 24])
def test_bootstrapped_intervals_hold_the_truth_as_often_as_they_say(pairs):
    """Over 3000 jobs, 95 % within three standard errors and half a point that resampling costs."""
    found = share_that_holds(pairs, 3000)
    print(f"95 % intervals of {pairs} pairs that hold the truth: {found:.1%}")
    assert abs(found - 0.95) <= 3 * (0.95 * 0.05 / 3000) ** 0.5 + 0.005
