"""Every format shows every kind of comparison, completely and without taking its text for markup."""

import io
import json
import subprocess
import sys
from dataclasses import replace

import pandas as pd
import pytest

from controller.analysis.comparison import compare
from controller.analysis.verdicts import MetricValue
from controller.report import CHARTS, FORMATS
from tests.controller.records import training_job, whole_job
from tests.controller.report.comparisons import CASES, HOSTILE, comparison, rendered


@pytest.mark.parametrize("name", FORMATS)
def test_a_report_is_a_pure_function(name):
    """The same comparison gives the same text again."""
    assert FORMATS[name].render(comparison("whole")) == rendered("whole", name)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("case", CASES)
def test_every_variant_is_in_it(case, name):
    """A variant without any finished run is still named; a name too long for a column is broken."""
    text = "".join(rendered(case, name).split())
    assert [] == [v.variant for v in comparison(case).variants if v.variant[:30] not in text]


@pytest.mark.parametrize("name", ["html", "md", "txt", "json"])
@pytest.mark.parametrize(
    "case", ["not_started", "layers_not_started", "baseline_failed", "one_repetition", "single_variant"]
)
def test_what_is_missing_is_said(case, name):
    """An incomplete comparison says what it lacks in every format that has sentences."""
    missing = comparison(case).missing
    assert missing
    assert missing in " ".join(rendered(case, name).replace("&#39;", "'").split())


def test_media_types():
    """Each format names its media type and its encoding."""
    assert {
        "html": "text/html; charset=utf-8",
        "md": "text/markdown; charset=utf-8",
        "csv": "text/csv; charset=utf-8",
        "json": "application/json",
        "txt": "text/plain; charset=utf-8",
    } == {name: form.media_type for name, form in FORMATS.items()}
    assert {"application/zip"} == {form.media_type for form in CHARTS.values()}


