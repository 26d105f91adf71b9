"""Published figures stand beside the measured value of the same variant, part and metric; nothing is judged."""

import pytest

from controller.analysis.comparison import compare
from gradfilter.bench.schema import PublishedFigure
from tests.controller.records import SHAPES, layer_job, training_job, whole_job, whole_layer_job

PAPER = {"measured_on": "Jetson Nano CPU", "source": "a paper, table 1"}
LABEL = SHAPES[0].label


def beside(*figures, records=True):
    job = training_job(published=[PublishedFigure(**{"variant": "filtered", **PAPER, **figure}) for figure in figures])
    return compare(job, whole_job(job, {"baseline": 0.06, "filtered": 0.03}) if records else []).published


def test_a_value_stands_beside_the_mean():
    """A published accuracy is beside the mean over runs, in the metric's own unit."""
    (found,) = beside({"metric": "test_accuracy", "value": 0.915})
    assert ("test accuracy", "ratio", 0.915, "paper-reported") == (found.title, found.unit, found.value, found.kind)
    assert (pytest.approx(0.902), "", None) == (found.measured.value, found.unmeasured, found.whole_step)


def test_a_speed_up_stands_beside_the_ratio_and_the_whole_step():
    """A published speed-up is beside the paired ratio; of a backward, the whole step's ratio comes along."""
    (found,) = beside({"metric": "backward", "value": 20.0, "against": "baseline", "approximate": True})
    assert (pytest.approx(2.0, rel=0.05), True) == (found.measured.value, found.approximate)
    assert pytest.approx(1.43, rel=0.05) == found.whole_step.value


def test_a_difference_stands_beside_the_difference():
    """What is compared by difference is set against the baseline by difference."""
    (found,) = beside({"metric": "test_accuracy", "value": -0.002, "against": "baseline"})
    assert pytest.approx(0.0) == found.measured.value


def test_a_layers_figure_belongs_to_its_shape():
    """A figure of one shape stands beside that shape, and forward and backward come along."""
    figure = PublishedFigure("filtered", "backward", 86.0, **PAPER, part=LABEL, against="baseline")
    job = layer_job(published=[figure])
    times = {"baseline": (0.2, 0.05), "filtered": (0.02, 0.025)}
    (found,) = compare(job, whole_layer_job(job, times)).published
    assert (LABEL, pytest.approx(10, rel=0.1)) == (found.part, found.measured.value)
    assert found.whole_step.value < found.measured.value


@pytest.mark.parametrize(
    ("figure", "records", "reason"),
    [
        ({"metric": "energy_per_step", "value": 1.0}, True, "no power sensor: rapl: no RAPL counter"),
        ({"metric": "backward", "value": 1.0}, False, "no run of this variant has ended yet"),
        ({"metric": "flops", "value": 1.0}, True, "this job does not measure flops"),
        ({"metric": "test_miou", "value": 0.5}, True, "this job does not measure test_miou"),
        ({"metric": "backward", "value": 1.0, "part": LABEL}, True, f"this job does not measure backward of {LABEL}"),
        (
            {"metric": "backward", "value": 1.0, "variant": "baseline", "against": "baseline"},
            True,
            "no pair of runs compares this variant with the baseline",
        ),
    ],
)
def test_what_was_not_measured_says_why(figure, records, reason):
    """A figure without a measured value stands there with the reason."""
    (found,) = beside(figure, records=records)
    assert (None, reason) == (found.measured, found.unmeasured)
