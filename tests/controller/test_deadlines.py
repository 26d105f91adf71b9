"""Deadlines: what is left of the time that a job was allowed."""

import pytest

from controller.deadlines import Deadlines
from controller.instants import as_text
from tests.controller.clocks import SteppedClock


@pytest.fixture
def clock():
    return SteppedClock()


@pytest.fixture
def deadlines(clock):
    return Deadlines(clock, clock.monotonic)


@pytest.fixture
def left(clock, deadlines):
    """What is left of a minute that begins now."""
    began_at = as_text(clock())
    return lambda: deadlines.left_s("1", began_at, 60)


def test_time_runs_down(clock, left):
    """What is left falls second by second, below zero too."""
    assert 60 == left()
    clock.advance(61)
    assert -1 == left()


@pytest.mark.parametrize("seconds", [3600, -3600])
def test_a_clock_that_is_set_anew_changes_nothing(clock, left, seconds):
    """Once a deadline is known, only the monotonic clock counts."""
    left()
    clock.step(seconds)
    assert 60 == left()


def test_time_under_an_earlier_controller_counts(clock, left):
    """A controller that has just come knows the beginning by the wall's clock."""
    clock.step(20)
    assert 40 == left()


def test_a_beginning_in_the_future_is_now(clock, left):
    """A clock that was set back gives no more than the time that was allowed."""
    clock.step(-3600)
    assert 60 == left()


@pytest.mark.parametrize(("kept", "seconds"), [({"1", "2"}, 60), ({"2"}, 40)])
def test_only_jobs_that_are_kept_are_remembered(clock, deadlines, left, kept, seconds):
    """A deadline that was forgotten is known by the wall's clock again, as after a restart."""
    left()
    clock.step(20)
    deadlines.keep(kept)
    assert seconds == left()
