"""Which variants no other beats in both cost and quality."""

from controller.analysis.comparison import compare
from controller.analysis.estimate import Estimate
from controller.analysis.pareto import ParetoPoint, pareto_points, with_front
from tests.controller.records import BASELINE, COARSE, FILTERED, layer_job, training_job, whole_job, whole_layer_job


def point(name, cost, quality):
    estimates = (Estimate(value, None, None, 0.95, 1) for value in (cost, quality))
    return ParetoPoint("1", name, *estimates, "s")


def test_what_is_beaten_in_both_is_not_efficient():
    """Slow and exact, fast and rough are choices; slow and rough is none. Equals do not beat each other."""
    found = with_front([point("exact", 2, 0.9), point("rough", 1, 0.8), point("bad", 2, 0.8), point("twin", 1, 0.8)])
    assert {"exact": True, "rough": True, "bad": False, "twin": True} == {p.variant: p.efficient for p in found}


def test_a_jobs_variants():
    """Every variant with its step's time and its accuracy; the faster ones that reach as much beat the baseline."""
    job = training_job([BASELINE, FILTERED, COARSE])
    found = pareto_points(
        compare(job, whole_job(job, {"baseline": 0.06, "filtered": 0.03, "coarse": 0.02})), "step_time"
    )
    assert ["baseline", "filtered", "coarse"] == [p.variant for p in found]
    assert [False, False, True] == [p.efficient for p in found]
    assert "s" == found[0].unit


def test_layers_reach_nothing():
    """Single convolutions have no accuracy, so there is no point."""
    job = layer_job()
    comparison = compare(job, whole_layer_job(job, {"baseline": (0.2, 0.05), "filtered": (0.02, 0.025)}))
    assert [] == pareto_points(comparison, "step_time")
