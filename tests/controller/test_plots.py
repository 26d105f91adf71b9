"""Plots that the server draws: places, ticks and words."""

import pytest

from controller.dashboard.plots import HEIGHT, LEFT, RIGHT, TOP, WIDTH, ago, plain, time_plot


def test_a_line_spans_the_plot():
    """The first value stands at the left edge, the last at the right, the largest above the smallest."""
    plot = time_plot("power", "W", [10.0, 11.0, 12.0], [1.0, 3.0, 2.0])
    (line,) = plot.lines
    places = [tuple(map(float, point.split(","))) for point in line.split()]
    assert [LEFT, (LEFT + WIDTH - RIGHT) / 2, WIDTH - RIGHT] == [x for x, _ in places]
    assert TOP < places[1][1] < places[2][1] < places[0][1] < HEIGHT
    assert "power: now 2.00 W; between 1.00 and 3.00 W in the last 2 s." == plot.words


def test_ticks_are_round():
    """Marks of the value axis stand at round numbers within it."""
    plot = time_plot("step time", "ms", [0.0, 60.0, 600.0], [131.0, 164.0, 142.0])
    assert ["130", "140", "150", "160"] == [tick.text for tick in plot.y_ticks]
    assert ["10 min ago", "5 min ago", "now"] == [tick.text for tick in plot.x_ticks]


def test_a_pause_breaks_the_line():
    """Where nothing was read for long, nothing is drawn; a second without a reading is bridged."""
    plot = time_plot("power", "W", [0.0, 1.0, 2.0, 60.0, 61.0], [1.0, None, 1.0, 2.0, 2.0])
    assert [2, 2] == [len(line.split()) for line in plot.lines]


@pytest.mark.parametrize("values", [[], [None]])
def test_nothing_read_is_no_plot(values):
    """A board without such a sensor has no empty frame."""
    assert time_plot("power", "W", [0.0] * len(values), values) is None


@pytest.mark.parametrize("value", [0.0, 5.0, -3.0])
def test_one_value_is_a_plot(value):
    """The first second has no span yet, and a constant no range."""
    assert time_plot("power", "W", [7.0], [value]).y_ticks


@pytest.mark.parametrize(("seconds", "words"), [(0, "0 s"), (119, "119 s"), (120, "2 min"), (7300, "2.0 h")])
def test_spans_in_words(seconds, words):
    """Short spans in seconds, longer ones in minutes and hours."""
    assert words == ago(seconds)


@pytest.mark.parametrize(("value", "text"), [(0, "0"), (1234.5, "1234"), (12.34, "12.3"), (0.01234, "0.0123")])
def test_numbers_have_three_digits(value, text):
    """Three significant digits, never an exponent."""
    assert text == plain(value)
