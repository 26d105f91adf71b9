"""A job whose runs other programs disturbed says so before its numbers."""

import pytest

from controller.analysis.comparison import compare
from gradfilter.bench.schema import Channel, Series
from tests.controller.records import training_job, whole_job


def headline(loads):
    """The headline of a job of three blocks and two variants, with the other programs' load during each run."""
    job = training_job()
    records = whole_job(job, {"baseline": 0.06, "filtered": 0.03})
    for record, load in zip(records, loads, strict=True):
        times = [100.0 + i for i in range(50)]
        record.series = [Series(Channel("foreign_cpu", "load", "load", "ratio"), times, [load] * 50)]
    return compare(job, records).headline


def test_most_runs_disturbed_make_the_times_useless():
    """Four of six runs beside which other programs took more than a tenth: said first, the numbers after it."""
    said = headline([0.45, 0.2, 0.2, 0.2, 0.02, 0.02])
    expected = (
        "Measured on a busy board, so that times and energies are of no use: other programs took up to 45% of its "
        "processor, and more than 10% in 4 of 6 runs. filtered: backward"
    )
    assert expected == said[: len(expected)]


@pytest.mark.parametrize("loads", [[0.45, 0.45, 0.45, 0.0, 0.0, 0.0], [0.05] * 6])
def test_fewer_or_less_are_no_headline(loads):
    """Half of the runs, or a twentieth of the processor: the concern about them says enough."""
    assert headline(loads).startswith("filtered: backward")
