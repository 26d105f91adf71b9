"""What layers took in the profiling run: in every form of the report, and never as if measured runs had said so."""

import csv
import io
import json
from dataclasses import replace

import pytest

from controller.analysis.comparison import compare
from controller.report import FORMATS
from controller.report.layer_charts import layer_charts
from controller.report.layer_times import time_table
from controller.report.rows import Group
from gradfilter.bench.schema import Failure, LayerTime, Outcome, RunRecord
from tests.controller.records import run_spec, segmentation, training_job, whole_job
from tests.controller.report.comparisons import comparison

WHERE = "measured in the profiling run, not in measured runs: median of its 3 steps"
FILTERED_S = {"layer4.conv2": 0.25, "layer4.conv1": 1.0}


def profiled():
    """A job whose variants ran once more: the filtered convolution's backward is four times as fast."""
    job, records = segmentation()
    return compare(job, [*records, *(profile(job, variant.name) for variant in job.variants)])


def profile(job, variant):
    backward = FILTERED_S if variant == "filtered" else {}
    times = [
        LayerTime(name, [0.02, 0.01, 0.03], [slow * backward.get(name, 1.0) for slow in (0.09, 0.04, 0.05)])
        for name in ("layer4.conv1", "layer4.conv2", "fc")
    ]
    times.append(LayerTime("unused", [0.0] * 3, [0.0] * 3))
    spec = replace(run_spec(job, variant, 9), purpose="profile")
    return RunRecord(spec, "finished", outcome=Outcome(layer_times=times))


def test_changed_layers_are_rows_and_the_others_are_summed():
    """Medians of the steps, both ways, and by how much the baseline took longer; what never ran is no layer."""
    table = time_table(profiled())
    baseline, filtered = table.groups
    assert (f"Time by layer, {WHERE}", "backward [ms]") == (table.caption, table.columns[2])
    assert {
        "layer4.conv1": ("20.0", "50.0", "1.00×", "1.00×"),
        "layer4.conv2": ("20.0", "12.5", "1.00×", "4.00×"),
        "all other layers": ("20.0", "50.0", "1.00×", "1.00×"),
    } == {row.label: row.cells for row in filtered.rows}
    assert {("20.0", "50.0", "–", "–")} == {row.cells for row in baseline.rows}


def test_every_form_says_where_it_was_measured():
    """Text, Markdown, HTML, CSV and JSON carry the kind with the number."""
    found = profiled()
    assert all(WHERE in FORMATS[form].render(found).replace("\n", " ") for form in ("txt", "md", "html", "csv", "json"))
    lines = [
        line for line in csv.DictReader(io.StringIO(FORMATS["csv"].render(found))) if line["part"] == "layer4.conv2"
    ]
    assert [("baseline", "0.05"), ("filtered", "0.0125")] == [
        (line["variant"], line["estimate_value"]) for line in lines if line["metric"] == "profiled_layer_backward"
    ]
    layers = json.loads(FORMATS["json"].render(found))["variants"][1]["time_by_layer"]
    assert ("measured", WHERE) == tuple(layers["layer4.conv2"]["backward"][name] for name in ("kind", "method"))


def test_times_are_drawn():
    """One chart for each way, named as of the profiling run."""
    forward, backward, *_ = layer_charts(profiled())
    assert "forward of each changed layer, in the profiling run" == forward.title
    assert "The most: baseline, layer4.conv1, 50" in backward.description


def test_a_job_without_a_profile_says_how_to_get_one():
    """In place of the times stands what to do; a job that changed no layer has nothing to say."""
    found = comparison("segmentation_over_epochs")
    assert all(
        "submit the job with --profile" in FORMATS[form].render(found).replace("\n", " ")
        for form in ("txt", "md", "html")
    )
    assert time_table(comparison("whole")) is None


def test_a_variant_whose_profile_failed_says_so():
    """The other one's times stand, and the reason stands beside them in place of nothing."""
    job, records = segmentation()
    job.profile = True
    failed = replace(profile(job, "filtered"), state="failed", failure=Failure("killed", "it was killed."))
    *_, last = time_table(compare(job, [*records, profile(job, "baseline"), failed])).groups
    assert Group("filtered", (), ("unmeasured: its profiling run failed: it was killed",)) == last


@pytest.mark.parametrize("times", [[], [LayerTime("layer4.conv2", [], [])]])
def test_a_profile_without_times_is_not_taken_for_none(times):
    """What an older worker leaves, or a layer without steps, is no reason to be told to ask for a profile."""
    job, records = segmentation()
    job.profile = True
    profiles = [replace(profile(job, v.name), outcome=Outcome(layer_times=times)) for v in job.variants]
    (group,) = time_table(compare(job, [*records, *profiles])).groups
    assert "its profiling run told no layer's time" in group.notes[0]


def test_a_profiler_that_saw_nothing_is_no_older_release():
    """As on an accelerator whose kernels it does not see."""
    job, records = segmentation()
    job.profile = True
    nothing = Outcome(layer_times=[LayerTime("layer4.conv2", [0.0], [0.0])])
    profiles = [replace(profile(job, v.name), outcome=nothing) for v in job.variants]
    (group,) = time_table(compare(job, [*records, *profiles])).groups
    assert "unmeasured: its profiler saw no layer take any time" == group.notes[0]


def test_the_newest_profile_counts_in_any_order():
    """Of two attempts that finished the second's times are shown, whichever record comes first."""
    job, records = segmentation()
    first = profile(job, "filtered")
    again = replace(
        first, spec=replace(first.spec, attempt=2), outcome=Outcome(layer_times=[LayerTime("fc", [1], [2])])
    )
    for profiles in ([first, again], [again, first]):
        assert ["fc"] == list(compare(job, [*records, *profiles]).variants[1].time_by_layer)


def test_no_measured_run_changes_by_a_profile():
    """Every metric is as it is without the profiling runs."""
    job = training_job()
    records = whole_job(job, {"baseline": 0.06, "filtered": 0.03})
    with_profile = compare(job, [*records, profile(job, "filtered")])
    assert compare(job, records).variants[1].parts == with_profile.variants[1].parts
