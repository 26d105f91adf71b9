"""Numbers as people read them: as many digits as the interval carries."""

import pytest

from controller.analysis import wording
from controller.analysis.estimate import Estimate


def estimate(value, low=None, high=None):
    return Estimate(value, low, high, 0.95, 3)


@pytest.mark.parametrize(
    ("given", "scale", "expected"),
    [
        (estimate(0.0123, 0.0119, 0.0128), 1e-3, "12.3 (11.9–12.8)"),
        (estimate(412, 400, 424), 1, "412 (400–424)"),
        (estimate(0.01234567), 1e-3, "12.3"),
        (estimate(0.5, -0.1, 1.1), 1, "0.5 (−0.1 to 1.1)"),
        (estimate(0.0), 1, "0"),
        (estimate(1.0, 0.999999, 1.000001), 1, "1.000 (1.000–1.000)"),
    ],
)
def test_with_interval(given, scale, expected):
    """Value and interval share their decimals, which come from the interval's width."""
    assert expected == wording.with_interval(given, scale)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (estimate(1.52, 1.44, 1.61), "1.52× faster (1.44–1.61)"),
        (estimate(0.5, 0.4, 0.625), "2.0× slower (1.6–2.5)"),
        (estimate(2.0), "2.00× faster"),
        (estimate(21.0, 12.0, 30.0), "21.0× faster (12.0–30.0)"),
        (estimate(0.98, 0.9, 1.06), "1.02× slower (0.94–1.11)"),
        (estimate(1.0, 0.96, 1.04), "1.00× (0.96–1.04)"),
        (estimate(1.6, 1.02, 2.5), "1.60× faster (1.02–2.50)"),
        (estimate(0.4, 1e-6, 2e5), "2.5× slower (<0.1 to >1000)"),
    ],
)
def test_speed_up(given, expected):
    """Below one the numbers are turned round and called slower; a bound that excludes one does not round to it."""
    assert expected == wording.speed_up(given)


def test_a_value_with_its_error():
    """The error sets the digits of both."""
    assert "12.4 ± 0.3 J" == wording.plus_minus(12.412, 0.31, unit="J")
    assert "431 ± 15 mJ" == wording.plus_minus(0.4312, 0.0152, 1e-3, "mJ")


def test_ratio_and_difference():
    """A ratio has as many decimals as its interval carries, a difference always its sign."""
    assert "0.724× (0.701–0.748)" == wording.ratio(estimate(0.724, 0.701, 0.748))
    assert "0.250×" == wording.ratio(estimate(0.25))
    assert "−0.2 points (−1.1 to +0.7)" == wording.difference(estimate(-0.002, -0.011, 0.007), 0.01, "points")
    assert "+0.25 (+0.02 to +0.48)" == wording.difference(estimate(0.25, 0.02, 0.48))
    assert "+0.030" == wording.difference(estimate(0.03))


def test_no_minus_zero():
    """What rounds to zero carries no sign."""
    assert ("0.0", "0.0") == (wording.plain(-0.001, 1), wording.signed(-0.001, 1))
