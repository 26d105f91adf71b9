"""The checklist: a job that holds, and every point broken once."""

import math
from dataclasses import replace

import pytest

from controller.analysis.verification import StoredHash, verify
from tests.controller.records import power, training_job, whole_job

TIMES = {"baseline": 0.06, "filtered": 0.03}


def held():
    """Two long blocks of thirty steps, metered."""
    job = training_job(repetitions=2)
    records = whole_job(job, TIMES)
    for record in records:
        warm, last = record.steps[:5], record.steps[-1]
        # Two seconds from step to step leave no room for the warm-up's long ones.
        record.steps = [replace(s, start_s=100.0 + 0.9 * i) for i, s in enumerate(warm)]
        record.steps += [replace(last, index=i, start_s=105.0 + 1.3 * i) for i in range(30)]
        record.series = [power(lambda t: 5 + math.sin(t))]
    return job, records


def failing(job, records, **hashes):
    """The points that do not hold, with what was found."""
    kept = {record.spec.run_id: StoredHash("a", "a") for record in records} | hashes
    return {check.name: check.found for check in verify(job, records, kept) if not check.passed}


def test_a_job_that_holds():
    """Every point passes, and says what was looked at."""
    assert {} == failing(*held())


@pytest.mark.parametrize(
    ("change", "point", "words"),
    [
        (lambda r: replace(r, phases=[*r.phases, replace(r.phases[-1], start_s=100.0)]), "clock", "phases overlap"),
        (lambda r: replace(r, steps=[replace(s, start_s=110.0) for s in r.steps]), "clock", "steps overlap"),
        (lambda r: replace(r, steps=r.steps[:-1]), "window lengths", "29 measured steps, under 30"),
        (lambda r: replace(r, sampler=replace(r.sampler, worst_gap_s=2.0)), "sensor quality", "no reading for 2 s"),
        (lambda r: replace(r, series=[power(lambda t: 5.0)]), "sensor quality", "sensor ina, VDD_IN"),
        (
            lambda r: replace(r, environment={**r.environment, "torch": "2.13"}),
            "same environment",
            "torch version 2.13",
        ),
        (lambda r: replace(r, spec=replace(r.spec, seed=99)), "seeds", "the runs of block 1 have different seeds"),
    ],
)
def test_each_point_is_named_where_it_does_not_hold(change, point, words):
    """One run's defect is found, and nothing else is."""
    job, records = held()
    found = failing(job, [*records[:1], change(records[1]), *records[2:]])
    assert [point] == list(found)
    assert words in found[point]


def test_data_that_were_changed_are_found():
    """The hash that was stored is not that of the data, or there is none."""
    job, records = held()
    run = records[0].spec.run_id
    assert (
        "baseline, block 1: the raw data are not those"
        in failing(job, records, **{run: StoredHash("a", "b")})["hashes of raw data"]
    )
    assert "without a hash" in failing(job, records, **{run: StoredHash("", "b")})["hashes of raw data"]


def test_nothing_finished_is_nothing_verified():
    """No run, no pass."""
    assert ["runs"] == list(failing(training_job(), []))
