"""A repetition agrees where the interval of the change holds one."""

from math import exp, hypot, log

import pytest

from controller.analysis.agreement import agreements
from controller.analysis.comparison import compare
from tests.controller.records import training_job, whole_job


def judged(filtered, blocks=8, **changes):
    job = training_job(repetitions=blocks, **changes)
    return compare(job, whole_job(job, {"baseline": 0.06, "filtered": filtered}))


def backward(first, second):
    return next(a for a in agreements(first, second) if a.metric == "backward")


def test_the_same_again_agrees():
    """A job and its equal agree in every ratio, by a change of 1."""
    found = agreements(judged(0.03), judged(0.03))
    assert {True} == {agreement.agrees for agreement in found if agreement.agrees is not None}
    assert 1.0 == pytest.approx(backward(judged(0.03), judged(0.03)).change.value)


def test_another_speed_up_differs():
    """2 and 3 times faster are not the same finding; half widths of logarithms add as errors do."""
    found = backward(judged(0.03), judged(0.02))
    half = hypot(*(log(e.high / e.low) / 2 for e in (found.first, found.second)))
    assert (False, pytest.approx(1.5)) == (found.agrees, found.change.value)
    assert 1.5 * exp(half) == pytest.approx(found.change.high)


def test_one_block_cannot_say():
    """Without an interval nobody knows."""
    assert backward(judged(0.03, blocks=1), judged(0.03)).agrees is None


def test_the_change_is_as_sure_as_the_less_sure_of_the_two():
    """Of a job with one look and one with two the change claims 95 %, in either order."""
    once, twice = judged(0.03), judged(0.03, blocks=16, until=0.02)
    assert 0.975 == pytest.approx(backward(once, twice).second.confidence)
    assert [0.95, 0.95] == [backward(*pair).change.confidence for pair in ((once, twice), (twice, once))]
