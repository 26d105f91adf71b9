"""Units are chosen by the largest value of a metric and shared by all of it."""

import pytest

from controller.report.units import choose_unit


@pytest.mark.parametrize(
    ("unit", "values", "symbol"),
    [
        ("s", [0.08, 0.0004], "ms"),
        ("s", [0.85, 2.0], "ms"),
        ("s", [12.0], "s"),
        ("s", [0.0004], "µs"),
        ("s", [], "ms"),
        ("B", [1_240_000_000], "MB"),
        ("B", [12e9], "GB"),
        ("B", [2048], "kB"),
        ("B", [0], "B"),
        ("B", [], "MB"),
        ("J", [6.1], "J"),
        ("J", [0.2, 0.004], "mJ"),
        ("J", [], "J"),
        ("ratio", [0.97], "%"),
        ("1", [0.4], ""),
        ("Hz", [5.0], "Hz"),
    ],
)
def test_choose_unit(unit, values, symbol):
    """The table's numbers have few digits and none is below its unit by far."""
    assert symbol == choose_unit(unit, values).symbol
