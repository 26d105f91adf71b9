"""Outliers are labelled by Tukey's fences, and stay."""

from controller.analysis.comparison import compare
from controller.analysis.outliers import outliers
from tests.controller.records import training_job, whole_job


def test_fences_of_one_to_eight():
    """Quartiles 2.75 and 6.25 of 1 to 8: beyond 11.5 is mild, beyond 16.75 far, of eight values one of which moves."""
    values = {block: float(block) for block in range(1, 9)}
    assert {} == outliers(values)
    assert {8: "mild"} == outliers({**values, 8: 12.0})
    assert {8: "far"} == outliers({**values, 8: 17.0})
    assert {1: "far"} == outliers({**values, 1: -9.0})


def test_few_runs_have_none():
    """Of four values no quartile says anything."""
    assert {} == outliers({1: 1.0, 2: 1.0, 3: 1.0, 4: 100.0})


def test_an_outlier_is_labelled_and_counted():
    """A run that took ten times as long is named by its block, and is in the mean."""
    job = training_job(repetitions=8)
    records = whole_job(job, {"baseline": 0.06, "filtered": 0.03})
    slow = next(r for r in records if (r.spec.variant.name, r.spec.block) == ("filtered", 5))
    for step in slow.steps:
        step.backward_s *= 10
    backward = compare(job, records).variants[1].parts[0].metrics["backward"]
    assert ({5: "far"}, 8) == (backward.outliers, backward.estimate.n)
