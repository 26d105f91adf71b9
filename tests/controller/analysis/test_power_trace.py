"""Power over one run of each variant, as a report draws it."""

import pytest

from controller.analysis.comparison import compare
from controller.analysis.power_trace import MOST_POINTS
from gradfilter.bench.schema import Channel, Series
from tests.controller.records import lost, power, training_job, whole_job

TIMES = {"baseline": 0.06, "filtered": 0.03}


def traces(series, records=None):
    job = training_job()
    records = whole_job(job, TIMES) if records is None else records(job)
    for record in records:
        record.series = [series] if record.state == "finished" else []
    return compare(job, records).power


def test_each_variant_has_its_run_of_the_first_block():
    """Instants count from the run's beginning, and the phases with them; many readings become few points."""
    baseline, filtered = traces(power(lambda at: 5.0 if at < 105 else 8.0, period_s=0.05))
    assert [("baseline", 1), ("filtered", 1)] == [(trace.variant, trace.block) for trace in (baseline, filtered)]
    assert MOST_POINTS >= len(baseline.watts) > MOST_POINTS / 2
    assert (5.0, 8.0) == (baseline.watts[0], baseline.watts[-1])
    assert ("settle", 0.0, 9.0) == (
        baseline.phases[0].name,
        baseline.phases[0].start_s,
        baseline.phases[0].end_s,
    )
    assert "board_input (ina: VDD_IN)" == baseline.source


def test_a_counter_is_drawn_as_power():
    """Joules become the watts between two readings; a counter that began anew leaves a gap."""
    channel = Channel("package-0", "rapl", "energy", "J", kind="counter", covers="package")
    trace = traces(Series(channel, [100.0, 102.0, 104.0, 106.0], [0.0, 10.0, 4.0, 8.0]))[0]
    assert ([11.0, 15.0], [5.0, 2.0]) == (trace.times_s, pytest.approx(trace.watts))


def test_a_broken_block_gives_way_to_the_next():
    """The runs that are drawn belong together."""

    def without_one(job):
        records = [r for r in whole_job(job, TIMES) if (r.spec.variant.name, r.spec.block) != ("filtered", 1)]
        return [*records, lost(job, "filtered", 1)]

    assert [2, 2] == [trace.block for trace in traces(power(lambda _: 5.0), without_one)]


def test_without_a_meter_there_is_no_picture():
    """A temperature is no power, and a meter that was never read neither."""
    assert [] == traces(Series(Channel("cpu", "thermal", "temperature", "degC"), [100.0], [40.0]))
    assert [] == traces(Series(power(lambda _: 5.0).channel))
