"""Single layers in a report: counted by the way they ran, and drawn by their gradients."""

from controller.analysis.comparison import compare
from controller.report.layer_views import gradient_chart, way_table
from gradfilter.bench.schema import MethodedLayer
from tests.controller.records import training_job, whole_job
from tests.controller.report.comparisons import comparison, rendered

HOW = "gradient_filter patch_size=4"


def test_ways_are_counted_instead_of_listed():
    """Layers of one way are one row with their number, in the order in which ways first occur."""
    job = training_job()
    records = whole_job(job, {"baseline": 0.06, "filtered": 0.03})
    layers = [MethodedLayer(f"layer{i}", HOW, "at patch resolution") for i in range(7)]
    layers.append(MethodedLayer("last", HOW, "at full resolution, for interpolate"))
    for record in records:
        record.outcome.layers = [] if record.spec.variant.name == "baseline" else layers
    (group,) = way_table(compare(job, records)).groups
    assert "filtered" == group.title
    assert [(f"{HOW}, at patch resolution", "7"), (f"{HOW}, at full resolution, for interpolate", "1")] == [
        (row.label, row.cells[0]) for row in group.rows
    ]


def test_plain_jobs_have_no_such_table():
    """Where no method changed a layer there is nothing to count."""
    assert way_table(comparison("single_variant")) is None
    assert "How the changed layers ran" not in rendered("single_variant", "md")


def test_every_compared_gradient_is_drawn():
    """One row for each layer whose gradient was compared, and the lowest cosine in words."""
    (figure,) = gradient_chart(comparison("segmentation_over_epochs"))
    assert "2 layers" in figure.description
    assert "filtered, layer4.conv2, 0.92" in figure.description
    assert [] == list(gradient_chart(comparison("whole")))