def test_importing_the_formats_draws_nothing():
    """What only charts and pages need is loaded when one is made."""
    code = (
        "import sys, controller.report; print(sorted({'altair', 'vl_convert', 'jinja2', 'pandas'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "[]\n" == result.stdout


class TestJson:
    def test_it_is_strict_and_complete(self):
        """No NaN, and the whole comparison with its job, environment and raw values."""

        def refuse(constant):
            raise AssertionError(constant)

        found = json.loads(rendered("whole", "json"), parse_constant=refuse)
        backward = found["variants"][1]["parts"][0]["metrics"]["backward"]
        assert (comparison("whole").headline, 3, "tiny_cnn") == (
            found["headline"],
            len(backward["runs"]),
            found["job"]["workload"]["model"],
        )
        assert backward["ratio"]["low"] < backward["ratio"]["value"] < backward["ratio"]["high"]


class TestCsv:
    def test_pandas_reads_it(self):
        """A line per variant and metric; numbers are numbers in the metric's own unit."""
        table = pd.read_csv(io.StringIO(rendered("whole", "csv")))
        assert 2 * 15 == len(table)
        found = table.set_index(["variant", "metric"]).loc[("filtered", "backward")]
        expected = comparison("whole").variants[1].parts[0].metrics["backward"]
        assert (expected.estimate.value, expected.ratio.low, 3, "s") == (
            found["estimate_value"],
            found["ratio_low"],
            found["estimate_n"],
            found["unit"],
        )
        assert expected.runs == tuple(float(run) for run in found["runs"].split())

    def test_energy_has_its_coverage_and_its_error(self):
        """What the meter covers, its standard uncertainty, and what it does not declare."""
        table = pd.read_csv(io.StringIO(rendered("whole", "csv"))).set_index(["variant", "metric"])
        energy = table.loc[("filtered", "energy_per_step")]
        assert ("board_input", "gain offset averaging") == (energy["covers"], energy["meter_error_undeclared"])
        assert 0 < energy["meter_error_standard"] < energy["estimate_value"]

    def test_its_columns_are_those_of_the_verdict(self):
        """Every field of a metric's verdict is a column or, for estimates, a prefix of columns."""
        header = rendered("not_started", "csv").splitlines()[0].split(",")
        assert [] == [
            name
            for name in MetricValue.__dataclass_fields__
            if not any(c == name or c.startswith(f"{name}_") for c in header)
        ]

    def test_layers_have_a_part(self):
        """Each shape of a layer job is a part of its own."""
        table = pd.read_csv(io.StringIO(rendered("layers", "csv")))
        assert {"64→64 3×3 56×56 batch 8", "256→256 3×3 14×14 batch 8"} == set(table["part"].dropna())

    def test_no_cell_is_a_formula(self):
        """A device whose name starts like a formula gets an apostrophe."""
        text = FORMATS["csv"].render(replace(comparison("whole"), device="=1+1"))
        assert {"'=1+1"} == set(pd.read_csv(io.StringIO(text))["device"])


class TestText:
    @pytest.mark.parametrize("case", CASES)
    def test_it_fits_the_terminal(self, case):
        """No line is wider than 110 columns, whatever the names are."""
        assert [] == [line for line in rendered(case, "txt").splitlines() if len(line) > 110]

    def test_a_metric_reads_as_a_block(self):
        """Unit, value with interval, speed-up with interval, and whether it is clear."""
        assert (
            "backward [ms]\n"
            "  baseline  60.4 (58.1–62.7)               –                         –\n"
            "  filtered  29.8 (28.7–30.9)               2.03× faster (1.89–2.18)  clear\n"
        ) in rendered("whole", "txt")

    def test_energy_says_what_it_covers(self):
        """The meter and what it covers stand below the numbers."""
        assert "    metered: board_input (ina: VDD_IN)\n" in rendered("whole", "txt")

    def test_energy_says_how_wrong_it_may_be(self):
        """The error of one run, and what the sensor does not say of its own."""
        text = " ".join(rendered("whole", "txt").split())
        assert "what its meter may be wrong by (k = 2, mostly steps): baseline 9.94 ± 0.13 J" in text
        assert "not declared by the sensor, and so not in it: gain, offset, averaging" in text

    def test_modelled_energies_stand_in_a_table_of_their_own(self):
        """Energies by part of a step are not among what was measured, and say how they were made."""
        text = rendered("modelled", "txt")
        measured, modelled = text.split("Energy by part of a step: modelled, not measured")
        assert "backward energy per step" not in measured
        assert "least squares over" in modelled

    def test_unmeasured_says_why(self):
        """Without a meter there is one line with the reason, and no row of empty cells."""
        text = rendered("quick_with_losses", "txt")
        assert "energy per step\n    unmeasured: no power sensor: rapl: no RAPL counter\ntest accuracy" in text

    def test_a_layers_backward_stands_beside_forward_and_backward(self):
        """A layer job's rows by shape: times, the speed-up of backward, that of both together, and the saved bytes."""
        text = rendered("layers", "txt")
        heading = "speed-up of backward  difference  speed-up of forward   saved [MB]"
        assert heading in text
        assert "10.1× (9.4–10.9)      clear       7.1× (6.7–7.5)        0.070" in text
        assert "Single layers, not a network's training step" in text

    def test_a_quick_job_says_no_test(self):
        """The words are in the verdict."""
        assert "no test" in rendered("quick_with_losses", "txt")


class TestMarkdown:
    def test_tables_have_equally_many_cells(self):
        """Text with bars and line breaks does not break a table."""
        for case in CASES:
            tables = [line for line in rendered(case, "md").split("\n\n") if line.startswith("| ")]
            for table in tables:
                bars = {line.replace("\\|", "").count("|") for line in table.splitlines()}
                assert 1 == len(bars)

    def test_markup_is_shown_not_obeyed(self):
        """Angle brackets, bars and stars from boards and people are escaped outside of code."""
        text = rendered("hostile", "md")
        prose, _, code = text.partition("```json")
        assert "<script>" not in prose
        assert r"\<script\>" in prose
        assert HOSTILE in json.loads(code.partition("```")[0])["note"]

    def test_another_number_type_is_said(self):
        """bfloat16 stands beside the workload and in how the numbers were made; float32 needs no word."""
        job = training_job()
        job.workload.dtype = "bfloat16"
        text = FORMATS["md"].render(compare(job, whole_job(job, {"baseline": 0.06, "filtered": 0.03})))
        assert "trainable last:4, bfloat16" in text
        assert "compute in bfloat16 where PyTorch's autocast does so" in text
        assert "bfloat16" not in rendered("whole", "md")

    def test_it_has_the_same_sections_as_the_page(self):
        """Results, concerns, runs, method, environment and how to repeat it."""
        lines = rendered("whole", "md").splitlines()
        sections = [line.removeprefix("## ") for line in lines if line.startswith("## ")]
        assert [
            "Results",
            "Concerns",
            "Runs",
            "Layers",
            "How the numbers were made",
            "Environment",
            "Repeat it",
        ] == sections


class TestPublished:
    @pytest.mark.parametrize("name", ["html", "md", "txt"])
    def test_kinds_stand_in_columns_of_their_own(self, name):
        """Measured on this board, paper-reported for another: two columns, the source below, no verdict."""
        text = " ".join(rendered("segmentation_over_epochs", name).replace("\\", "").split())
        for words in (
            "measured on nano-1",
            "paper-reported",
            "39.54",
            "hardware not stated [1]",
            "[1] a paper, table 3",
        ):
            assert words in text
        assert "whether they agree is not judged" in text

    @pytest.mark.parametrize("name", ["html", "md", "txt"])
    def test_a_layers_backward_is_never_alone(self, name):
        """Beside a published speed-up of backward stands what forward and backward together gained here."""
        text = " ".join(rendered("published_layers", name).split())
        assert "single layers, not a network" in text
        assert "forward and backward, measured on" in text
        assert "7.1× (6.7–7.5)" in text.partition("Beside the published figures")[2]

    def test_digits_are_those_of_the_publication(self):
        """A figure is given as it was printed, 'about' where it was read off a chart."""
        lines = [line.split("  ") for line in rendered("published_layers", "txt").splitlines()]
        rows = [[cell.strip() for cell in line if cell] for line in lines if "filtered" in line]
        shown = [row[3:] for row in rows if "[1]" in row[-1]]
        assert [
            ["57.3×", "Jetson Nano CPU [1]"],
            ["about 23×", "Raspberry Pi 3B CPU [1]"],
            ["7×", "a desk [1]"],
        ] == shown

    def test_csv_gives_it_lines_and_columns_of_its_own(self):
        """A line is either measured or published, told by its kind; no column holds both."""
        table = pd.read_csv(io.StringIO(rendered("segmentation_over_epochs", "csv")))
        published = table[table["kind"] == "paper-reported"]
        assert [0.3954, 0.3934, -0.002] == list(published["published_value"])
        assert published["estimate_value"].isna().all()
        assert table[table["kind"] == "measured"]["published_value"].isna().all()

    def test_json_gives_both(self):
        """The figure, what was measured, and the kind."""
        (first, *_) = json.loads(rendered("published_layers", "json"))["published"]
        assert ("paper-reported", 57.3) == (first["kind"], first["value"])
        assert first["whole_step"]["value"] < first["measured"]["value"]

    def test_kinds_are_explained(self):
        """The report says what both kinds mean."""
        assert "paper-reported: copied from the publication" in " ".join(rendered("published_layers", "txt").split())
        assert "paper-reported" not in rendered("layers", "md")


class TestLearning:
    @pytest.mark.parametrize("name", ["html", "md", "txt"])
    def test_scores_are_told_as_what_they_are(self, name):
        """mIoU, the accuracy of pixels, data loading and the score before training, all by their names."""
        text = " ".join(rendered("segmentation_over_epochs", name).split())
        for words in ("test mIoU [%]", "test pixel accuracy [%]", "test mean accuracy [%]", "data loading per step"):
            assert words in text.replace("\\", "")
        assert "mIoU 12.5 %, pixel accuracy 50.0 %" in text

    def test_epochs_are_rows(self):
        """The mean over runs after each epoch, a column for each variant."""
        text = rendered("segmentation_over_epochs", "txt")
        assert "epoch  baseline             filtered\n" in text
        assert "1      30.20 (29.95–30.45)  28.20 (27.95–28.45)\n" in text

    def test_gradients_are_rows(self):
        """Bytes, cosine and signal to error by layer; equal ones say so, missing ones why."""
        text = rendered("segmentation_over_epochs", "txt")
        assert "  layer4.conv1" in text
        assert "Layer by layer, on one batch a run" in text
        assert "    unmeasured: its weights do not fit the plain network\n" in text
