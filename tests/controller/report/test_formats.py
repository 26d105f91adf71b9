"""Every format shows every kind of comparison, completely and without taking its text for markup."""

import io
import json
import subprocess
import sys
from dataclasses import replace

import pandas as pd
import pytest

from controller.analysis.verdicts import MetricValue
from controller.report import FORMATS
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
        assert 2 * 9 == len(table)
        found = table.set_index(["variant", "metric"]).loc[("filtered", "backward")]
        expected = comparison("whole").variants[1].parts[0].metrics["backward"]
        assert (expected.estimate.value, expected.ratio.low, 3, "s") == (
            found["estimate_value"],
            found["ratio_low"],
            found["estimate_n"],
            found["unit"],
        )
        assert expected.runs == tuple(float(run) for run in found["runs"].split())

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

    def test_unmeasured_says_why(self):
        """Without a meter there is one line with the reason, and no row of empty cells."""
        text = rendered("quick_with_losses", "txt")
        assert "energy per step\n    unmeasured: no power sensor: rapl: no RAPL counter\ntest accuracy" in text

    def test_layers_stand_by_shape(self):
        """A layer job's rows are forward, backward, its speed-up and the saved bytes, by shape."""
        lines = [line.split() for line in rendered("layers", "txt").splitlines()]
        heading = ["variant", "forward [ms]", "backward [ms]", "speed-up of backward", "difference", "saved [MB]"]
        assert " ".join(heading).split() in lines
        assert any(line[:2] == ["64→64", "3×3"] for line in lines)

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

    def test_it_has_the_same_sections_as_the_page(self):
        """Results, concerns, runs, method, environment and how to repeat it."""
        lines = rendered("whole", "md").splitlines()
        sections = [line.removeprefix("## ") for line in lines if line.startswith("## ")]
        assert [
            "Results",
            "Concerns",
            "Runs",
            "How the numbers were made",
            "Environment",
            "Repeat it",
        ] == sections
