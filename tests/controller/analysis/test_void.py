"""Void runs: for declared causes only, whatever was measured; kept, counted and not used."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.analysis.comparison import compare
from controller.analysis.void import void_because
from controller.standard_design import designed
from gradfilter.bench.schema import Channel, Series, VoidIf
from tests.controller.records import ENVIRONMENT, finished, training_job

TIMES = [float(t) for t in range(90, 150)]


def series(quantity, name, of_time, kind="gauge"):
    return Series(Channel(name, "s", quantity, "", kind), TIMES, [of_time(t) for t in TIMES])


THROTTLED = series("state", "too hot", lambda t: 1.0 if 120 < t < 125 else 0.0)
SWAPPED = series("memory", "swapped_out", lambda t: 8e6 if t > 120 else 0.0, kind="counter")
BUSY = series("load", "foreign_cpu", lambda t: 0.3)


def run_with(**changes):
    return finished(training_job(), "filtered", 1, **changes)


def verdict(declared, record):
    return void_because(training_job(void_if=declared), record)


class TestCauses:
    @pytest.mark.parametrize(
        ("declared", "changes", "why"),
        [
            (VoidIf(), {"series": [THROTTLED]}, "the board held itself back (too hot)"),
            (VoidIf(), {"series": [SWAPPED]}, "8 MB went to swap and back"),
            (VoidIf(), {"environment": {**ENVIRONMENT, "clock_step_s": -3.5}}, "set or stood still by -3.5 s"),
            (VoidIf(foreign_load=0.1), {"series": [BUSY]}, "other programs used 30% of the processors"),
        ],
    )
    def test_each_declared_cause_is_named(self, declared, changes, why):
        """What the sensors and the clock say is enough."""
        assert why in verdict(declared, run_with(**changes))

    @pytest.mark.parametrize(
        ("declared", "changes"),
        [
            (None, {"series": [THROTTLED, SWAPPED, BUSY]}),
            (VoidIf(throttled=False, swapped_bytes=None), {"series": [THROTTLED, SWAPPED]}),
            (VoidIf(clock_step_s=None), {"environment": {"clock_step_s": 50.0}}),
            (VoidIf(), {"series": [BUSY]}),
            (VoidIf(foreign_load=0.5), {"series": [BUSY]}),
        ],
    )
    def test_nothing_else_voids_a_run(self, declared, changes):
        """A cause that was not declared, or that stays below its bound, is none."""
        assert "" == verdict(declared, run_with(**changes))

    @given(
        forward_s=st.floats(1e-6, 100),
        accuracy=st.floats(0, 1),
        throttled=st.booleans(),
    )
    def test_the_measured_outcome_never_matters(self, forward_s, accuracy, throttled):
        """However fast or good a run was, only its conditions decide."""
        record = run_with(forward_s=forward_s, series=[THROTTLED] if throttled else [])
        record = replace(record, outcome=replace(record.outcome, test_accuracy=accuracy))
        assert throttled == bool(verdict(VoidIf(foreign_load=0.0), record))

    def test_a_failed_run_is_a_result_and_never_void(self):
        """Its cause may be the method's own."""
        assert "" == verdict(VoidIf(), run_with(series=[THROTTLED], state="failed"))


class TestDeclaring:
    def test_submitting_declares_the_usual_causes(self):
        """A job that says nothing has them written down before it starts; a quick one has none."""
        assert VoidIf() == designed(training_job()).void_if
        assert designed(training_job(quick=True)).void_if is None

    def test_what_a_job_says_stays(self):
        """A laboratory may know better."""
        declared = VoidIf(foreign_load=0.05)
        assert declared == designed(training_job(void_if=declared)).void_if


def test_void_runs_are_counted_and_not_used():
    """A block with one is not paired; it stands in the report's counts, failures and concerns."""
    job = training_job(void_if=VoidIf(), repetitions=2)
    records = [finished(job, name, block) for block in (1, 2, 3) for name in ("baseline", "filtered")]
    records[1] = replace(records[1], series=[THROTTLED])
    found = compare(job, records)
    filtered = found.variants[1]
    assert (2, 1, 0) == (filtered.runs_valid, filtered.runs_void, filtered.runs_lost)
    assert ["block 1, attempt 1: void: the board held itself back (too hot)"] == filtered.failures
    assert {2, 3} == set(filtered.parts[0].metrics["step_time"].pairs)
    assert ["1 of 3 runs are void by what the job declared; the first: the board held itself back (too hot)"] == [
        concern.message for concern in found.concerns if concern.code == "void_runs"
    ]
