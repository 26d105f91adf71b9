"""Quality against cost over jobs, as the page of results draws it."""

import pytest
from scipy.special import stdtrit

from controller.analysis.across_jobs import RunValue
from controller.analysis.metrics import METRICS
from controller.dashboard.pareto import pareto_plot
from controller.store import JobValues, StoredJob
from tests.controller.records import training_job


def job(number, dataset="digits", **changes):
    spec = training_job(**changes)
    spec.workload.dataset = dataset
    return StoredJob(str(number), spec, "finished", "nano-1", "2026-03-01T12:00:00Z", None, None, "")


def values(of, *, covers="", **means):
    """Two runs of each variant around its mean."""
    runs = [
        RunValue(v, "", block, mean * (0.99, 1.01)[block - 1], covers) for v, mean in means.items() for block in (1, 2)
    ]
    return JobValues(of, runs)


def plot(costs, scores, metric="step_time"):
    return pareto_plot(METRICS[metric], costs, {"test_accuracy": scores})


def test_variants_of_all_jobs_stand_beside_each_other():
    """Of four variants of two jobs, two are beaten; the others are numbered from the cheapest on."""
    costs = [values(job(2), baseline=0.4, filtered=0.1), values(job(1), baseline=0.3, filtered=0.2)]
    scores = [values(job(2), baseline=0.8, filtered=0.7), values(job(1), baseline=0.8, filtered=0.6)]
    found = plot(costs, scores)
    assert ["filtered of 2", "baseline of 1"] == [f"{dot.variant} of {dot.job.id}" for dot in found.efficient]
    assert (4, [1, 2], 0) == (len(found.dots), [dot.number for dot in found.efficient], found.left_out)
    assert found.words.endswith("none beats in both: filtered of job 2, baseline of job 1.")


def test_cheaper_lies_left_and_better_lies_higher():
    """Places grow to the right and downwards, and an interval holds its value."""
    found = plot([values(job(1), baseline=0.3, filtered=0.2)], [values(job(1), baseline=0.8, filtered=0.6)])
    baseline, filtered = found.dots
    assert filtered.x[0] < baseline.x[0]
    assert filtered.y[0] > baseline.y[0]
    assert filtered.x[1] < filtered.x[0] < filtered.x[2]


@pytest.mark.parametrize(("data", "covers"), [("shapes", ""), ("digits", "package")])
def test_other_data_and_other_meters_are_left_out(data, covers):
    """Only what is on the newest job's data, and metered as it was, can stand beside it; the others are counted."""
    newest, older = job(2), job(1, data)
    costs = [values(newest, baseline=3, filtered=2), values(older, covers=covers, baseline=3, filtered=2)]
    found = plot(costs, [values(newest, baseline=0.8, filtered=0.6), values(older, baseline=0.8, filtered=0.6)])
    assert ({"2"}, 2) == ({dot.job.id for dot in found.dots}, found.left_out)


def test_without_scores_there_is_nothing_to_draw():
    """Single layers and jobs of other work have costs alone."""
    assert plot([values(job(1), baseline=0.3, filtered=0.2)], []) is None
    assert plot([], []) is None


def test_intervals_are_of_the_level_of_their_job():
    """The same two runs have a wider interval, both ways, in a job that looks four times: 98.75 % for 95 %."""
    once, four = job(2), job(1, until=0.02, repetitions=8, primary=["step_time"])
    costs, scores = ([values(one, baseline=mean) for one in (once, four)] for mean in (0.03, 0.05))
    narrow, wide = plot(costs, scores).dots
    wider = pytest.approx(stdtrit(1, 0.99375) / stdtrit(1, 0.975), rel=0.01)  # places are rounded to tenths
    assert wider == (wide.x[2] - wide.x[1]) / (narrow.x[2] - narrow.x[1])
    assert wider == (wide.y[2] - wide.y[1]) / (narrow.y[2] - narrow.y[1])
