"""The page is one well-formed file that loads nothing, runs nothing and says everything in words too."""

import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from itertools import pairwise

import pytest

from controller.analysis.comparison import compare
from controller.report import FORMATS
from controller.report.charts import figures
from tests.controller.records import training_job, whole_job
from tests.controller.report.comparisons import CASES, HOSTILE, comparison, rendered


def page(case):
    """The page as a tree: it is written so that it is well-formed XML too."""
    return ET.fromstring(rendered(case, "html").removeprefix("<!DOCTYPE html>"))


def words(element):
    return " ".join("".join(element.itertext()).split())


@pytest.mark.parametrize("case", CASES)
class TestEveryCase:
    def test_it_loads_and_runs_nothing(self, case):
        """No script, no handler, no reference but to places in the page itself."""
        html = rendered(case, "html")
        tree = page(case)
        assert set() == {e.tag for e in tree.iter()} & {
            "script",
            "iframe",
            "object",
            "embed",
            "link",
            "img",
            "base",
            "form",
        }
        attributes = [(name, value) for element in tree.iter() for name, value in element.attrib.items()]
        assert [] == [name for name, _ in attributes if name.startswith("on")]
        assert [] == [v for n, v in attributes if n in {"href", "src"} and not v.startswith("#")]
        assert [] == re.findall(r"https?://|@import|url\((?!#)", html)

    def test_headings_are_in_order(self, case):
        """One first heading, and no level is skipped."""
        levels = [int(e.tag[1]) for e in page(case).iter() if re.fullmatch(r"h[1-6]", e.tag)]
        assert (1, 1) == (levels[0], levels.count(1))
        assert all(after <= before + 1 for before, after in pairwise(levels))

    def test_names_are_given_once(self, case):
        """Every id is unique and every reference meets one, the charts' own included."""
        html = rendered(case, "html")
        ids = [e.attrib["id"] for e in page(case).iter() if "id" in e.attrib]
        assert sorted(set(ids)) == sorted(ids)
        assert set() == set(re.findall(r'(?:url\(|href=")#([\w-]+)', html)) - set(ids)


def test_the_verdict_comes_first():
    """What a reader sees after the title is the headline."""
    header = page("whole").find("body/header")
    assert [comparison("whole").title, comparison("whole").headline] == [words(e) for e in list(header)[1:3]]


def test_markup_is_shown_not_obeyed():
    """Text from people and boards appears as it was written."""
    tree = page("hostile")
    facts = {words(div.find("dt")): words(div.find("dd")) for div in tree.iter("div") if div.find("dt") is not None}
    assert (HOSTILE, HOSTILE) == (facts["device"], facts["note"])
    assert HOSTILE in words(tree.find("body/main"))


def test_charts_have_words():
    """Every chart is one image to a screen reader, described with its numbers."""
    charts = [e for e in page("whole").iter("div") if e.attrib.get("class") == "chart"]
    assert 13 == len(charts)
    assert all(e.attrib["role"] == "img" and e.find("svg") is not None for e in charts)
    assert "baseline 60.4 (58.1–62.7); filtered 29.8 (28.7–30.9)" in "".join(e.attrib["aria-label"] for e in charts)


def test_charts_take_the_colour_of_the_text():
    """Labels and axes follow the reader's light or dark setting."""
    svgs = list(page("whole").iter("svg"))
    assert all("currentColor" in {t.attrib.get("fill") for t in svg.iter("text")} for svg in svgs)


def test_charts_keep_the_order_of_the_variants():
    """The baseline stands first, also where its runs agree so that it has no interval."""
    job = training_job()
    records = whole_job(job, {"baseline": 0.06, "filtered": 0.03})
    for record in records:
        if record.spec.variant.name == "baseline":
            record.outcome.test_accuracy = 0.9
    drawn = {figure.title: ET.fromstring(figure.svg) for figure in figures(compare(job, records))}
    labels = [t.text for t in drawn["test accuracy, every run"].iter("text") if t.text in {"baseline", "filtered"}]
    assert ["baseline", "filtered"] == labels


def test_layers_have_a_chart_each():
    """A layer job shows each shape's backward on top of its forward."""
    captions = [words(e) for e in page("layers").iter("figcaption")]
    assert [
        "64→64 3×3 56×56 batch 8: forward and backward",
        "256→256 3×3 14×14 batch 8: forward and backward",
    ] == captions


def test_epochs_have_a_curve():
    """A job that counts epochs has a line of its score, described by its ends."""
    charts = {words(e.find("figcaption")): e.find("div") for e in page("segmentation_over_epochs").iter("figure")}
    curve = charts["test mIoU after each epoch"]
    assert curve.find("svg") is not None
    assert "baseline 30.20 (29.95–30.45) after epoch 1, 40.20 (39.95–40.45) after epoch 2" in curve.attrib["aria-label"]


def test_nothing_measured_draws_nothing():
    """Before the first run there are no charts and no section for them."""
    assert [] == list(page("not_started").iter("svg"))


def test_how_to_repeat_it():
    """The job is there as JSON, and the command that runs it."""
    blocks = [e.text for e in page("whole").iter("pre")]
    assert ("gradfilter submit job.json --wait", True) == (blocks[0], '"model": "tiny_cnn"' in blocks[1])


def test_long_facts_are_shortened():
    """How a library was built is cut where it says nothing any more; the JSON has it whole."""
    long = replace(comparison("whole"), environment={"torch_config": "x" * 2000})
    assert "x" * 160 + " … (whole in the JSON report)" in FORMATS["html"].render(long)
    assert "x" * 2000 in FORMATS["json"].render(long)
