"""Measured values outside of a report: variants at a glance, and any two side by side."""

import numpy as np
import pytest
from scipy import stats

from controller.analysis.across_jobs import RunValue, set_against, variant_values
from controller.analysis.estimate import CONFIDENCE
from controller.analysis.metrics import METRICS

OWN = {1: 2.0, 2: 2.2, 3: 1.9, 4: 2.1}
OTHER = {1: 4.0, 2: 4.3, 3: 4.1, 4: 3.9, 5: 4.2}
TIME, ACCURACY, BYTES = METRICS["step_time"], METRICS["test_accuracy"], METRICS["saved_activation_bytes"]


def logs(values):
    return np.log(list(values.values()))


def test_two_jobs_have_welchs_interval():
    """Of runs that are no pairs the ratio of geometric means has the interval that scipy's Welch test gives."""
    ratio, difference = set_against(TIME, OWN, OTHER, CONFIDENCE, paired=False)
    interval = stats.ttest_ind(logs(OTHER), logs(OWN), equal_var=False).confidence_interval(0.95)
    assert difference is None
    assert (np.exp(logs(OTHER).mean() - logs(OWN).mean()), 4) == (pytest.approx(ratio.value), ratio.n)
    assert (np.exp(interval.low), np.exp(interval.high)) == (pytest.approx(ratio.low), pytest.approx(ratio.high))


def test_scores_of_two_jobs_differ_by_their_means():
    """A score is compared by difference, own minus other."""
    _, difference = set_against(ACCURACY, OWN, OTHER, CONFIDENCE, paired=False)
    interval = stats.ttest_ind(list(OWN.values()), list(OTHER.values()), equal_var=False).confidence_interval(0.95)
    assert (interval.low, interval.high) == (pytest.approx(difference.low), pytest.approx(difference.high))


def test_variants_of_one_job_are_paired_by_block():
    """Only blocks in which both ran are used, each as one ratio."""
    ratio, _ = set_against(TIME, {1: 1.0, 3: 2.0, 4: 9.0}, {3: 4.0, 1: 2.0, 2: 7.0}, CONFIDENCE, paired=True)
    assert (2.0, 2) == (ratio.value, ratio.n)


@pytest.mark.parametrize(("own", "other"), [({1: 1.0}, {1: 2.0}), ({1: 1.0, 2: 1.0}, {1: 2.0, 2: 2.0})])
def test_without_spread_there_is_no_interval(own, other):
    """One run of a side, or runs that are all the same, say nothing of how sure the ratio is."""
    ratio, _ = set_against(TIME, own, other, CONFIDENCE, paired=False)
    assert (2.0, None, None) == (pytest.approx(ratio.value), ratio.low, ratio.high)


def test_what_is_not_positive_has_no_ratio():
    """No ratio is made of zero."""
    assert (None, None) == set_against(BYTES, {1: 0.0}, {1: 5.0}, CONFIDENCE, paired=False)
    assert (None, None) == set_against(BYTES, {}, {1: 5.0}, CONFIDENCE, paired=False)


def test_a_job_at_a_glance():
    """The baseline comes first, without a ratio; each variant has its mean and its paired ratio, by part."""
    values = [
        RunValue(variant, part, block, seconds * block)
        for part in ("a", "b")
        for variant, seconds in (("after", 1.0), ("baseline", 3.0))
        for block in (1, 2)
    ]
    found = variant_values(TIME, "baseline", values, CONFIDENCE)
    assert [("a", "baseline"), ("a", "after"), ("b", "baseline"), ("b", "after")] == [
        (one.part, one.variant) for one in found
    ]
    assert [None, 3.0, None, 3.0] == [one.ratio and round(one.ratio.value, 9) for one in found]
    assert 4.5 == found[0].estimate.value
