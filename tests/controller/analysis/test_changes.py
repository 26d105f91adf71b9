"""Changes over time: twice in a row beyond the floor, and no sooner."""

from math import log

import pytest

from controller.analysis.changes import Change, Point, changes

FLOOR = log(1.05)


def points(*values):
    return [Point(f"2026-01-{day:02}", str(day), value) for day, value in enumerate(values, start=1)]


def test_two_in_a_row_are_a_change():
    """From the fourth job on everything takes 1.2 times as long, which is known with the fifth."""
    found = changes(points(1.0, 1.01, 0.99, 1.2, 1.2, 1.21, 1.19), FLOOR)
    assert [Change("2026-01-04", "4", 1.0, pytest.approx(1.2))] == found


def test_one_alone_is_none():
    """A single slow job among others is noise, and so are two that point opposite ways."""
    assert [] == changes(points(1.0, 1.0, 1.2, 1.0, 1.0), FLOOR)
    assert [] == changes(points(1.0, 1.0, 1.2, 0.8, 1.0, 1.0), FLOOR)


def test_within_the_floor_is_none():
    """Four per cent more is what the device does by itself."""
    assert [] == changes(points(1.0, 1.0, 1.04, 1.04, 1.04), FLOOR)


def test_a_way_back_is_a_change_too():
    """Slower for three jobs, then as before."""
    found = changes(points(1.0, 1.0, 1.2, 1.2, 1.2, 1.0, 1.0), FLOOR)
    assert [("3", pytest.approx(1.2)), ("6", pytest.approx(1 / 1.2))] == [(c.job_id, c.ratio) for c in found]


def test_a_mark_begins_anew():
    """New cooling between the third and the fourth job: what is faster since is no finding."""
    assert [] == changes(points(1.0, 1.0, 1.0, 0.8, 0.8, 0.8), FLOOR, marks=["2026-01-03T12:00:00"])


def test_no_points():
    """Nothing measured has not changed."""
    assert [] == changes([], FLOOR)
