"""A report's charts as files: those of the page, each a document of its own."""

import io
import xml.etree.ElementTree as ET
import zipfile

from controller.report import CHARTS
from controller.report.charts import figures
from tests.controller.report.comparisons import comparison

SVG = "{http://www.w3.org/2000/svg}"


def files(case, name):
    with zipfile.ZipFile(io.BytesIO(CHARTS[name].render(comparison(case)))) as archive:
        return {entry: archive.read(entry) for entry in archive.namelist()}


def test_every_chart_of_the_page_is_a_file():
    """In the order of the page, named by their titles, which stand in them with the description."""
    drawn = figures(comparison("layers"))
    found = {name: ET.fromstring(content) for name, content in files("layers", "svg.zip").items()}
    assert [
        "01-64-64-3-3-56-56-batch-8-forward-and-backward.svg",
        "02-256-256-3-3-14-14-batch-8-forward-and-backward.svg",
    ] == list(found)
    words = [(root.findtext(f"{SVG}title"), root.findtext(f"{SVG}desc")) for root in found.values()]
    assert [(figure.title, figure.description) for figure in drawn] == words


def test_they_have_their_own_colours_and_load_nothing():
    """No page gives the text its colour, and there is no reference."""
    for content in files("layers", "svg.zip").values():
        assert b"currentColor" not in content
        assert b"href" not in content


def test_png_has_twice_the_pixels():
    """Sharp on a slide: two pixels a side for each of the SVG's."""
    (svg, *_), (png, *_) = files("layers", "svg.zip").values(), files("layers", "png.zip").values()
    size = ET.fromstring(svg).attrib
    pixels = [int.from_bytes(png[at : at + 4], "big") for at in (16, 20)]
    assert [round(2 * float(size["width"])), round(2 * float(size["height"]))] == pixels


def test_nothing_measured_is_an_empty_archive():
    """Before the first run there is nothing to draw."""
    assert {} == files("not_started", "svg.zip")


def test_the_same_charts_are_the_same_archive():
    """No instant of writing is in it."""
    assert CHARTS["svg.zip"].render(comparison("layers")) == CHARTS["svg.zip"].render(comparison("layers"))
