"""Single layers in a report: what each saves, how near its gradient is, and how they ran."""

from controller.analysis.comparison import compare
from controller.report.layer_charts import layer_charts
from controller.report.layers import layer_table, way_table
from gradfilter.bench.schema import MethodedLayer
from tests.controller.records import segmentation, training_job, whole_job
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


def test_layers_are_rows():
    """Saved bytes and their share of the baseline's, cosine and signal to error; a layer that is as before has none."""
    (group,) = layer_table(comparison("segmentation_over_epochs")).groups
    assert {
        "layer4.conv1": ("4.00", "1.00×", "1.00", "equal"),
        "layer4.conv2": ("0.125", "0.062×", "0.920 (0.893–0.943)", "8.0 (5.5–10.5)"),
        "bn": ("0", "–", "unmeasured", "–"),
    } == {row.label: row.cells for row in group.rows}
    assert "unmeasured: its weights do not fit the plain network" == group.notes[0]


def test_records_without_bytes_by_layer_still_have_gradients():
    """What older workers did not tell is left open, and nothing is drawn of it."""
    job, records = segmentation()
    for record in records:
        record.outcome.saved_bytes_by_layer = {}
    old = compare(job, records)
    assert {("–", "–")} == {row.cells[:2] for row in layer_table(old).groups[0].rows}
    assert 1 == len(list(layer_charts(old)))


def test_layers_that_save_less_need_no_gradient():
    """Activations of a lean network have no weight; they are shown by what they save."""
    job = training_job()
    records = whole_job(job, {"baseline": 0.06, "filtered": 0.03})
    for record in records:
        lean = record.spec.variant.name == "filtered"
        record.outcome.saved_bytes_by_layer = {"conv": 8000} if lean else {"conv": 8000, "relu": 32000}
    (group,) = layer_table(compare(job, records)).groups
    assert [("relu", ("0", "0×", "–", "–"))] == [(row.label, row.cells) for row in group.rows]


def test_changed_layers_are_drawn():
    """One row for each layer, by cosine and by bytes, with the lowest and the most in words."""
    cosines, saved = layer_charts(comparison("segmentation_over_epochs"))
    assert "2 layers" in cosines.description
    assert "filtered, layer4.conv2, 0.92" in cosines.description
    assert "The most: baseline, layer4.conv1, 4." in saved.description
    assert [] == list(layer_charts(comparison("whole")))
