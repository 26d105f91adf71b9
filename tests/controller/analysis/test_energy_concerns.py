"""Doubts about a run's energy and about the board that it was measured on, each provoked."""

import math
from dataclasses import replace

import pytest

from controller.analysis.comparison import compare
from gradfilter.bench.schema import Channel, Phase, SamplerReport, Series
from tests.controller.records import PHASES, gauge, power, training_job, whole_job

TIMES = {"baseline": 0.06, "filtered": 0.03}


def messages(change, code):
    """The messages of that code after the first of sixteen metered runs was changed."""
    job = training_job(repetitions=8)
    records = whole_job(job, TIMES)
    for record in records:
        record.series = [power(lambda t: 5 + math.sin(t))]
        record.series[0].channel.update_s = 0.1
    change(records[0])
    return [concern.message for concern in compare(job, records).concerns if concern.code == code]


def with_series(*series):
    return lambda record: record.series.extend(series)


def state(name, of_time, quantity="state"):
    kind = "counter" if quantity == "event_count" else "gauge"
    made = gauge(quantity, "level", name, of_time)
    return replace(made, channel=replace(made.channel, kind=kind))


def other_meter(watts, name="VDD_IN", covers="board_input", role=""):
    made = power(lambda t: watts + math.sin(t), name=name, covers=covers, period_s=0.5)
    return replace(made, channel=replace(made.channel, sensor="jtop", update_s=0.5, role=role))


def test_two_meters_of_the_same_that_disagree():
    """5.5 W by jtop where ina says 5 W is a tenth too much; both are named. 5.1 W is near enough."""
    (said,) = messages(with_series(other_meter(5.5)), "meters_disagree")
    assert ("board_input (jtop: VDD_IN) says" in said, "board_input (ina: VDD_IN) says" in said) == (True, True)
    assert said.endswith("+10%")
    assert [] == messages(with_series(other_meter(5.1)), "meters_disagree")


def test_two_readings_of_one_rail_that_disagree():
    """Rails are compared by name, although none is the energy of a step."""
    ours = power(lambda t: 2 + math.sin(t) / 2, name="VDD_SOC", covers="rail")
    ours = replace(ours, channel=replace(ours.channel, role="rail"))
    (said,) = messages(with_series(ours, other_meter(3, "VDD_SOC", "rail", "rail")), "meters_disagree")
    assert "rail (jtop: VDD_SOC)" in said


def test_a_meter_that_was_passed_over():
    """The energy comes from the package since the board's own meter never changed."""
    times = [95 + i / 10 for i in range(551)]
    package = Channel("package-0", "rapl", "energy", "J", kind="counter", covers="package")

    def change(record):
        record.series = [power(lambda _: 5.0), Series(package, times, [4 * t for t in times])]

    (said,) = messages(change, "meter_passed_over")
    assert "package (rapl: package-0) was used, since sensor ina, VDD_IN: 1 distinct readings" in said


def test_few_distinct_readings():
    """81 changes of the value carry an energy, but not a good one."""

    def change(record):
        record.series = [power(lambda t: 5 + math.sin(t), period_s=0.5)]

    assert ["in 1 of 8 runs the energy comes from 81 distinct readings, under 100"] == messages(change, "few_readings")


def test_idling_that_changed():
    """2 W before the run and 3 W after it."""

    def change(record):
        record.series = [power(lambda t: 2 if t < 100 else 3 if t > 146 else 5 + math.sin(t))]
        record.phases = [*PHASES, Phase("settle", 146.5, 150.0)]

    assert ["in 1 of 8 runs the idle power went from 2 W before the run to 3 W after it"] == messages(
        change, "idle_drifted"
    )


@pytest.mark.parametrize(
    ("name", "of_time", "quantity", "said"),
    [
        ("under_voltage", lambda t: float(t == 120), "state", True),
        ("under_voltage", lambda t: float(t < 100), "state", False),
        ("throttled since boot", lambda t: float(t > 120), "state", True),
        ("throttled since boot", lambda t: 1.0, "state", False),
        ("over-current", lambda t: 7.0 + (t > 120), "event_count", True),
        ("over-current", lambda t: 7.0 + (t > 95), "event_count", False),
    ],
)
def test_a_board_that_held_itself_back(name, of_time, quantity, said):
    """States count while steps were measured, those since boot where they changed, events where they rose."""
    assert said == bool(messages(with_series(state(name, of_time, quantity)), "held_back"))


def test_traffic_with_swap():
    """Pages that come and go while as much is in swap as before."""
    series = gauge("memory", "B", "swapped_in", lambda t: 0.0 if t < 120 else 8e6)
    series = replace(series, channel=replace(series.channel, kind="counter"))
    assert ["in 1 of 8 runs 8 MB went to or from swap"] == messages(with_series(series), "swap_used")


def test_other_programs_while_steps_were_measured():
    """The worker's own load is none of it."""
    loads = (
        gauge("load", "ratio", "cpu", lambda t: float(t > 100)),
        gauge("load", "ratio", "foreign_cpu", lambda t: 0.3),
    )
    (said,) = messages(with_series(*loads), "high_load")
    assert "other programs used 30% of the processor in the measured phase" in said


def test_a_sampler_that_costs_too_much():
    """1.1 s of CPU time in 55 s are 2 % of a core."""

    def change(record):
        record.sampler = SamplerReport(0.1, 550, 1.1, 0.12)

    assert ["in 1 of 8 runs reading the sensors took 2.0% of a core"] == messages(change, "sampler_load")


def test_what_a_sensor_remarked():
    """That a service had to be started anew is passed on, three remarks at most."""
    remarks = [f"jtop: restarted {i}." for i in range(5)]

    def change(record):
        record.sampler = replace(record.sampler, remarks=remarks)

    assert ["in 1 of 8 runs jtop: restarted 0; jtop: restarted 1; jtop: restarted 2 (and 2 more)"] == messages(
        change, "sensor_remarks"
    )


def test_runs_that_started_at_other_temperatures():
    """One run began at 40 °C where the others began at 60."""
    job = training_job(repetitions=8)
    records = whole_job(job, TIMES)
    for i, record in enumerate(records):
        record.series = [gauge("temperature", "degC", "soc", lambda t, i=i: 60.0 if i else 40.0)]
    found = [c.message for c in compare(job, records).concerns if c.code == "different_temperatures"]
    assert 1 == len(found)
    assert "between 40 and 60 °C" in found[0]
