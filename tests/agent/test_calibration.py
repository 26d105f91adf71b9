"""Calibrations: the line through pairs, what is refused, what is kept."""

import json
import math
from random import Random

import pytest

from agent.calibration import find, fit, keep
from agent.errors import CalibrationRefused

GAIN, OFFSET_W = 1.15, 0.6


def line(*own):
    return [(watts, GAIN * watts + OFFSET_W) for watts in own]


def fitted(pairs, **more):
    return fit(pairs, **{"meter": "FNB58", "meter_tolerance": 0.0, "board": "", **more})


def test_exact_line_is_found_exactly():
    """Points on a line give it back, without residual and without error."""
    found = fitted(line(2.0, 3.0, 4.0, 5.0, 8.0))
    assert pytest.approx((GAIN, OFFSET_W, 1.0, 5, 6.9)) == (
        found.gain,
        found.offset_w,
        found.r_squared,
        found.points,
        found.span_w,
    )
    assert pytest.approx((0.0, 0.0, 0.0), abs=1e-9) == (found.residual_w, found.gain_error, found.offset_error_w)
    assert pytest.approx(5.2) == found.watts(4.0)


def test_tolerance_holds_the_truth():
    """Over 400 noisy recordings, two standard errors hold the true power about as often as they should, 95 in 100."""
    random, held = Random(4), 0
    for _ in range(400):
        own = [random.uniform(2, 8) for _ in range(12)]
        found = fitted([(x, GAIN * x + OFFSET_W + random.gauss(0, 0.1)) for x in own])
        held += abs(found.gain - GAIN) <= found.gain_tolerance * found.gain
    assert 0.89 <= held / 400 <= 0.97  # twelve points: Student's t with ten degrees says 0.927


def test_the_meters_own_error_is_added():
    """A calibration is no better than its reference."""
    pairs = line(2.0, 3.0, 4.0, 5.0, 8.0)
    assert pytest.approx(0.01) == fitted(pairs, meter_tolerance=0.01).gain_tolerance


def test_error_of_a_meter_that_nobody_knows_is_not_declared(tmp_path):
    """A fit says nothing of its reference, so a calibration against an unknown meter has no relative error."""
    found = fitted(line(2.0, 3.0, 4.0, 5.0, 8.0), meter_tolerance=None)
    keep(tmp_path / "c.json", "pmic", found)
    assert found == find(tmp_path / "c.json", "pmic", "")
    assert None is found.gain_tolerance


@pytest.mark.parametrize("tolerance", [math.nan, -0.01, 1.0])
def test_relative_error_that_is_none_is_refused(tolerance):
    """Per cent instead of a ratio, or no number at all."""
    with pytest.raises(CalibrationRefused, match="relative error cannot be"):
        fitted(line(2.0, 3.0, 4.0, 5.0, 8.0), meter_tolerance=tolerance)


@pytest.mark.parametrize(
    ("pairs", "words"),
    [
        (line(2.0, 4.0, 6.0, 8.0), "4 points, at least 5"),
        (line(4.0, 4.1, 4.2, 4.3, 4.4), "spans only 0.46 W"),
        ([(4.0, 1.0), (4.0, 2.0), (4.0, 3.0), (4.0, 4.0), (4.0, 5.0)], "spans only"),
        ([(2.0, 3.0), (3.0, 5.0), (4.0, 3.0), (5.0, 6.0), (6.0, 5.0)], "R² is"),
        ([(x, 10 - y) for x, y in line(2.0, 3.0, 4.0, 5.0, 6.0)], "the gain -1.15"),
    ],
)
def test_bad_fits_are_refused(pairs, words):
    """Too few points, too little span, no line, a line that falls: each in words."""
    with pytest.raises(CalibrationRefused, match=words):
        fitted(pairs)


def test_kept_and_found_again(tmp_path):
    """What is kept is found, beside what was kept for another sensor."""
    file = tmp_path / "data/calibration.json"
    found = fitted(line(2.0, 3.0, 4.0, 5.0, 8.0), board="1000000012345678")
    keep(file, "other", fitted(line(1.0, 2.0, 3.0, 4.0, 5.0)))
    keep(file, "pmic", found)
    assert found == find(file, "pmic", "1000000012345678")
    assert 1 == len(list(file.parent.iterdir()))


def test_nothing_kept_is_no_calibration(tmp_path):
    """No file, no entry: none."""
    keep(tmp_path / "c.json", "other", fitted(line(1.0, 2.0, 3.0, 4.0, 5.0)))
    assert [None] * 3 == [find(file, "pmic", "") for file in (None, tmp_path / "none.json", tmp_path / "c.json")]


@pytest.mark.parametrize(("field", "value"), [("gain", -1.0), ("gain", "1"), ("offset_w", math.inf), ("meter", 3)])
def test_fields_that_make_no_sense_are_refused(tmp_path, field, value):
    """A file edited by hand is not trusted blindly."""
    file = tmp_path / "c.json"
    keep(file, "pmic", fitted(line(1.0, 2.0, 3.0, 4.0, 5.0)))
    kept = {**vars(find(file, "pmic", "")), field: value}

    file.write_text(json.dumps({"pmic": kept}))
    with pytest.raises(CalibrationRefused, match="damaged"):
        find(file, "pmic", "")
